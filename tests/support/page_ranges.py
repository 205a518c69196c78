"""Ranges of pages: memories whose pages are certified, and how their ranges are read."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory import OpticalMemory
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import ReadingCache
from optical_memory.session.token_cache import TokenCache
from optical_memory.spans import Span
from support.memories import Open
from support.page_life import turns_with_secret


def filled(opened: Open, n_turns: int = 20, **settings: object) -> OpticalMemory:
    """A memory of turns with a secret, on certified pages."""
    memory = opened(keep_turns=0, background=False, **settings)
    memory.remember(turns_with_secret(n_turns))
    memory.flush()
    return memory


def page_reader_of(memory: OpticalMemory) -> PageReader:
    """A reader of the memory's pages that has read none yet; its readings are its own."""
    cache = TokenCache(memory._archive, memory.reader, memory.codec)
    return PageReader(cache, ReadingCache())


def statuses_of(spans: Sequence[Span]) -> list[str]:
    """The status of each character. The spans must follow each other without a gap."""
    statuses: list[str] = []
    for span in spans:
        assert span.start == len(statuses)
        statuses += [span.status] * (span.end - span.start)
    return statuses
