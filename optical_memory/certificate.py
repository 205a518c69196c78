"""How a reader reads a page at each rung, measured while the page's text was in hand.

Agreement is the share of the page's inked characters that the reading has exactly, each at its own
place. Blanks and line joins are not counted in it: a layout knows them without looking. A blank
read as ink is a misreading all the same.

A certificate speaks of one reading. Other arithmetic (a GPU's, a server's, bfloat16) can make a
decoder go another way from some character on. So checksums of the certified reading are kept, and
a later reading that differs from it is not `verified`. They are checksums of the reading with the
ledger put over it: characters that the ledger has may be read in any way.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import floor
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from optical_memory.errors import NewerFormat, ReadingFailed
from optical_memory.readings import Reading, codepoints, is_inked, runs

__all__ = [
    "CHUNK",
    "WINDOW",
    "Certificate",
    "RungCertificate",
    "agreements_in",
    "certify_reading",
    "require_length",
]

WINDOW = 64
"""Inked characters in the window whose worst place a certificate names: about a line of text."""

CERTIFICATE_FORMAT = 3
"""Of the JSON that `Certificate.to_json` writes. Format 1 had no checksums, and those of format 2
are of the reading without the ledger.
"""

CHECKS_OF_READING = 2
"""The last format whose checksums are of the reading without the ledger."""

CHUNK = 64
"""Characters of a reading that share one checksum."""

Range = tuple[int, int]  # start, end


@dataclass(frozen=True, slots=True)
class RungCertificate:
    """How well one page is read at one rung.

    `misread` has the maximal ranges of characters that are read wrongly, `worst` the (start, end,
    agreement) of the worst 64 inked characters in a row. `confidence` is the reader's own mean
    confidence over the inked characters. `checks` has the CRC-32 of every 64 characters of the
    reading, with the ledger over it; 0 stands for no checksum. With `checks_bare` they are of the
    reading without the ledger, as older versions kept them.
    """

    rung: str
    agreement: float
    misread: tuple[Range, ...]
    worst: tuple[int, int, float]
    confidence: float
    checks: tuple[int, ...] = ()
    checks_bare: bool = False

    def confirms(self, text: str) -> npt.NDArray[np.bool_]:
        """(len(text),) True for every character of a later reading that is right: the certified
        reading had it right, and this reading agrees with it.

        `text` is the reading with the ledger over it, or without it if `checks_bare`.
        """
        right = np.zeros(len(text), np.bool_)
        pairs = zip(self.checks, _checksums(text), strict=False)
        for i, (certified_check, later_check) in enumerate(pairs):
            right[i * CHUNK : (i + 1) * CHUNK] = certified_check == later_check
        for start, end in self.misread:
            right[start:end] = False
        return right

    def refutes(self, text: str, is_exact: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(len(text),) True for every character of a chunk that holds an error for sure: the
        certified reading was right there, and this reading, `text`, is another.

        `is_exact` (len(text),) says which characters the ledger has. It makes no difference who
        read the text: the checksum is that of the right text.
        """
        is_wrong = np.zeros(len(text), np.bool_)
        if self.checks_bare:
            return is_wrong
        is_misread = np.zeros(len(text), np.bool_)
        for start, end in self.misread:
            is_misread[start:end] = True
        is_misread &= ~is_exact
        pairs = zip(self.checks, _checksums(text), strict=False)
        for i, (certified_check, later_check) in enumerate(pairs):
            chunk = slice(i * CHUNK, (i + 1) * CHUNK)
            differs = certified_check not in (0, later_check)
            is_wrong[chunk] = differs and not is_misread[chunk].any()
        return is_wrong

    def without(self, start: int, end: int) -> RungCertificate:
        """The certificate without anything that tells of the text in `start:end`.

        Checksums that share a character with it go, and misreadings in it. Means over the whole
        page keep two decimals (rounded down), so that they tell little of it.
        """
        checks = [0 if _touches(i, start, end) else n for i, n in enumerate(self.checks)]
        worst_start, worst_end, worst_share = self.worst
        overlaps = worst_start < end and worst_end > start
        return replace(
            self,
            agreement=_two_decimals(self.agreement),
            misread=tuple(_ranges_outside(self.misread, start, end)),
            worst=(0, 0, _two_decimals(worst_share)) if overlaps else self.worst,
            confidence=_two_decimals(self.confidence),
            checks=tuple(checks),
        )

    def to_list(self) -> list[Any]:
        """The fields for JSON, ranges and checksums packed."""
        misread = _packed_ranges(self.misread)
        checks = _packed_checks(self.checks)
        return [self.rung, self.agreement, misread, list(self.worst), self.confidence, checks]

    @classmethod
    def from_list(
        cls,
        rung: str,
        agreement: float,
        misread: list[int],
        worst: tuple[int, int, float],
        confidence: float,
        checks: str = "",
    ) -> RungCertificate:
        """The certificate from the fields that `to_list` gives; format 1 had no `checks`.

        `checks_bare` is that of the whole certificate.
        """
        start, end, share = worst
        ranges = tuple(_unpacked_ranges(misread))
        numbers = _unpacked_checks(checks)
        return cls(rung, agreement, ranges, (start, end, share), confidence, numbers)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How `reader`@`revision` reads one page through `codec`, by rung.

    `partial` says that a turn of the page was forgotten after it was measured.
    """

    reader: str
    revision: str
    codec: str
    rungs: Mapping[str, RungCertificate] = field(default_factory=dict)
    partial: bool = False

    @property
    def maker(self) -> tuple[str, str, str]:
        """(reader, revision, codec). Only these read as it was certified."""
        return self.reader, self.revision, self.codec

    def agreement(self, rung: str) -> float:
        """Agreement at `rung`; 0 if it was never measured, so that no plan relies on it."""
        return self.rungs[rung].agreement if rung in self.rungs else 0.0

    def without(self, start: int, end: int) -> Certificate:
        """For a page whose characters `start:end` are forgotten; the rest is still checked."""
        rungs = {name: rung.without(start, end) for name, rung in self.rungs.items()}
        return replace(self, rungs=rungs, partial=True)

    @property
    def _format(self) -> int:
        """A certificate that an older version made keeps its format: so do its checksums."""
        is_old = any(rung.checks_bare for rung in self.rungs.values())
        return CHECKS_OF_READING if is_old else CERTIFICATE_FORMAT

    def to_json(self) -> dict[str, Any]:
        """Compact JSON; each rung as the list of its fields."""
        return {
            "v": self._format,
            "reader": self.reader,
            "revision": self.revision,
            "codec": self.codec,
            "partial": self.partial,
            "rungs": [rung.to_list() for rung in self.rungs.values()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Certificate:
        """The certificate that `to_json` wrote. Raises `NewerFormat`.

        A certificate of format 1 has no checksums, so it verifies nothing.
        """
        _refuse_newer(data)
        is_bare = data["v"] <= CHECKS_OF_READING
        rungs = {
            fields[0]: replace(RungCertificate.from_list(*fields), checks_bare=is_bare)
            for fields in data["rungs"]
        }
        return cls(data["reader"], data["revision"], data["codec"], rungs, data["partial"])


def agreements_in(data: dict[str, Any]) -> dict[str, float]:
    """Agreement by rung in a certificate's JSON, without parsing the rest. Raises `NewerFormat`.

    A plan asks every page of a session for it.
    """
    _refuse_newer(data)
    return {fields[0]: fields[1] for fields in data["rungs"]}


def certify_reading(
    rung: str, truth: str, reading: Reading, *, corrected: str | None = None
) -> RungCertificate:
    """Compare a reading with the page's text.

    `corrected` is the text of the reading with the page's ledger over it, None without a ledger.

    Raises `ReadingFailed` if the reading has another number of characters.
    """
    require_length(rung, truth, reading)
    right = codepoints(truth) == codepoints(reading.text)
    ink = np.flatnonzero(is_inked(truth))
    misread = tuple((start, end) for start, end, is_wrong in runs(~right) if is_wrong)
    return RungCertificate(
        rung,
        agreement=float(right[ink].mean()) if ink.size else 1.0,
        misread=misread,
        worst=_worst(right, ink),
        confidence=float(reading.confidence[ink].mean()) if ink.size else 1.0,
        checks=_checksums(reading.text if corrected is None else corrected),
    )


def require_length(rung: str, truth: str, reading: Reading) -> None:
    """Raises `ReadingFailed` if the reading has another number of characters than the page."""
    if len(reading.text) != len(truth) or len(reading.confidence) != len(truth):
        raise ReadingFailed(
            f"at {rung!r} the reader gave {len(reading.text)} characters for a page of {len(truth)}"
        )


def _worst(right: npt.NDArray[np.bool_], ink: npt.NDArray[np.intp]) -> tuple[int, int, float]:
    """(start, end, agreement) of the worst `WINDOW` inked characters in a row; the first of equals.

    `right` is (n_chars,), `ink` the offsets of the inked characters.
    """
    if not ink.size:
        return 0, 0, 1.0
    width = min(WINDOW, ink.size)
    total = np.concatenate([[0], np.cumsum(right[ink])])  # right characters before each
    shares = (total[width:] - total[:-width]) / width
    first = int(shares.argmin())
    return int(ink[first]), int(ink[first + width - 1]) + 1, float(shares[first])


def _checksums(text: str) -> tuple[int, ...]:
    """One checksum a chunk, never 0."""
    chunks = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    # 0 stands for no checksum, so a CRC-32 of 0 is written as 1.
    return tuple(crc32(chunk.encode("utf-8", "surrogatepass")) or 1 for chunk in chunks)


def _touches(chunk: int, start: int, end: int) -> bool:
    return chunk * CHUNK < end and (chunk + 1) * CHUNK > start


def _ranges_outside(ranges: Iterable[Range], start: int, end: int) -> Iterator[Range]:
    """The parts of the ranges that are not in `start:end`."""
    for range_start, range_end in ranges:
        if range_start < min(range_end, start):
            yield range_start, min(range_end, start)
        if max(range_start, end) < range_end:
            yield max(range_start, end), range_end


def _two_decimals(share: float) -> float:
    return floor(100 * share) / 100


# ---- JSON ----------------------------------------------------------------------------------------


def _refuse_newer(data: dict[str, Any]) -> None:
    if data["v"] > CERTIFICATE_FORMAT:
        raise NewerFormat(f"a certificate of format {data['v']}: upgrade optical-memory to read it")


def _packed_ranges(ranges: Iterable[Range]) -> list[int]:
    """Ranges as gap, length, gap, length …: half the bytes of offsets."""
    numbers: list[int] = []
    position = 0
    for start, end in ranges:
        numbers += [start - position, end - start]
        position = end
    return numbers


def _unpacked_ranges(numbers: list[int]) -> Iterator[Range]:
    position = 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        start = position + gap
        position = start + length
        yield start, position


def _packed_checks(checks: tuple[int, ...]) -> str:
    return b64encode(np.array(checks, "<u4").tobytes()).decode()


def _unpacked_checks(text: str) -> tuple[int, ...]:
    return tuple(np.frombuffer(b64decode(text), "<u4").tolist())
