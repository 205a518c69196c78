"""The output of commands on stdout: tables for people, or exactly one JSON object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

import optical_memory
from optical_memory.quoting.unseen import for_terminal
from optical_memory.readers.base import Reader

__all__ = [
    "Run",
    "printable",
    "reader_name",
    "stdout",
    "table",
]

MIN_WORD_CELLS = 8
"""The least width of a column of words, in cells of the terminal, if its words are that long."""

WIDTH = 120
"""Columns of a table if there is no terminal to ask."""


@dataclass(frozen=True)
class Run:
    """A command at work.

    `reader` is id@revision; `seed` is None if nothing is drawn at random.
    """

    command: str
    as_json: bool
    reader: str | None = None
    seed: int | None = None
    start: float = field(default_factory=time.perf_counter)

    def finish(
        self,
        show: Callable[[Console], None],
        rows: Sequence[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> None:
        """Print the answer: `show` prints it for people; for machines it is a JSON object.

        All objects begin with the same head: command, version, reader, seed, seconds.
        """
        if not self.as_json:
            show(stdout())
            return
        head = {
            "command": self.command,
            "version": optical_memory.__version__,
            "reader": self.reader,
            "seed": self.seed,
            "seconds": round(time.perf_counter() - self.start, 3),
        }
        answer = head | fields
        if rows is not None:
            answer["rows"] = list(rows)
        print(json.dumps(answer, allow_nan=False))  # ASCII: lone surrogates survive as escapes


def stdout() -> Console:
    """A console for people, as wide as the terminal.

    Names and texts of users are printed as they are: `[/x]` is no markup.
    """
    terminal = Console(highlight=False, markup=False)
    if terminal.is_terminal:
        return terminal
    return Console(highlight=False, markup=False, width=WIDTH)


def reader_name(reader: Reader) -> str:
    """id@revision of a reader. Raises `CheckpointError` if its files are not there."""
    return f"{reader.profile.id}@{reader.profile.revision}"


def printable(text: str) -> str:
    """Text that is safe to print: U+FFFD in place of control characters and surrogates, and of
    what turns the direction of a line or has no look.

    A page may hold terminal escapes.
    """
    return for_terminal(text)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, n_words: int = 1
) -> Table:
    """A table whose first `n_words` columns are words and whose other columns are numbers."""
    grid = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        if i < n_words:
            longest = max((len(str(row[i])) for row in rows), default=0)
            width = min(longest, MIN_WORD_CELLS)
            grid.add_column(column, justify="left", overflow="fold", min_width=width)
        else:
            grid.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(*(printable(str(cell)) for cell in row))
    return grid
