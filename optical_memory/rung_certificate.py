"""How a reader reads one page at one rung, and the checksums by which a later reading is judged."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import floor
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

__all__ = [
    "CHUNK",
    "RungCertificate",
    "checksums",
    "masked",
]

CHUNK = 64
"""Characters of a reading that share one checksum."""

Range = tuple[int, int]  # start, end


@dataclass(frozen=True, slots=True)
class RungCertificate:
    """How well one page is read at one rung.

    `misread` has the maximal ranges of characters that are read wrongly, `worst` the (start, end,
    agreement) of the worst 64 inked characters in a row. `confidence` is the reader's own mean
    confidence over the inked characters. `checks` has the CRC-32 of every 64 characters of the
    reading, with the ledger over it and without what is misread; 0 stands for no checksum. With
    `checks_bare` they are of the bare reading, as older versions kept them. `method` is that of the
    reading.
    """

    rung: str
    agreement: float
    misread: tuple[Range, ...]
    worst: tuple[int, int, float]
    confidence: float
    checks: tuple[int, ...] = ()
    checks_bare: bool = False
    method: str = ""

    def confirms(self, text: str) -> npt.NDArray[np.bool_]:
        """(len(text),) True for every character of a later reading that is right: the certified
        reading had it right, and this reading agrees with it.

        `text` is the reading with the ledger over it, or without it if `checks_bare`.
        """
        is_right = np.zeros(len(text), np.bool_)
        for i, (certified_check, later_check) in enumerate(self._pairs(text)):
            is_right[i * CHUNK : (i + 1) * CHUNK] = certified_check == later_check
        for start, end in self.misread:
            is_right[start:end] = False
        return is_right

    def refutes(self, text: str) -> npt.NDArray[np.bool_]:
        """(len(text),) True for every character of a chunk that holds an error for sure: a
        character that the certified reading had right is another in `text`.

        `text` is a reading with the ledger over it. It makes no difference who read it.
        """
        is_wrong = np.zeros(len(text), np.bool_)
        if self.checks_bare:
            return is_wrong
        for i, (certified_check, later_check) in enumerate(self._pairs(text)):
            is_wrong[i * CHUNK : (i + 1) * CHUNK] = certified_check not in (0, later_check)
        return is_wrong

    def _pairs(self, text: str) -> Iterator[tuple[int, int]]:
        """The certified checksum and that of `text`, for each chunk."""
        later_text = text if self.checks_bare else masked(text, self.misread)
        return zip(self.checks, checksums(later_text), strict=False)

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
        fields = [self.rung, self.agreement, misread, list(self.worst), self.confidence, checks]
        return [*fields, self.method] if self.method else fields

    @classmethod
    def from_list(
        cls,
        rung: str,
        agreement: float,
        misread: list[int],
        worst: tuple[int, int, float],
        confidence: float,
        checks: str = "",
        method: str = "",
    ) -> RungCertificate:
        """The certificate from the fields that `to_list` gives; format 1 had no `checks`.

        `checks_bare` is that of the whole certificate.
        """
        start, end, share = worst
        ranges = tuple(_unpacked_ranges(misread))
        numbers = _unpacked_checks(checks)
        certificate = cls(rung, agreement, ranges, (start, end, share), confidence, numbers)
        return replace(certificate, method=method)


def masked(text: str, misread: Iterable[Range]) -> str:
    """The text without what was misread: only characters that were right have checksums."""
    chars = list(text)
    for start, end in misread:
        chars[start:end] = "\0" * len(chars[start:end])
    return "".join(chars)


def checksums(text: str) -> tuple[int, ...]:
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
