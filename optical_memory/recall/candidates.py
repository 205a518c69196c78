"""Candidates: the documents of a session that may be searched, and its newest pages.

Pure functions over a snapshot. Nothing is read here: `read_pages` does that.
"""

from __future__ import annotations

from collections import Counter

from optical_memory.recall.open_turns import open_turn_id
from optical_memory.search.terms import terms
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import body

__all__ = [
    "documents",
    "newest_pages",
]


def documents(snapshot: Snapshot) -> dict[str, Counter[str]]:
    """Term counts of every page that can be read, by its id, and of every open turn."""
    pages = {
        record.id: _page_terms(record) for record in snapshot.pages.values() if record.readable
    }
    turns = {
        open_turn_id(record.id): terms(body(record.turn)) for record in snapshot.open_turns()
    }
    return pages | turns


def _page_terms(record: PageRecord) -> Counter[str]:
    counts: Counter[str] = Counter()
    for turn_terms in record.terms.values():
        counts.update(turn_terms)
    return counts


def newest_pages(snapshot: Snapshot, budget: int) -> list[PageRecord]:
    """The newest pages that can be read, as many as `budget` tokens could hold, the newest first.

    Reading a page runs a model, so a page beyond the budget must not be read. The last page may be
    larger than the rest of the budget: an excerpt of it may fit.
    """
    pages: list[PageRecord] = []
    budget_left = budget
    for record in reversed(snapshot.pages.values()):
        if budget_left <= 0:
            break
        if record.readable:
            pages.append(record)
            budget_left -= max(1, record.text_tokens)  # a page without words is read too
    return pages
