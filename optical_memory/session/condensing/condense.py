"""Condensing a run of pages: from a snapshot and the run's texts to the writes that change it.

The units that say most go on one page, with their turns' names and times, until it is full. A body
of a turn loses the ranges that were not kept, and a mark of omission takes their place; turns that
began before the run or go on behind it keep what other pages have, and the unit at the border.
Superseded turns, and turns that the host's list has no more, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from optical_memory.pages import Page, TurnSpan
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.condensing.omissions import omissions_of, text_left
from optical_memory.session.condensing.run_text import (
    PageText,
    TurnText,
    Unit,
    turn_texts,
    units_of,
)
from optical_memory.session.condensing.salience import by_salience
from optical_memory.session.corrections.versions import is_current
from optical_memory.session.facts.stubs import TermPages, forgotten_page, pages_into
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import PageRecord, TurnRecord, picture_key, put
from optical_memory.session.seal import new_page_record, page_pictures
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import agreements_of
from optical_memory.stores.base import Delete
from optical_memory.turns import Turn

__all__ = [
    "condense",
]

Units = Mapping[int, Sequence[Unit]]
"""By the ordinal of their turn, each turn's in order."""


def condense(
    snapshot: Snapshot,
    run: Sequence[PageRecord],
    texts: Sequence[PageText],
    index: TermPages,
    renderer: PageRenderer,
    profile: ReaderProfile,
    floor: float,
) -> list[Change]:
    """Writes after which the first page of the run has the best units of all.

    `texts` are those of the pages, and `index` says how rare words are. The page is at the finest
    of the pages' last rungs that are not below `floor`, sealed and not certified yet. Every turn of
    the run stands on pages alone (`stands_on_pages`).
    """
    turns = turn_texts(snapshot, run, texts)
    current_turns = [turn for turn in turns if is_current(snapshot, turn.record.ordinal)]
    draft = IndexDraft(snapshot)
    candidates: list[Unit] = []
    for turn in current_turns:
        candidates += units_of(turn, draft)
    records = {turn.record.ordinal: turn.record for turn in turns}
    best_first = by_salience(candidates, records, index)
    page, units = _fullest_page(best_first, current_turns, renderer)
    if page is not None:
        page = _with_borders(page, {turn.record.ordinal: turn for turn in turns})
    changes = _page_changes(snapshot, run, page, renderer, profile.ladder, floor)
    ordinals = {span.ordinal for span in page.layout.spans} if page is not None else set()
    for turn in turns:
        if turn.record.ordinal in ordinals:
            changes += _moved(turn.record, run)
            _cut(draft, turn, units.get(turn.record.ordinal, ()))
        else:
            draft.cut_turn(turn.record.ordinal, turn.start, turn.end)
    other_ordinals = [t.record.ordinal for t in turns if t.record.ordinal not in ordinals]
    draft.keep_rest(other_ordinals, {page.id for page in run})
    return [*changes, *draft.changes()]


# ---- the page ------------------------------------------------------------------------------------


def _fullest_page(
    best_first: Sequence[Unit], turns: Sequence[TurnText], renderer: PageRenderer
) -> tuple[Page | None, Units]:
    """The page of as many of the first units as fit, and these; no page if there is no unit."""
    n_fit = 0
    n_too_many = len(best_first) + 1
    best: tuple[Page | None, Units] = (None, {})
    while n_too_many - n_fit > 1:
        n_units = (n_fit + n_too_many) // 2
        units = _by_turn(best_first[:n_units])
        pages = renderer.paginate(_placed_turns(units, turns))
        if len(pages) == 1:
            n_fit = n_units
            best = (pages[0], units)
        else:
            n_too_many = n_units
    return best


def _by_turn(units: Iterable[Unit]) -> Units:
    by_turn: dict[int, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: (unit.ordinal, unit.start)):
        by_turn.setdefault(unit.ordinal, []).append(unit)
    return by_turn


def _placed_turns(units: Units, turns: Iterable[TurnText]) -> list[PlacedTurn]:
    """The turns of which anything stands on the page, with what is left of them."""
    placed_turns: list[PlacedTurn] = []
    for turn in turns:
        record = turn.record
        text = text_left(turn, units.get(record.ordinal, ()))
        if text:
            placed_turn = Turn(record.role, text, name=record.name, when=record.when)
            placed_turns.append(PlacedTurn(placed_turn, record.id, record.ordinal))
    return placed_turns


