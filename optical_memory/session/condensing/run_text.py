"""The text of a run of pages as it reads now, cut into turns and into units that may be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from optical_memory.pages import TurnSpan
from optical_memory.readings import is_inked
from optical_memory.search.units import UNIT_CHARS, cut_units
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.placing.turn_places import spans_of, turns_placed_on
from optical_memory.session.records import PageRecord, TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.spans import Span
from optical_memory.turns import short_repr

__all__ = [
    "PageText",
    "ReadPage",
    "TurnText",
    "Unit",
    "is_sure_enough",
    "stands_on_pages",
    "turn_texts",
    "units_of",
]

LEAST_SURE = 0.5
"""Of a page's characters that were not forgotten, so many must be read for sure. With less, its
certificate is of another reader, or its picture is damaged: condensing would lose nearly all.
"""

Flags = npt.NDArray[np.bool_]


class PageText(Protocol):
    """A page's whole text as it reads now; `spans` cover it without gaps."""

    @property
    def text(self) -> str:
        """The text; offsets are those of the page's layout."""

    @property
    def spans(self) -> Sequence[Span]:
        """How far to trust it."""


ReadPage = Callable[[Snapshot, str], PageText]
"""Reads a page of a snapshot by its id. Raises `StoreError` if it cannot, or the page changed."""


def is_sure_enough(page: PageText) -> bool:
    """True if most of the page is read for sure."""
    is_ink = is_inked(page.text)
    is_left = np.ones(len(page.text), np.bool_)
    for span in page.spans:
        is_left[span.start : span.end] = span.status != "forgotten"
    counted = is_ink & is_left
    if not counted.any():
        return bool(is_left.any()) or not is_ink.any()
    return bool(_sure(page)[counted].mean() >= LEAST_SURE)


def stands_on_pages(snapshot: Snapshot, page: str) -> bool:
    """True if each turn on the page has its text on pages alone, or is forgotten."""
    records = [
        snapshot.turns.get(turn_key(turn.ordinal)) for turn in turns_placed_on(snapshot, page)
    ]
    return all(
        record is not None and record.text is None and (record.sealed or record.forgotten)
        for record in records
    )


def _sure(page: PageText) -> Flags:
    """(n_chars,) True for characters that are original or verified."""
    is_sure = np.zeros(len(page.text), np.bool_)
    for span in page.spans:
        is_sure[span.start : span.end] = span.status in ("original", "verified")
    return is_sure


@short_repr
@dataclass(frozen=True, slots=True)
class TurnText:
    """The part of a turn that stands on a run of pages: `text` is its body from `start` on.

    `n_chars` is the length of the whole body. `is_sure` (len(text),) tells which characters are
    read for sure.
    """

    record: TurnRecord
    start: int
    text: str
    is_sure: Flags
    n_chars: int

    @property
    def end(self) -> int:
        """Where the part ends in the turn's body."""
        return self.start + len(self.text)

    @property
    def is_whole(self) -> bool:
        """True if no other page has a part of the turn."""
        return len(self.text) == self.n_chars


@short_repr
@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a turn that may be kept: a range of the turn's body, and its text.

    Of a unit that `crosses` a border of the run it is the part in the run: another page has the
    other part, and without either nobody finds the unit.
    """

    ordinal: int
    start: int
    end: int
    text: str
    crosses: bool = False


def turn_texts(
    snapshot: Snapshot, run: Sequence[PageRecord], texts: Sequence[PageText]
) -> list[TurnText]:
    """The turns on a run of pages, in order. Forgotten turns are left out."""
    turns_on = cache(partial(turns_placed_on, snapshot))
    by_page = {page.id: text for page, text in zip(run, texts, strict=True)}
    ordinals: set[int] = set()
    for page in run:
        ordinals.update(turn.ordinal for turn in turns_on(page.id))
    result: list[TurnText] = []
    for ordinal in sorted(ordinals):
        record = snapshot.turns[turn_key(ordinal)]
        if not record.forgotten:
            result.append(_turn_text(record, list(spans_of(record, turns_on)), by_page))
    return result


def _turn_text(
    record: TurnRecord,
    spans: Sequence[tuple[str, TurnSpan, int]],
    by_page: Mapping[str, PageText],
) -> TurnText:
    """The part of a turn on these pages; `spans` are those of all its pages."""
    inside = [(id, span, offset) for id, span, offset in spans if id in by_page]
    flags = [_sure(by_page[id])[span.body : span.end] for id, span, _ in inside]
    return TurnText(
        record=record,
        start=inside[0][2],
        text="".join(by_page[id].text[span.body : span.end] for id, span, _ in inside),
        is_sure=np.concatenate(flags),
        n_chars=sum(span.end - span.body for _, span, _ in spans),
    )


def units_of(turn: TurnText, draft: IndexDraft) -> list[Unit]:
    """The units of a turn that may be kept: each of their characters here is read for sure.

    They are those of the index, so that each is still found after all others are cut. An index
    that was made of words alone has no sentences: then they are cut again.
    """
    ranges = draft.units_of(turn.record.ordinal)
    if any(end - start > UNIT_CHARS for start, end in ranges):
        ranges = cut_units(turn.text) if turn.is_whole else []
    units: list[Unit] = []
    for start, end in ranges:
        first = max(start, turn.start)
        last = min(end, turn.end)
        part = slice(first - turn.start, last - turn.start)
        if first < last and turn.is_sure[part].all():
            crosses = (first, last) != (start, end)
            units.append(Unit(turn.record.ordinal, first, last, turn.text[part], crosses))
    # A body never has this line end, so a page that has it would not give the same body back.
    return [] if "\r" in turn.text else units
