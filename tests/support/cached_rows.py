"""Readings in a cache: rows by hand, and those of a memory's pages."""

from __future__ import annotations

import numpy as np

from optical_memory import OpticalMemory
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import Picture, ReadingCache, RowReading
from optical_memory.session.archive import Archive
from optical_memory.session.token_cache import TokenCache

PAGE = "0000000"

RANGES = {PAGE: [(0, 30), (100, 160)]}


def picture(name: str, session: str = "alice") -> Picture:
    return Picture(session, PAGE, name, "large", frozenset(), ("template", "1", "int8"))


def row(text: str = "a line of a page") -> RowReading:
    return RowReading(text, np.ones(len(text), np.float32))


class Pages:
    """A page reader of a memory, with a cache of its own."""

    def __init__(self, memory: OpticalMemory) -> None:
        archive = Archive(memory.store, "alice")
        self.readings = ReadingCache()
        self.reader = PageReader(TokenCache(archive, memory.reader, memory.codec), self.readings)
        self.archive = archive

    def texts(self, ranges: dict[str, list[tuple[int, int]]] = RANGES) -> list[str]:
        by_page = self.reader.read_ranges(self.archive.snapshot(), ranges)
        return [reading.text for readings in by_page.values() for reading in readings]

    def all_text(self) -> str:
        """Every word that the cache holds."""
        rows = [
            cached_row.text
            for key in self.readings.pictures("alice")
            for cached_row in self.readings.rows(key).values()
        ]
        return " ".join(rows)
