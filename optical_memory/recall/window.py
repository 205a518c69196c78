"""The window of an agent, filled from a session: recent turns, and recalled pages."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.profiles import Rung
from optical_memory.recall.assemble import assemble
from optical_memory.recall.candidates import newest_pages
from optical_memory.recall.context import Context, Mode, PagePicture
from optical_memory.recall.find import CANDIDATES, Hit, find
from optical_memory.recall.newest import RECENT_SHARE
from optical_memory.recall.open_turns import open_part
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.recollection import Recollection
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "fill_window",
]


def fill_window(
    snapshot: Snapshot,
    page_reader: PageReader,
    *,
    query: str | None,
    budget: int,
    mode: Mode = "text",
    provider: str = "openai",
) -> Context:
    """Recent turns and the pages about `query`, or the newest pages without a query.

    Costs at most `budget` tokens. As soon as the session has pages, recent turns leave them a part
    of the budget (`RECENT_SHARE`). Only pages that the budget could hold are read.

    Raises `BudgetTooSmall` if the last user turn alone does not fit, `StoreError` if a page changes
    while it is read.
    """
    recollections = page_reader.read(snapshot, _hits(snapshot, query, budget))
    return assemble(
        [open_part(record) for record in snapshot.open_turns()],
        recollections,
        budget,
        mode=mode,
        query=query,
        pictures=_pictures(snapshot, page_reader, recollections, mode),
        provider=provider,
        recent_share=RECENT_SHARE if snapshot.pages else 1.0,
    )


def _hits(snapshot: Snapshot, query: str | None, budget: int) -> list[Hit]:
    """Pages and open turns to read. Without a query these are pages; the newest scores highest."""
    if query:
        return find(snapshot, query, CANDIDATES, budget)
    return [Hit(page.id, float(page.ordinal)) for page in newest_pages(snapshot, budget)]


def _pictures(
    snapshot: Snapshot, page_reader: PageReader, recollections: Sequence[Recollection], mode: Mode
) -> dict[str, PagePicture]:
    """Pictures, or visual tokens, of the recalled pages that have a rung, by page id."""
    pictures: dict[str, PagePicture] = {}
    if mode == "text":
        return pictures
    for recollection in recollections:
        record = snapshot.pages.get(recollection.page)
        if record is not None and record.rung is not None:
            rung = page_reader.reader.profile.rung(record.rung)
            pictures[record.id] = _picture(record, rung, page_reader, mode)
    return pictures


def _picture(record: PageRecord, rung: Rung, page_reader: PageReader, mode: Mode) -> PagePicture:
    if mode == "tokens":
        visual = page_reader.tokens(record, rung)
        return PagePicture(rung.side_px, visual=visual, n_tokens=rung.n_tokens)
    return PagePicture(rung.side_px, png=page_reader.picture(record, rung), n_tokens=rung.n_tokens)
