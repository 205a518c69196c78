"""A stored page, parsed once, and the facts of a page that a user sees.

Everything downstream reads from these values; nothing opens the record's JSON again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np

from optical_memory.certificate import Certificate
from optical_memory.errors import NewerFormat, StoreError
from optical_memory.ledger import Ledger
from optical_memory.pages import Layout, Page, rows_of
from optical_memory.profiles import Ladder
from optical_memory.readings import Reading
from optical_memory.session.maps.page_parts import (
    agreements_from_json,
    certificate_from_json,
    layout_from_json,
    ledger_from_json,
    ledger_tokens_from_json,
    turns_from_json,
)
from optical_memory.session.records import PageRecord, PageStage
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "PageInfo",
    "StoredPage",
    "agreements_of",
    "certificate_of",
    "last_turn_on",
    "ledger_of",
    "n_ledger_tokens",
    "page_info",
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
        layout = _parse(record, "layout", record.layout, layout_from_json)
        page = None
        if layout is not None and record.lines is not None:
            page = Page(layout, tuple(record.lines))
        spans = layout.spans if layout is not None else ()
        erased_spans = tuple((s.start, s.end) for s in spans if snapshot.is_forgotten(s.turn))
        return cls(
            record=record,
            layout=layout,
            ledger=ledger_of(record),
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
    return _parse(record, "certificate", record.certificate, certificate_from_json)


def agreements_of(record: PageRecord) -> Mapping[str, float]:
    """Agreement by rung, without parsing the rest of the certificate; raises as `StoredPage.of`."""
    return _parse(record, "certificate", record.certificate, agreements_from_json) or {}


def ledger_of(record: PageRecord) -> Ledger:
    """The page's ledger, an empty ledger if it has none. Raises as `StoredPage.of`."""
    return _parse(record, "ledger", record.ledger or None, ledger_from_json) or Ledger(())


def n_ledger_tokens(record: PageRecord) -> int:
    """Tokens of the exact facts beside the page's picture; raises as `StoredPage.of`."""
    return _parse(record, "ledger", record.ledger or None, ledger_tokens_from_json) or 0


def last_turn_on(record: PageRecord) -> int | None:
    """The ordinal of the last turn on a page, None without turns; raises as `StoredPage.of`."""
    turns = _parse(record, "layout", record.layout, turns_from_json) or []
    return max((turn.ordinal for turn in turns), default=None)


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
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"the {name} of page {record.id} does not parse: {error!r}") from error
