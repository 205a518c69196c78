"""Rows of pages, decoded from their visual tokens: of all pages, or of as many as there is time."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import Rung
from optical_memory.readers.base import MethodReader
from optical_memory.recall.page_ranges import PageRanges
from optical_memory.recall.reading_cache import RowReading
from optical_memory.session.token_cache import TokenCache
from optical_memory.stores.turn_time import time_left
from optical_memory.tokens import VisualTokens

__all__ = [
    "Lines",
    "RowDecoder",
    "Rows",
]

Rows = dict[int, RowReading]
"""Rows by their numbers on the page."""

Lines = Sequence[int]
"""Numbers of rows of a page."""


class RowDecoder:
    """Decodes rows of pages with the reader and the codec of a token cache."""

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache

    def rows(self, rung: Rung, views: Sequence[PageRanges], lines: Sequence[Lines]) -> list[Rows]:
        """Rows of pages at this rung: `lines` has their numbers, for each page.

        Raises `ReaderMismatch` if a picture was drawn for another reader.
        """
        tokens = self._cache.tokens([view.page.record for view in views], rung)
        return self._read(tokens, views, lines)

    def rows_of_own(
        self, rung: Rung, views: Sequence[PageRanges], lines: Sequence[Lines]
    ) -> list[Rows | None]:
        """As `rows`; None for a page that was drawn for another reader."""
        try:
            return list(self.rows(rung, views, lines))
        except ReaderMismatch:
            if len(views) == 1:
                return [None]
        rows: list[Rows | None] = []
        for view, page_lines in zip(views, lines, strict=True):
            rows += self.rows_of_own(rung, [view], [page_lines])
        return rows

    def rows_in_time(
        self, rung: Rung, views: Sequence[PageRanges], lines: Sequence[Lines]
    ) -> dict[int, Rows | None]:
        """As `rows_of_own`, by the place in `views`, without those that there is no time for."""
        try:
            tokens = self._cache.tokens_in_time([view.page.record for view in views], rung)
        except ReaderMismatch:
            return dict(enumerate(self.rows_of_own(rung, views, lines)))
        rows: dict[int, Rows | None] = {}
        for i, page_tokens in enumerate(tokens):
            if page_tokens is not None and time_left() != 0:
                (rows[i],) = self._read([page_tokens], [views[i]], [lines[i]])
        return rows

    def _read(
        self, tokens: Sequence[VisualTokens], views: Sequence[PageRanges], lines: Sequence[Lines]
    ) -> list[Rows]:
        reader = self._cache.reader
        layouts = [view.layout for view in views]
        layout_lines = [
            view.lines_of(page_lines) for view, page_lines in zip(views, lines, strict=True)
        ]
        methods = [view.method for view in views]
        if any(methods) and isinstance(reader, MethodReader):
            readings = reader.decode_by(tokens, layouts, methods)
        else:
            readings = reader.decode(tokens, layouts, layout_lines)
        return [
            view.rows_of(reading, page_lines)
            for view, reading, page_lines in zip(views, readings, lines, strict=True)
        ]
