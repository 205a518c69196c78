"""Progress bars for long work: on stderr, and only if that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rich.progress
from rich.console import Console

from optical_memory.session.background import Progress

__all__ = [
    "progress_bars",
]


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """Gives a function that shows progress, with a bar for each step.

    It shows nothing with `quiet`, or if stderr is no terminal.
    """
    console = Console(stderr=True)
    bars = rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    tasks: dict[str, rich.progress.TaskID] = {}

    def show(step: str, n_done: int, n_total: int) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step)
        bars.update(tasks[step], completed=n_done, total=n_total)

    with bars:
        yield show
