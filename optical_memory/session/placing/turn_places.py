"""The pages and ranges on which the text of a turn stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from optical_memory.errors import StoreError
from optical_memory.pages import TurnSpan
from optical_memory.session.maps.page_parts import PlacedTurn
from optical_memory.session.maps.strict_json import REFUSALS
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "offset_in_body",
    "spans_of",
    "text_offset",
    "turns_placed_on",
]


class _Placement(msgspec.Struct, gc=False):
    spans: tuple[PlacedTurn, ...] = ()


class _PagePlacement(msgspec.Struct, gc=False):
    layout: _Placement | None = None


_PLACEMENT = msgspec.json.Decoder(_PagePlacement)


def turns_placed_on(snapshot: Snapshot, page: str) -> tuple[PlacedTurn, ...]:
    """The turns on a page, () if nothing is left of it.

    A page's record is long, so nothing else of it is parsed. Raises `StoreError` if the layout does
    not parse.
    """
    data = snapshot.pages.data.get(page)
    if data is None:
        return ()
    try:
        layout = _PLACEMENT.decode(data).layout
    except REFUSALS as error:
        raise StoreError(f"the layout of page {page} does not parse: {error}") from error
    return () if layout is None else layout.spans


def spans_of(
    record: TurnRecord, turns_on: Callable[[str], Iterable[PlacedTurn]]
) -> Iterator[tuple[str, TurnSpan, int]]:
    """(page, span, offset) of a turn on its pages; `offset` is that of the span in the turn's body.

    `turns_on` gives the turns on a page, as `turns_placed_on` does. Pages of which nothing is left
    count as no part of the body.
    """
    offset = 0
    for page in record.pages:
        for turn in turns_on(page):
            if turn.ordinal == record.ordinal:
                yield page, TurnSpan(*msgspec.structs.astuple(turn)), offset
                offset += turn.end - turn.body


def text_offset(snapshot: Snapshot, record: TurnRecord) -> int:
    """Where a turn's text, which is in hand, begins in the turn's body.

    It is 0 unless a page with the beginning was forgotten: then the text is the end that stood on
    no page, and other pages may have text before it. Raises `StoreError` as `turns_placed_on`.
    """
    return offset_in_body(record, spans_of(record, partial(turns_placed_on, snapshot)))


def offset_in_body(record: TurnRecord, spans: Iterable[tuple[str, TurnSpan, int]]) -> int:
    """The same from the turn's spans, as `spans_of` gives them."""
    n_chars = sum(span.end - span.body for _, span, _ in spans)
    return max(0, n_chars - record.sealed_upto)
