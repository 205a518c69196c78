"""Rows of pages, decoded from their visual tokens: of all pages, or of as many as there is time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optical_memory.errors import CorruptPicture, OpticalMemoryError, ReaderMismatch
from optical_memory.profiles import Rung
from optical_memory.readers.base import MethodReader
from optical_memory.readings import Reading
from optical_memory.recall.page_ranges import PageRanges
from optical_memory.recall.reading_cache import RowReading
from optical_memory.session.token_cache import PageRung, TokenCache
from optical_memory.stores.turn_time import goes_by_clock, time_left
from optical_memory.telemetry.event_table import PAGE_NOT_DECODED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.measuring import operation
from optical_memory.tokens import VisualTokens

__all__ = [
    "UNREADABLE",
    "RowDecoder",
    "Rows",
    "Task",
]

UnreadableErrors = type[OpticalMemoryError] | tuple[type[OpticalMemoryError], ...]

UNREADABLE = (ReaderMismatch, CorruptPicture)
"""Errors of a single page: it was drawn for another reader, or its picture is damaged."""

Rows = dict[int, RowReading]
"""Rows by their numbers on the page."""


class Task(NamedTuple):
    """Rows of a page to read at its rung, by their numbers on the page."""

    view: PageRanges
    rung: Rung
    lines: Sequence[int]


class RowDecoder:
    """Decodes rows of pages with the reader and the codec of a token cache."""

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache

    def rows(
        self, tasks: Sequence[Task], unreadable: UnreadableErrors = ReaderMismatch
    ) -> list[Rows | None]:
        """The rows of each task; None for a page with one of these errors.

        By default that is a page that was drawn for another reader. The log names a damaged one.
        """
        try:
            return list(self._read(self._cache.tokens_at(_places(tasks)), tasks))
        except unreadable as error:
            if len(tasks) == 1:
                if isinstance(error, CorruptPicture):
                    emit(PAGE_NOT_DECODED, error=error)
                return [None]
        rows: list[Rows | None] = []
        for task in tasks:
            rows += self.rows([task], unreadable)
        return rows

    def rows_in_time(self, tasks: Sequence[Task]) -> dict[int, Rows | None]:
        """As `rows`, by the place of the task, without those that there is no time for.

        None also for a page whose picture is damaged: it costs no other page.
        """
        try:
            tokens = self._cache.tokens_in_time(_places(tasks))
        except UNREADABLE:
            return dict(enumerate(self.rows(tasks, UNREADABLE)))
        if None not in tokens and not goes_by_clock():
            return dict(enumerate(self._read([t for t in tokens if t is not None], tasks)))
        rows: dict[int, Rows | None] = {}
        for i, page_tokens in enumerate(tokens):
            if page_tokens is not None and time_left() != 0:
                (rows[i],) = self._read([page_tokens], [tasks[i]])
        return rows

    def _read(self, tokens: Sequence[VisualTokens], tasks: Sequence[Task]) -> list[Rows]:
        """The rows of each task; the pages of a rung are decoded together."""
        rows: dict[int, Rows] = {}
        for rung in dict.fromkeys(task.rung for task in tasks):
            indices = [i for i, task in enumerate(tasks) if task.rung == rung]
            rung_rows = self._decode([tokens[i] for i in indices], [tasks[i] for i in indices])
            rows.update(zip(indices, rung_rows, strict=True))
        return [rows[i] for i in range(len(tasks))]

    def _decode(self, tokens: Sequence[VisualTokens], tasks: Sequence[Task]) -> list[Rows]:
        with operation(
            "decode",
            self._cache.archive.session,
            gen_ai__operation__name="generate_content",
            gen_ai__request__model=self._cache.reader.profile.id,
            gen_ai__usage__input_tokens=sum(len(page.values) for page in tokens),
            optical_memory__pages=len(tasks),
        ):
            readings = self._readings(tokens, tasks)
        return [
            task.view.rows_of(reading, task.lines)
            for task, reading in zip(tasks, readings, strict=True)
        ]

    def _readings(self, tokens: Sequence[VisualTokens], tasks: Sequence[Task]) -> list[Reading]:
        reader = self._cache.reader
        layouts = [task.view.layout for task in tasks]
        methods = [task.view.method for task in tasks]
        if any(methods) and isinstance(reader, MethodReader):
            return reader.decode_by(tokens, layouts, methods)
        lines = [task.view.lines_of(task.lines) for task in tasks]
        return reader.decode(tokens, layouts, lines)


def _places(tasks: Sequence[Task]) -> list[PageRung]:
    return [(task.view.page.record, task.rung) for task in tasks]
