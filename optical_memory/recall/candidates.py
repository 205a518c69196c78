"""What a session has to offer a question or a window: documents to search, the newest pages, the
newest turns.

Pure functions over a snapshot; reading pages is `page_reader`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optical_memory import search
from optical_memory.counting import count_batch, count_tokens
from optical_memory.recall.recollection import OPEN, Recollection
from optical_memory.session.archive import Snapshot
from optical_memory.session.records import PageRecord, TurnRecord
from optical_memory.spans import Span
from optical_memory.turns import Turn, body

__all__ = [
    "affordable",
    "documents",
    "newest_pages",
    "newest_turns",
    "open_document",
    "open_turn",
    "rest",
]


def documents(snapshot: Snapshot) -> dict[str, Counter[str]]:
    """What may be searched: the index of every page, and the words of every open turn."""
    pages = {record.id: _index(record) for record in snapshot.pages.values() if record.readable}
    return pages | {open_document(r.id): search.terms(body(r.turn)) for r in snapshot.open_turns()}


def _index(record: PageRecord) -> Counter[str]:
    total: Counter[str] = Counter()
    for counts in record.terms.values():
        total.update(counts)
    return total


def open_document(turn: str) -> str:
    """What an open turn is called where pages have their id."""
    return f"turn {turn}"


def open_turn(record: TurnRecord, score: float, snapshot: Snapshot) -> Recollection:
    """An open turn as it stands, after all pages in order."""
    text = body(record.turn)
    spans = (Span(0, len(text), "original", 1.0),) if text else ()
    place, name = len(snapshot.pages), open_document(record.id)
    return Recollection(name, text, spans, OPEN, score, count_tokens(text), (record.id,), place)


def rest(record: TurnRecord) -> Turn:
    """The part of a turn that stands on no page yet; a part has no id, for it is not the turn."""
    if not record.sealed_upto:
        return record.turn
    part = body(record.turn)[record.sealed_upto :]
    return Turn(record.role, part, record.name, record.when, tool_call_id=record.tool_call_id)


def newest_pages(snapshot: Snapshot, budget: int) -> list[tuple[str, float]]:
    """(id, score) of the newest pages, as many as the budget could hold, scored by how new they
    are.
    """
    chosen: list[tuple[str, float]] = []
    for record in reversed(snapshot.pages.values()):
        if budget <= 0:
            break
        if record.readable:
            chosen.append((record.id, float(record.ordinal)))
            budget -= max(1, record.text_tokens)
    return chosen


def affordable(
    snapshot: Snapshot, best: Sequence[tuple[str, float]], budget: int, least: int = 3
) -> list[tuple[str, float]]:
    """The best hits, no more pages than the budget could hold: reading a page is what costs time.

    The `least` best pages stay in any case, since an excerpt of a page may fit where the page does
    not.
    """
    kept, pages = [], 0
    for id, score in best:
        record = snapshot.pages.get(id)
        if record is not None:
            budget -= record.text_tokens
            pages += 1
            if budget < 0 and pages > least:
                continue
        kept.append((id, score))
    return kept


def newest_turns(turns: Sequence[Turn], budget: int) -> list[Turn]:
    """The last user turn, and the newest turns that fit; never a tool's result without the turns
    before it.
    """
    costs = count_batch([body(turn) for turn in turns])
    start, left = len(turns), budget
    while start and (costs[start - 1] <= left or start == len(turns)):
        start -= 1
        left -= costs[start]
    while start and turns[start].role == "tool":
        start -= 1
    asked = next((i for i in reversed(range(start)) if turns[i].role == "user"), None)
    if asked is None or any(turn.role == "user" for turn in turns[start:]):
        return list(turns[start:])
    return [turns[asked], *turns[start:]]
