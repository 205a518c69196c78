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

__all__ = ["Run", "maker", "printable", "table"]


@dataclass(frozen=True)
class Run:
    """One command at work. `reader` is id@revision, `seed` is None where nothing is drawn at random."""

    command: str
    as_json: bool
    reader: str | None = None
    seed: int | None = None
    started: float = field(default_factory=time.perf_counter)

    def done(
        self, show: Callable[[Console], None], rows: Sequence[dict[str, Any]] | None = None, **fields: Any
    ) -> None:
        """Print the answer: one JSON object with the head that all commands share, or what `show` prints."""
        if not self.as_json:
            show(Console(highlight=False, soft_wrap=True))
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


def maker(reader: Reader) -> str:
    """id@revision of a reader. Raises `CheckpointError` where its files are not there."""
    return f"{reader.profile.id}@{reader.profile.revision}"


def printable(text: str) -> str:
    """Text that is safe to print: U+FFFD for control characters (a page may hold terminal escapes) and surrogates."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, left: int = 1) -> Table:
    """A table whose first `left` columns are words and the rest numbers."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i < left else "right", overflow="fold", no_wrap=i >= left)
    for row in rows:
        made.add_row(*(printable(str(cell)) for cell in row))
    return made
