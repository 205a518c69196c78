"""Sealing: open turns to full pages, laid out, drawn at every rung they may ever have, and indexed.

A function from a snapshot to writes; nothing is written here. Drawing takes a tenth of a second a
page, so nobody may wait for it. The writes replace turns and pages only, and they go in only if
those are still as they were.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from optical_memory.counting import count_tokens
from optical_memory.errors import StoreError
from optical_memory.pages import Grid, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.pictures import png_bytes
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.search.terms import written_terms
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.placing.turn_places import spans_of, turns_placed_on
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
    "may_seal",
    "new_page_record",
    "page_pictures",
    "page_rows",
    "rows_to_seal",
    "seal",
    "with_index",
]

PAGES_A_COMMIT = 4
"""Pages sealed in one commit: it bounds the drawing that a crash repeats, and a commit's time."""

CHARS_A_PAGE_OF_A_COMMIT = 250_000
"""A commit writes its turns again, whole. So with a turn of ten million characters it seals forty
pages: else a long turn would be written more often the longer it is. Writing so many characters
takes about as long as drawing a page.
"""


def seal(
    snapshot: Snapshot,
    renderer: PageRenderer,
    profile: ReaderProfile,
    retain: Retain,
    keep_turns: int,
) -> list[Change]:
    """Writes that seal the next full pages; none if no page is full.

    Ask `may_seal` first: it spares the layout if nothing is near a full page.

    They are at most `PAGES_A_COMMIT`, or more if a turn is very long. The newest `keep_turns` turns
    stay open, and so does a page with any of them on it. Costs by what it seals, however many turns
    wait behind.
    """
    last_old = _last_old_turn(snapshot, keep_turns)
    batch = _first_turns(snapshot, profile.grid)
    full_pages = renderer.first_pages(batch.turns, batch.n_pages)
    pages = itertools.takewhile(lambda page: page.layout.spans[-1].ordinal <= last_old, full_pages)
    sealer = _Sealer(snapshot, batch.records, renderer, profile, retain)
    for page in pages:
        sealer.add(page)
    return sealer.changes()


def with_index(snapshot: Snapshot, changes: Sequence[Change]) -> Sequence[Change]:
    """The writes of `seal`, and those that take the text of lost pages out of the index.

    A page may go while a turn on it still has all of its text. That is found until the turn is
    sealed and nobody has its text any more.
    """
    latest = snapshot.after(changes, snapshot.version)
    turns = [latest.turns[change.key] for change in changes if change.kind == "turn"]
    lost = [turn for turn in turns if turn.text is None and _has_lost_page(latest, turn)]
    if not lost:
        return changes
    draft = IndexDraft(latest)
    for turn in lost:
        spans = spans_of(turn, partial(turns_placed_on, latest))
        n_chars = sum(span.end - span.body for _, span, _ in spans)
        if any(end > n_chars for _, end in draft.units_of(turn.ordinal)):
            draft.renew(turn)
    return [*changes, *draft.changes()]


def _has_lost_page(snapshot: Snapshot, turn: TurnRecord) -> bool:
    """True if a page of the turn is there and has nothing of the turn."""
    try:
        layouts = [turns_placed_on(snapshot, page) for page in turn.pages if page in snapshot.pages]
    except StoreError:  # a damaged page is not lost yet
        return False
    return any(turn.ordinal not in {span.ordinal for span in layout} for layout in layouts)


def may_seal(snapshot: Snapshot, grid: Grid, keep_turns: int) -> bool:
    """True if there may be a full page, without its layout."""
    last_old = _last_old_turn(snapshot, keep_turns)
    turns = _first_turns(snapshot, grid).turns
    old_rows = sum(_least_rows_of(turn, grid) for turn in turns if turn.ordinal <= last_old)
    return old_rows >= page_rows(grid) // 2


def _last_old_turn(snapshot: Snapshot, keep_turns: int) -> int:
    """The ordinal of the newest open turn that may be sealed; -1 if all of them stay open."""
    newest_first = itertools.islice(reversed(snapshot.open_keys), keep_turns, None)
    key = next(newest_first, None)
    return -1 if key is None else snapshot.turns[key].ordinal


