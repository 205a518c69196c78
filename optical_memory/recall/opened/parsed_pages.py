"""The pages of a snapshot that were parsed already."""

from __future__ import annotations

import weakref

from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage

__all__ = ["ParsedPages"]

PAGES_PARSED = 64
"""How many parsed pages are kept: more than a question reads.

A page takes about 40 kB, and Python's garbage collector looks through all that is kept.
"""


class ParsedPages:
    """The pages of a snapshot that were parsed already, so that a question parses none twice.

    They go with the pages of the snapshot: an old snapshot may have text that is forgotten by now.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._pages: dict[str, StoredPage] = {}
        self._source = weakref.ref(snapshot.pages, self._clear)

    def _clear(self, _source: object) -> None:
        self._pages.clear()

    def are_of(self, snapshot: Snapshot) -> bool:
        return self._source() is snapshot.pages

    def page(self, record: PageRecord, snapshot: Snapshot) -> StoredPage:
        """The page of a record. Raises as `StoredPage.of`."""
        page = self._pages.get(record.id)
        if page is None:
            page = StoredPage.of(record, snapshot)
            if len(self._pages) >= PAGES_PARSED:
                self._pages.clear()
            if not snapshot.damage:  # else nobody knows which of its turns are forgotten
                self._pages[record.id] = page
        return page
