"""Sealing: open turns to full pages, laid out, drawn at every rung they may ever have, and indexed.

A function from a snapshot to writes; nothing is written here. Drawing takes a tenth of a second a
page, so nobody may wait for it. The writes replace turns and pages only, and they go in only if
those are still as they were.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime

from optical_memory.counting import count_tokens
from optical_memory.pages import Grid, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.pictures import png_bytes
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.search.terms import written_terms
from optical_memory.session.records import (
    PageRecord,
    Retain,
    SessionRecord,
    TurnRecord,
    page_key,
    picture_key,
    put,
)
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.base import Put
from optical_memory.turns import body

__all__ = [
    "PAGES_A_COMMIT",
    "new_page_record",
    "page_pictures",
    "seal",
]

PAGES_A_COMMIT = 4
"""Pages sealed in one commit: it bounds the drawing that a crash repeats, and a commit's time."""


def seal(
    snapshot: Snapshot,
    renderer: PageRenderer,
    profile: ReaderProfile,
    retain: Retain,
    keep_turns: int,
) -> list[Change]:
    """Writes that seal the next full pages, at most `PAGES_A_COMMIT`; none if no page is full.

    The newest `keep_turns` turns stay open, and so does a page with any of them on it.
    """
    open_turns = snapshot.open_turns()
    n_old = max(0, len(open_turns) - keep_turns)
    turns = [
        PlacedTurn(record.turn, record.id, record.ordinal, record.sealed_upto)
        for record in open_turns
    ]
    grid = profile.grid
    if _least_rows(turns[:n_old], grid) < grid.rows * grid.text_columns // 2:
        return []  # nothing near a full page: spare the layout
    last_old = open_turns[n_old - 1].ordinal
    full_pages = renderer.first_pages(_first_turns(turns, grid), PAGES_A_COMMIT)
    pages = itertools.takewhile(lambda page: page.layout.spans[-1].ordinal <= last_old, full_pages)
    sealer = _Sealer(snapshot, open_turns, renderer, profile, retain)
    for page in pages:
        sealer.add(page)
    return sealer.changes()


def _least_rows(turns: Sequence[PlacedTurn], grid: Grid) -> int:
    """Rows that these turns fill at least: a turn starts on a new row, a line break ends a row."""
    return sum(_least_rows_of(turn, grid) for turn in turns)


def _least_rows_of(turn: PlacedTurn, grid: Grid) -> int:
    text = body(turn.turn)
    n_lines = 1 + text.count("\n", turn.offset)
    return max(n_lines, (len(text) - turn.offset) // grid.measure)


def _first_turns(turns: Sequence[PlacedTurn], grid: Grid) -> Sequence[PlacedTurn]:
    """The first turns, enough for a commit's pages and a page that is not full.

    They are never cut between a tool call and its results, which stay on a page together.
    """
    rows_left = (PAGES_A_COMMIT + 2) * grid.rows * grid.text_columns
    for i, turn in enumerate(turns):
        if rows_left <= 0 and turn.turn.role != "tool":
            return turns[:i]
        rows_left -= _least_rows_of(turn, grid)
    return turns


class _Sealer:
    """The writes for new pages, page by page, and for the turns that stand on them."""

    def __init__(
        self,
        snapshot: Snapshot,
        open_turns: Sequence[TurnRecord],
        renderer: PageRenderer,
        profile: ReaderProfile,
        retain: Retain,
    ) -> None:
        self._session = snapshot.session
        self._turns = {record.id: record for record in open_turns}
        self._renderer = renderer
        self._profile = profile
        self._retain: Retain = retain
        self._ordinal = snapshot.next_page
        self._changes: list[Change] = []
        self._sealed_turns: dict[str, None] = {}  # a set in order

    def add(self, page: Page) -> None:
        """Draw and index a page, and move its turns on to it."""
        key = page_key(self._ordinal)
        times = [self._turns[span.turn].when for span in page.layout.spans]
        record = new_page_record(page, self._session, key, self._ordinal, times)
        self._changes.append(put(record))
        self._changes += page_pictures(page, key, self._profile.ladder, self._renderer)
        for span in page.layout.spans:
            turn = self._turns[span.turn]
            self._turns[span.turn] = _advance(turn, span.end - span.body, key, self._retain)
            self._sealed_turns[span.turn] = None
        self._ordinal += 1

    def changes(self) -> list[Change]:
        """The writes for all pages that were added, then for their turns."""
        return [*self._changes, *(put(self._turns[id]) for id in self._sealed_turns)]


def new_page_record(
    page: Page, session: SessionRecord, id: str, ordinal: int, times: Iterable[datetime | None]
) -> PageRecord:
    """The record of a new page that waits for its certificate.

    `times` are those of its turns, in order; None for a turn without a time.
    """
    known_times = [time for time in times if time is not None]
    return PageRecord(
        id=id,
        ordinal=ordinal,
        digest=session.digest(page.digest),
        layout=page.layout.to_json(),
        lines=list(page.lines),
        terms={
            str(span.ordinal): written_terms(page.text[span.body : span.end])
            for span in page.layout.spans
        },
        text_tokens=count_tokens(page.text),
        first_when=known_times[0] if known_times else None,
        last_when=known_times[-1] if known_times else None,
    )


def page_pictures(
    page: Page, id: str, rungs: Iterable[Rung], renderer: PageRenderer
) -> list[Change]:
    """The writes of a page's pictures at these rungs."""
    pictures: list[Change] = []
    for rung in rungs:
        png = png_bytes(renderer.draw(page, rung.side_px))
        pictures.append(Put("picture", picture_key(id, rung.name), png))
    return pictures


def _advance(record: TurnRecord, n_chars: int, page: str, retain: Retain) -> TurnRecord:
    """The turn after `n_chars` more characters of its body stand on `page`."""
    sealed_upto = record.sealed_upto + n_chars
    is_sealed = sealed_upto >= len(body(record.turn))
    update = {"sealed_upto": sealed_upto, "sealed": is_sealed, "pages": [*record.pages, page]}
    record = record.model_copy(update=update)
    if is_sealed and retain == "pages":
        return record.without_content()
    return record
