"""What commands print on stdout: tables for people, or exactly one JSON object."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

import optical_memory
from optical_memory.readers.base import Reader

__all__ = ["Run", "maker", "printable", "stdout", "table"]

WORD = 8  # cells that a column of words has at least, if it needs them


@dataclass(frozen=True)
class Run:
    """One command at work. `reader` is id@revision, `seed` is None where nothing is drawn at
    random.
    """

    command: str
    as_json: bool
    reader: str | None = None
    seed: int | None = None
    started: float = field(default_factory=time.perf_counter)

    def done(
        self,
        show: Callable[[Console], None],
        rows: Sequence[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> None:
        """Print the answer: one JSON object with the head that all commands share, or what `show`
        prints.
        """
        if not self.as_json:
            show(stdout())
            return
        head = {
            "command": self.command,
            "version": optical_memory.__version__,
            "reader": self.reader,
            "seed": self.seed,
            "seconds": round(time.perf_counter() - self.started, 3),
        }
        answer = head | fields | ({} if rows is None else {"rows": list(rows)})
        print(json.dumps(answer, allow_nan=False))  # ASCII: lone surrogates survive as escapes


def stdout() -> Console:
    """For people: as wide as the terminal, or 120 columns where there is none."""
    wide = Console(highlight=False)
    return wide if wide.is_terminal else Console(highlight=False, width=120)


def maker(reader: Reader) -> str:
    """id@revision of a reader. Raises `CheckpointError` where its files are not there."""
    return f"{reader.profile.id}@{reader.profile.revision}"


def printable(text: str) -> str:
    """Text that is safe to print: U+FFFD for control characters (a page may hold terminal escapes)
    and surrogates.
    """
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text
    )


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, left: int = 1
) -> Table:
    """A table whose first `left` columns are words and the rest numbers."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        longest = max((len(str(row[i])) for row in rows), default=0)
        words = {"justify": "left", "overflow": "fold", "min_width": min(longest, WORD)}
        made.add_column(column, **(words if i < left else {"justify": "right", "no_wrap": True}))  # type: ignore[arg-type]
    for row in rows:
        made.add_row(*(printable(str(cell)) for cell in row))
    return made