def _with_borders(page: Page, turns: Mapping[int, TurnText]) -> Page:
    """The page, whose spans say if a turn began before the run or goes on behind it."""
    spans: list[TurnSpan] = []
    for span in page.layout.spans:
        turn = turns[span.ordinal]
        is_resumed = turn.start > 0
        goes_on = turn.end < turn.n_chars
        spans.append(replace(span, resumed=is_resumed, more=goes_on))
    return Page(replace(page.layout, spans=tuple(spans)), page.lines)


def _last_rung(run: Sequence[PageRecord], ladder: Ladder, floor: float) -> Rung:
    """The finest of the last legible rungs of these pages."""
    steps: list[int] = []
    for page in run:
        agreements = agreements_of(page)
        own_step = ladder.step(page.rung)
        below = [
            ladder.step(rung.name)
            for rung in ladder.coarser(page.rung)
            if agreements.get(rung.name, 0.0) >= floor
        ]
        steps.append(max([own_step, *below]))
    return ladder[min(steps)]


# ---- records -------------------------------------------------------------------------------------


def _page_changes(
    snapshot: Snapshot,
    run: Sequence[PageRecord],
    page: Page | None,
    renderer: PageRenderer,
    ladder: Ladder,
    floor: float,
) -> list[Change]:
    """The writes of the new page, if there is one, and of the pages that go."""
    first = run[0]
    home = first.id if page is not None else None
    changes: list[Change] = []
    for record in [*run[1:], *_pages_of(snapshot, run)]:
        changes.append(put(_merged_page(record, home)))
    if page is None:
        changes.append(put(_merged_page(first, None)))
    else:
        rung = _last_rung(run, ladder, floor)
        changes.append(put(_condensed_page(snapshot, run, page, rung.name)))
        changes += page_pictures(page, first.id, ladder.down_from(rung.name), renderer)
    return changes + _deletions(run, ladder, changes)


def _condensed_page(
    snapshot: Snapshot, run: Sequence[PageRecord], page: Page, rung: str
) -> PageRecord:
    """The record of the new page, sealed under the first page's id."""
    first = run[0]
    times = chain.from_iterable((record.first_when, record.last_when) for record in run)
    record = new_page_record(page, snapshot.session, first.id, first.ordinal, times)
    update = {
        "v": 5,
        "rung": rung,
        "hits": sum(old.hits for old in run),
        "n_pages": sum(old.n_pages for old in run),
    }
    return record.model_copy(update=update)


def _pages_of(snapshot: Snapshot, run: Sequence[PageRecord]) -> list[PageRecord]:
    """The pages whose best sentences are on a page of the run already."""
    pages: list[PageRecord] = []
    for page in run:
        pages += pages_into(snapshot, page.id)
    return pages


def _merged_page(record: PageRecord, home: str | None) -> PageRecord:
    """The page without anything but its order and times; its best is on the page `home`.

    No digest stays: with the store, a guess of its text could be tested against it.
    """
    update = {"digest": "", "into": home, "v": 5, "n_pages": 1, "text_tokens": 0}
    return forgotten_page(record).model_copy(update=update)


def _deletions(
    run: Sequence[PageRecord], ladder: Ladder, changes: Sequence[Change]
) -> list[Change]:
    """Deletions of all pictures of the run that `changes` do not draw again."""
    new_keys = {change.key for change in changes if change.kind == "picture"}
    keys: list[str] = []
    for page in run:
        keys += [picture_key(page.id, rung.name) for rung in ladder]
    return [Delete("picture", key) for key in keys if key not in new_keys]


def _moved(record: TurnRecord, run: Sequence[PageRecord]) -> list[Change]:
    """The write that puts a turn on the first page of the run; none if it stands there.

    The pages on which it stood stay behind that page: nothing of it is on them any more.
    """
    first = run[0].id
    if first in record.pages:
        return []
    ids = {page.id for page in run}
    i = next(i for i, page in enumerate(record.pages) if page in ids)
    pages = [*record.pages[:i], first, *record.pages[i:]]
    return [put(record.model_copy(update={"pages": pages}))]


def _cut(draft: IndexDraft, turn: TurnText, units: Sequence[Unit]) -> None:
    """Take everything but these units of the turn's part out of the index."""
    ordinal = turn.record.ordinal
    whole_units = {(unit.start, unit.end) for unit in units if not unit.crosses}
    if not whole_units.issubset(draft.units_of(ordinal)):
        draft.add([turn.record.model_copy(update={"text": text_left(turn, units)})])
        return
    for omission in reversed(omissions_of(turn, units)):
        draft.cut_turn(ordinal, omission.start, omission.end, len(omission.mark))