def rows_to_seal(snapshot: Snapshot, grid: Grid, keep_turns: int) -> dict[int, int]:
    """The rows that each open turn fills at least, by its ordinal, without the newest turns."""
    open_turns = snapshot.open_turns()
    old_turns = open_turns[: max(0, len(open_turns) - keep_turns)]
    return {record.ordinal: _least_rows_of(_placed(record), grid) for record in old_turns}


def page_rows(grid: Grid) -> int:
    """The rows of a page, in all its columns of text."""
    return grid.rows * grid.text_columns


def _placed(record: TurnRecord) -> PlacedTurn:
    return PlacedTurn(record.turn, record.id, record.ordinal, record.sealed_upto)


def _least_rows_of(turn: PlacedTurn, grid: Grid) -> int:
    """Rows that a turn fills at least: it starts on a new row, a line break ends a row."""
    text = body(turn.turn)
    n_lines = 1 + text.count("\n", turn.offset)
    return max(n_lines, (len(text) - turn.offset) // grid.measure)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Open turns that a commit may seal, and the number of its pages."""

    records: list[TurnRecord]
    turns: list[PlacedTurn]
    n_pages: int


def _first_turns(snapshot: Snapshot, grid: Grid) -> _Batch:
    """The first open turns, enough for a commit's pages and a page that is not full.

    They are never cut between a tool call and its results, which stay on a page together.
    """
    n_pages = PAGES_A_COMMIT
    n_rows = 0
    records: list[TurnRecord] = []
    turns: list[PlacedTurn] = []
    for key in snapshot.open_keys:
        record = snapshot.turns[key]
        turn = _placed(record)
        is_enough = n_rows >= (n_pages + 2) * page_rows(grid)
        if is_enough and record.role != "tool":
            break
        n_rows += _least_rows_of(turn, grid)
        n_pages = max(n_pages, len(body(turn.turn)) // CHARS_A_PAGE_OF_A_COMMIT)
        records.append(record)
        turns.append(turn)
    return _Batch(records, turns, n_pages)


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
        self._parts: dict[str, list[tuple[str, int]]] = {}  # (page, characters) by turn
        self._last_drawn: tuple[str, list[bytes]] = ("", [])

    def add(self, page: Page) -> None:
        """Draw and index a page, and move its turns on to it."""
        key = page_key(self._ordinal)
        times = [self._turns[span.turn].when for span in page.layout.spans]
        record = new_page_record(page, self._session, key, self._ordinal, times)
        self._changes.append(put(record))
        self._changes += self._pictures(page, key)
        for span in page.layout.spans:
            self._parts.setdefault(span.turn, []).append((key, span.end - span.body))
        self._ordinal += 1

    def _pictures(self, page: Page, key: str) -> list[Put]:
        """The writes of a page's pictures; a page like the last, of blank lines, has the same."""
        digest, values = self._last_drawn
        names = self._profile.ladder.names
        if digest == page.digest:
            keys = [picture_key(key, name) for name in names]
            return [Put("picture", *pair) for pair in zip(keys, values, strict=True)]
        pictures = page_pictures(page, key, self._profile.ladder, self._renderer)
        self._last_drawn = (page.digest, [picture.value for picture in pictures])
        return pictures

    def changes(self) -> list[Change]:
        """The writes for all pages that were added, then for their turns."""
        turns = (
            _advance(self._turns[id], parts, self._retain) for id, parts in self._parts.items()
        )
        return [*self._changes, *map(put, turns)]


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


def page_pictures(page: Page, id: str, rungs: Iterable[Rung], renderer: PageRenderer) -> list[Put]:
    """The writes of a page's pictures at these rungs."""
    pictures: list[Put] = []
    for rung in rungs:
        png = png_bytes(renderer.draw(page, rung.side_px))
        pictures.append(Put("picture", picture_key(id, rung.name), png))
    return pictures


def _advance(record: TurnRecord, parts: Iterable[tuple[str, int]], retain: Retain) -> TurnRecord:
    """The turn after more of its body stands on pages: (page, number of characters)."""
    pages = list(record.pages)
    sealed_upto = record.sealed_upto
    for page, n_chars in parts:
        pages.append(page)
        sealed_upto += n_chars
    is_sealed = sealed_upto >= len(body(record.turn))
    update = {"sealed_upto": sealed_upto, "sealed": is_sealed, "pages": pages}
    record = record.model_copy(update=update)
    if is_sealed and retain == "pages":
        return record.without_content()
    return record
