"""Progress bars for long work: on stderr, and only where that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from optical_memory.memory import OpticalMemory

__all__ = ["flush", "progress_bar"]


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar, unless `quiet` or stderr is no terminal: then what is told to it goes
    nowhere.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=quiet or not console.is_terminal
    ) as progress:
        yield progress


def flush(memory: OpticalMemory, progress: Progress) -> None:
    """`memory.flush()`, with a bar of the pages that are certified so far."""
    task = progress.add_task("Certifying pages", total=None)
    with ThreadPoolExecutor(1) as pool:
        flushed = pool.submit(memory.flush)
        while not wait([flushed], timeout=0.25).done:
            pages = memory.stats().pages
            total = sum(pages.values())
            progress.update(task, completed=total - pages.get("text", 0), total=total)
        flushed.result()
    progress.remove_task(task)
