"""A stored page, parsed once, and the facts of a page that a user sees.

Everything downstream reads from these values; nothing opens the record's JSON again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
import numpy as np

from optical_memory.certificate import Certificate, agreements_in
from optical_memory.errors import NewerFormat, StoreError
from optical_memory.ledger import Ledger, ledger_tokens
from optical_memory.pages import Layout, Page, TurnSpan, rows_of
from optical_memory.profiles import Ladder
from optical_memory.readings import Reading
from optical_memory.session.maps.strict_json import REFUSALS
from optical_memory.session.records import PageRecord, PageStage, TurnRecord
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "PageInfo",
    "PlacedTurn",
    "StoredPage",
    "agreements_of",
    "certificate_of",
    "n_ledger_tokens",
    "offset_in_body",
    "page_info",
    "spans_of",
    "text_offset",
    "turns_placed_on",
]

Row = TypeVar("Row")
Parsed = TypeVar("Parsed")
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A page of a session. `id` names it in `read`, `inspect`, `picture` and `forget`.

    `ordinal` is its place, 0 for the oldest page. `rung` is None until the page is certified and
    after it has lost its pictures. `n_tokens` counts the decoder's visual tokens at this rung (0
    without a picture). `n_text_tokens` counts the DeepSeek tokens of its text, `n_ledger_tokens`
    those of its ledger. `agreements` has, for each rung of its certificate, the share of characters
    read right. `has_text` is True while the store has its text: then nothing of it is forgotten.
    A condensed page has the best of `n_pages` pages; `into` is the page with the best of this page.
    """

    id: str
    ordinal: int
    state: PageStage
    rung: str | None
    n_tokens: int
    n_text_tokens: int
    agreements: Mapping[str, float]
    first_when: datetime | None
    last_when: datetime | None
    digest: str
    has_text: bool = False
    n_ledger_tokens: int = 0
    n_pages: int = 1
    into: str | None = None

    @property
    def agreement(self) -> float | None:
        """Agreement at the page's own rung; None without a certificate or a rung."""
        return None if self.rung is None else self.agreements.get(self.rung)

    @property
    def form(self) -> str:
        """What the page is read from: "text", a rung's name, "stub", "forgotten", or "condensed" if
        its best sentences are on the page `into`.
        """
        if self.into is not None:
            return "condensed"
        if self.state in ("stub", "forgotten") and not self.has_text:
            return self.state
        return self.rung or "text"


@dataclass(frozen=True, slots=True, repr=False)
class StoredPage:
    """A page as it is in the store.

    `layout` is None for a stub or a forgotten page, `certificate` until the page is certified.
    `page` is the page with its text, while the text is kept. Rows of forgotten turns are white on
    every picture: `erased_rows` are their numbers in the layout, `erased_spans` the ranges of
    their characters.
    """

    record: PageRecord
    layout: Layout | None
    ledger: Ledger
    certificate: Certificate | None
    page: Page | None
    erased_rows: frozenset[int]
    erased_spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, record: PageRecord, snapshot: Snapshot) -> StoredPage:
        """Parse a record of this snapshot.

        Raises `StoreError` if a part of it does not parse, `NewerFormat` if a newer version of
        this package wrote that part.
        """
        layout = _parse(record, "layout", record.layout, Layout.from_json)
        ledger = _parse(record, "ledger", record.ledger or None, Ledger.from_json)
        page = None
        if layout is not None and record.lines is not None:
            page = Page(layout, tuple(record.lines))
        spans = layout.spans if layout is not None else ()
        erased_spans = tuple((s.start, s.end) for s in spans if snapshot.is_forgotten(s.turn))
        return cls(
            record=record,
            layout=layout,
            ledger=ledger or Ledger(()),
            certificate=certificate_of(record),
            page=page,
            erased_rows=_rows_of_spans(layout, erased_spans),
            erased_spans=erased_spans,
        )

    @property
    def needs_decoding(self) -> bool:
        """True if the page can only be read from its picture."""
        return self.record.lines is None and self.record.state == "certified"

    def legible_layout(self, layout: Layout) -> Layout:
        """The page's layout without its white rows: this is the layout that a reader gets."""
        if not self.erased_rows:
            return layout
        return replace(layout, rows=self._without_white(layout.rows))

    def legible_page(self, page: Page) -> Page:
        """The page with its text, without its white rows."""
        return Page(self.legible_layout(page.layout), self._without_white(page.lines))

    def _without_white(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(row for i, row in enumerate(rows) if i not in self.erased_rows)

    def whole_reading(self, reading: Reading, layout: Layout) -> Reading:
        """A reading of the legible rows, with blanks of confidence 0 for the white rows.

        `layout` is that of the whole page. It knows the line ends, so their confidence is 1.
        """
        if not self.erased_rows:
            return reading
        text: list[str] = []
        confidence: list[float] = []
        offset = 0
        for i, row in enumerate(layout.rows):
            if i in self.erased_rows:
                text.append(" " * row.chars + row.join)
                confidence += [0.0] * row.chars + [1.0] * len(row.join)
                continue
            end = offset + row.chars + len(row.join)
            text.append(reading.text[offset:end])
            confidence += reading.confidence[offset:end].tolist()
            offset = end
        return replace(reading, text="".join(text), confidence=np.array(confidence, np.float32))


def _rows_of_spans(layout: Layout | None, spans: Iterable[tuple[int, int]]) -> frozenset[int]:
    """Numbers of the rows that hold these ranges of characters."""
    rows: set[int] = set()
    if layout is not None:
        for start, end in spans:
            rows.update(rows_of(layout, start, end))
    return frozenset(rows)


def certificate_of(record: PageRecord) -> Certificate | None:
    """The page's certificate, None if it has none. Raises as `StoredPage.of`."""
    return _parse(record, "certificate", record.certificate, Certificate.from_json)


def agreements_of(record: PageRecord) -> Mapping[str, float]:
    """Agreement by rung, without parsing the rest of the certificate; raises as `StoredPage.of`."""
    return _parse(record, "certificate", record.certificate, agreements_in) or {}


def n_ledger_tokens(record: PageRecord) -> int:
    """Tokens of the exact facts beside the page's picture; raises as `StoredPage.of`."""
    return _parse(record, "ledger", record.ledger, ledger_tokens) or 0


def page_info(record: PageRecord, ladder: Ladder) -> PageInfo:
    """The public facts of a page. Raises `StoreError` as `StoredPage.of`."""
    n_tokens = 0
    rung = None if record.state == "sealed" else record.rung
    if rung in ladder.names:
        n_tokens = ladder[ladder.step(rung)].n_tokens
    return PageInfo(
        id=record.id,
        ordinal=record.ordinal,
        state=record.state,
        rung=rung,
        n_tokens=n_tokens,
        n_text_tokens=record.text_tokens,
        agreements=agreements_of(record),
        first_when=record.first_when,
        last_when=record.last_when,
        digest=record.digest,
        has_text=record.lines is not None,
        n_ledger_tokens=n_ledger_tokens(record),
        n_pages=record.n_pages,
        into=record.into,
    )


def _parse(
    record: PageRecord, name: str, data: Json | None, parser: Callable[[Json], Parsed]
) -> Parsed | None:
    if data is None:
        return None
    try:
        return parser(data)
    except NewerFormat:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise StoreError(f"the {name} of page {record.id} does not parse: {error!r}") from error


class PlacedTurn(msgspec.Struct, array_like=True, gc=False):
    """The fields of a `TurnSpan`, as a page's record has them."""

    turn: str
    ordinal: int
    start: int
    body: int
    end: int
    more: bool = False
    resumed: bool = False


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
