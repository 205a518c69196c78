"""Ranges of a page's text, from the text in hand or from the rows that hold them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optical_memory.certificate import CHUNK, RungCertificate
from optical_memory.errors import ReadingFailed
from optical_memory.ledger import Ledger, LedgerSpan, splice
from optical_memory.pages import Layout
from optical_memory.readings import UNREAD, Reading
from optical_memory.recall.reading_cache import RowReading
from optical_memory.session.stored_page import StoredPage
from optical_memory.spans import Span, statuses
from optical_memory.turns import short_repr

__all__ = [
    "PageRanges",
    "RangeReading",
    "blanked",
    "text_range",
    "whole_text",
]

Range = tuple[int, int]  # start, end


@short_repr
@dataclass(frozen=True, slots=True)
class RangeReading:
    """A range of a page's text as it reads now; `spans` cover `text` without gaps.

    `is_unread`: the page was drawn for another reader, and only its exact facts are there.
    """

    text: str
    spans: tuple[Span, ...]
    is_unread: bool = False


class _Evidence(NamedTuple):
    """What a certificate says of a reading: see `statuses`."""

    is_confirmed: npt.NDArray[np.bool_] | None = None
    is_refuted: npt.NDArray[np.bool_] | None = None
    misread: Sequence[Range] = ()


class PageRanges:
    """Ranges of a page that is read from its picture, as the whole page would give them.

    A certificate has a checksum for every `CHUNK` characters. So all rows that share such a chunk
    with a range are read too. A chunk whose checksum agrees is verified if `maker` (reader,
    revision, codec) is that of the certificate; a chunk whose checksum does not agree is doubtful,
    whoever read it.
    """

    def __init__(self, page: StoredPage, layout: Layout, maker: tuple[str, str, str]) -> None:
        self.page = page
        self.layout = page.legible_layout(layout)  # without the rows of forgotten turns
        self._rows = layout.rows
        # The number that each row of the legible layout has on the page.
        self._legible = [i for i in range(len(layout.rows)) if i not in page.erased_rows]
        n_chars = (row.chars + len(row.join) for row in layout.rows)
        self._starts = list(accumulate(n_chars, initial=0))  # and the end of the last row
        certificate = page.certificate
        self._proof: RungCertificate | None = None
        self._verifies = False
        if certificate is not None:
            self._proof = certificate.rungs.get(page.record.rung or "")
            self._verifies = certificate.maker == maker

    @property
    def method(self) -> str:
        """The way in which the page was read when it was certified; "" for the usual way."""
        return self._proof.method if self._proof is not None and self._verifies else ""

    def rows_to_read(self, ranges: Iterable[Range]) -> list[int]:
        """Numbers of the rows of the layout that must be read for these ranges."""
        rows: set[int] = set()
        for start, end in ranges:
            rows.update(self._rows_in(*self._chunks(start, end)))
        return sorted(rows - self.page.erased_rows)

    def lines_of(self, rows: Iterable[int]) -> list[int]:
        """The numbers that these rows of the page have in `layout`."""
        return [bisect_left(self._legible, i) for i in rows]

    def rows_of(self, reading: Reading, lines: Collection[int]) -> dict[int, RowReading]:
        """The rows of a reading of `layout` by their numbers on the page.

        Of the rows that are not among `lines`, those that the reader has read too. Raises
        `ReadingFailed` if the reading has another length.
        """
        if len(reading.text) != self.layout.n_chars:
            raise ReadingFailed(
                f"the reader gave {len(reading.text)} characters for a page of "
                f"{self.layout.n_chars}"
            )
        rows: dict[int, RowReading] = {}
        start = 0
        for i, row in zip(self._legible, self.layout.rows, strict=True):
            end = start + row.chars + len(row.join)
            text = reading.text[start:end]
            confidence = reading.confidence[start:end]
            if i in lines or not _is_blank(text[: row.chars], confidence[: row.chars]):
                rows[i] = RowReading(text, confidence.copy())
            start = end
        return rows

    def reading(self, start: int, end: int, rows: Mapping[int, RowReading] | None) -> RangeReading:
        """The range from its rows: the ledger over the reading, and blanks if it was erased.

        Without rows nothing of it can be read but the ledger.
        """
        start, end = self._inside(start, end)
        evidence = _Evidence()
        if rows is None:
            raw = Reading(UNREAD * (end - start), np.zeros(end - start, np.float32))
        else:
            raw, evidence = self._raw(start, end, rows)
        ledger = ledger_range(self.page.ledger, start, end)
        erased_ranges = _clipped(self.page.erased_spans, start, end)
        text = blanked(splice(raw.text, ledger), erased_ranges)
        spans = statuses(
            n=len(text),
            ledger=ledger,
            is_confirmed=evidence.is_confirmed,
            reading=raw,
            erased_ranges=erased_ranges,
            misread=evidence.misread,
            is_refuted=evidence.is_refuted,
        )
        return RangeReading(text, tuple(spans), is_unread=rows is None)

    def _raw(
        self, start: int, end: int, rows: Mapping[int, RowReading]
    ) -> tuple[Reading, _Evidence]:
        """The range as the reader read it, and what its certificate says of that."""
        first, last = self._chunks(start, end)
        readings = [self._row(i, rows) for i in self._rows_in(first, last)]
        if not readings:
            return Reading("", np.zeros(0, np.float32)), _Evidence()
        offset = first - self._starts[bisect_right(self._starts, first) - 1]
        text = "".join(row.text for row in readings)[offset : offset + last - first]
        confidence = np.concatenate([row.confidence for row in readings])[offset:]
        part = slice(start - first, end - first)
        return Reading(text[part], confidence[part]), self._evidence(text, first, part)

    def _evidence(self, text: str, first: int, part: slice) -> _Evidence:
        """What the certificate says of a part of a reading of whole chunks from `first` on."""
        if self._proof is None:
            return _Evidence()
        last = first + len(text)
        proof = replace(
            self._proof,
            checks=self._proof.checks[first // CHUNK :],
            misread=tuple(_clipped(self._proof.misread, first, last)),
        )
        if not proof.checks_bare:
            text = splice(text, ledger_range(self.page.ledger, first, last))
        return _Evidence(
            is_confirmed=proof.confirms(text)[part] if self._verifies else None,
            is_refuted=proof.refutes(text)[part],
            misread=_clipped(proof.misread, part.start, part.stop),
        )

    def _row(self, i: int, rows: Mapping[int, RowReading]) -> RowReading:
        if i not in self.page.erased_rows:
            return rows[i]
        row = self._rows[i]
        confidence = [0.0] * row.chars + [1.0] * len(row.join)
        return RowReading(" " * row.chars + row.join, np.array(confidence, np.float32))

    def _chunks(self, start: int, end: int) -> Range:
        """The range with all characters that share a checksum with it."""
        start, end = self._inside(start, end)
        if self._proof is None or start == end:
            return start, end
        return start - start % CHUNK, min(end + -end % CHUNK, self._starts[-1])

    def _inside(self, start: int, end: int) -> Range:
        end = min(end, self._starts[-1])
        return min(start, end), end

    def _rows_in(self, start: int, end: int) -> range:
        """Numbers of the rows that hold a character of this range."""
        if start >= end:
            return range(0)
        return range(bisect_right(self._starts, start) - 1, bisect_left(self._starts, end))


def _is_blank(text: str, confidence: npt.NDArray[np.float32]) -> bool:
    """True for a row as a reader leaves it if nobody asked for it."""
    return text.isspace() and not confidence.any()


def text_range(text: str, start: int, end: int, erased_spans: Iterable[Range]) -> RangeReading:
    """A range of a page whose text is in hand."""
    part = text[start:end]
    erased_ranges = _clipped(erased_spans, start, end)
    spans = statuses(len(part), whole_text(part), None, None, erased_ranges=erased_ranges)
    return RangeReading(part, tuple(spans))


def whole_text(text: str) -> Ledger:
    """A ledger with all of a text that was not read from a picture."""
    return Ledger((LedgerSpan(0, len(text), "text", text),))


def blanked(text: str, ranges: Iterable[Range]) -> str:
    """The text with blanks in these ranges; line ends stay."""
    for start, end in ranges:
        blanks = "".join("\n" if char == "\n" else " " for char in text[start:end])
        text = text[:start] + blanks + text[end:]
    return text


def ledger_range(ledger: Ledger, start: int, end: int) -> Ledger:
    """The facts in a range of the page, at their places in the range."""
    spans: list[LedgerSpan] = []
    for span in ledger.spans:
        if span.start < end and span.end > start:
            part = span.text[max(start - span.start, 0) : end - span.start]
            offset = max(span.start - start, 0)
            spans.append(LedgerSpan(offset, offset + len(part), span.kind, part))
    return Ledger(tuple(spans))


def _clipped(ranges: Iterable[Range], start: int, end: int) -> list[Range]:
    """The parts of ranges of the page that are in `start:end`, at their places there."""
    return [
        (max(first, start) - start, min(last, end) - start)
        for first, last in ranges
        if first < end and last > start
    ]
