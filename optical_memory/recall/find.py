"""Finding: the pages and open turns of a session that say most about a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.recall.candidates import documents
from optical_memory.search.terms import rank
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "CANDIDATES",
    "Hit",
    "affordable",
    "find",
]

CANDIDATES = 12
"""Pages and open turns that a window with a question chooses from."""

ALWAYS_READ = 3
"""The best pages that are read at any budget: an excerpt may fit even if the page does not."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A page or an open turn by its id, and its search score: higher is better."""

    id: str
    score: float


def find(snapshot: Snapshot, query: str, k: int, budget: int | None = None) -> list[Hit]:
    """At most `k` pages and open turns that share a term with `query`, the best first.

    With a `budget` (tokens), pages are left out that it cannot hold.
    """
    hits = [Hit(id, score) for id, score in rank(query, documents(snapshot), k)]
    return hits if budget is None else affordable(snapshot, hits, budget)


def affordable(snapshot: Snapshot, hits: Sequence[Hit], budget: int) -> list[Hit]:
    """All open turns, and the best pages that `budget` tokens can hold, in the order of `hits`.

    The first `ALWAYS_READ` pages stay at any budget. Reading a page takes time. Reading an open
    turn takes none, so all open turns stay.
    """
    in_budget: list[Hit] = []
    budget_left = budget
    n_pages = 0
    for hit in hits:
        record = snapshot.pages.get(hit.id)
        if record is not None:
            budget_left -= record.text_tokens
            n_pages += 1
            if budget_left < 0 and n_pages > ALWAYS_READ:
                continue
        in_budget.append(hit)
    return in_budget
