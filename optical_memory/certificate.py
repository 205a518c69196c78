"""What a reader makes of a page at each rung, measured while the text was in hand.

Agreement is the share of the page's inked characters that the reading has exactly, each at its own
place. Blanks and line joins are not counted in it: a layout knows them without looking. A blank
read as ink is a misreading all the same.

A certificate speaks of one reading. Other numbers (a GPU's, a server's, bfloat16) can make a
decoder go another way from some character on, so checksums of that reading are kept, and what reads
otherwise later is not `verified` by it.
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
    *(
        "WINDOW",
        "Certificate",
        "RungCertificate",
        "accuracy",
        "agreements_in",
        "certify_reading",
        "codepoints",
    ),
    *("runs"),
]

WINDOW = 64
"""Inked characters in the window whose worst place a certificate names."""

FORMAT = 2

CHUNK = 64
"""Characters of a reading that share one checksum."""


@dataclass(frozen=True, slots=True)
class RungCertificate:
    """How one page is read at one rung.

    `misread` are the maximal character ranges read wrongly, `worst` the (start, end, agreement) of
    the worst 64 inked characters in a row, `sure` the reader's own mean confidence over the inked
    characters. `checks` has the CRC-32 of every 64 characters of the reading, 0 where there is
    none.
    """

    rung: str
    agreement: float
    misread: tuple[tuple[int, int], ...]
    worst: tuple[int, int, float]
    sure: float
    checks: tuple[int, ...] = ()

    def confirms(self, text: str) -> npt.NDArray[np.bool_]:
        """Which characters of a later reading are right: the certified one had them so, and this
        one agrees with it.
        """
        right = np.zeros(len(text), np.bool_)
        for i, (then, now) in enumerate(zip(self.checks, _checksums(text), strict=False)):
            right[i * CHUNK : (i + 1) * CHUNK] = then == now
        for start, end in self.misread:
            right[start:end] = False
        return right

    def without(self, start: int, end: int) -> RungCertificate:
        """Without what tells of the text in `start:end`: checksums that it shares, misreadings in
        it, and of the means over the whole page, all but two decimals (rounded down).
        """
        first, last, share = self.worst
        return replace(
            self,
            agreement=floor(100 * self.agreement) / 100,
            misread=tuple(_outside(self.misread, start, end)),
            worst=(0, 0, floor(100 * share) / 100) if first < end and last > start else self.worst,
            sure=floor(100 * self.sure) / 100,
            checks=tuple(0 if _touches(i, start, end) else n for i, n in enumerate(self.checks)),
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """What `reader`@`revision` reads of one page through `codec`, by rung; `partial` after a turn
    was forgotten.
    """

    reader: str
    revision: str
    codec: str
    rungs: Mapping[str, RungCertificate] = field(default_factory=dict)
    partial: bool = False

    def agreement(self, rung: str) -> float:
        """Agreement at `rung`; 0 where it was never measured, so that no plan relies on it."""
        return self.rungs[rung].agreement if rung in self.rungs else 0.0

    def without(self, start: int, end: int) -> Certificate:
        """For a page whose characters `start:end` are forgotten: partial, the rest still checked."""
        rungs = {name: rung.without(start, end) for name, rung in self.rungs.items()}
        return replace(self, rungs=rungs, partial=True)

    def to_json(self) -> dict[str, Any]:
        made_by = {"reader": self.reader, "revision": self.revision, "codec": self.codec}
        rungs = [
            [r.rung, r.agreement, _pack(r.misread), list(r.worst), r.sure, _pack_checks(r.checks)]
            for r in self.rungs.values()
        ]
        return {"v": FORMAT, **made_by, "partial": self.partial, "rungs": rungs}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Certificate:
        """Raises `NewerFormat`. Format 1 has no checksums, so it verifies nothing."""
        _refuse_newer(data)
        rungs = {rung[0]: _rung(*rung) for rung in data["rungs"]}
        return cls(data["reader"], data["revision"], data["codec"], rungs, data["partial"])


def agreements_in(data: dict[str, Any]) -> dict[str, float]:
    """Agreement by rung in a certificate's JSON: what `plan` asks of every page. Raises
    `NewerFormat`.
    """
    _refuse_newer(data)
    return {rung[0]: rung[1] for rung in data["rungs"]}


def _refuse_newer(data: dict[str, Any]) -> None:
    if data["v"] > FORMAT:
        raise NewerFormat(f"a certificate of format {data['v']}: upgrade optical-memory to read it")


def _rung(
    name: str,
    agreement: float,
    misread: list[int],
    worst: tuple[int, int, float],
    sure: float,
    checks: str = "",
) -> RungCertificate:
    start, end, share = worst
    return RungCertificate(
        name, agreement, tuple(_unpack(misread)), (start, end, share), sure, _unpack_checks(checks)
    )


def _pack_checks(checks: tuple[int, ...]) -> str:
    return b64encode(np.array(checks, "<u4").tobytes()).decode()


def _unpack_checks(packed: str) -> tuple[int, ...]:
    return tuple(np.frombuffer(b64decode(packed), "<u4").tolist())


def _pack(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """Ranges as gap, length, gap, length …: half the bytes of offsets."""
    packed, at = [], 0
    for start, end in ranges:
        packed += [start - at, end - start]
        at = end
    return packed


def _unpack(packed: list[int]) -> Iterator[tuple[int, int]]:
    at = 0
    for gap, length in zip(packed[::2], packed[1::2], strict=True):
        yield at + gap, at + gap + length
        at += gap + length


def certify_reading(rung: str, truth: str, reading: Reading) -> RungCertificate:
    """Hold a reading against the page's text. Raises `ReadingFailed` if it has not the same number
    of characters.
    """
    if len(reading.text) != len(truth) or len(reading.confidence) != len(truth):
        raise ReadingFailed(
            f"at {rung!r} the reader gave {len(reading.text)} characters for a page of {len(truth)}"
        )
    right = codepoints(truth) == codepoints(reading.text)
    inked = np.flatnonzero(is_inked(truth))
    agreement = float(right[inked].mean()) if inked.size else 1.0
    sure = float(reading.confidence[inked].mean()) if inked.size else 1.0
    misread = tuple((start, end) for start, end, wrong in runs(~right) if wrong)
    return RungCertificate(
        rung, agreement, misread, _worst(right, inked), sure, _checksums(reading.text)
    )


def _checksums(text: str) -> tuple[int, ...]:
    """One checksum a chunk, never 0."""
    chunks = (
        text[at : at + CHUNK].encode("utf-8", "surrogatepass") for at in range(0, len(text), CHUNK)
    )
    return tuple(crc32(chunk) or 1 for chunk in chunks)


def _outside(ranges: Iterable[tuple[int, int]], start: int, end: int) -> Iterator[tuple[int, int]]:
    """What is left of the ranges without `start:end`."""
    for a, b in ranges:
        yield from ((x, y) for x, y in ((a, min(b, start)), (max(a, end), b)) if x < y)


def _touches(chunk: int, start: int, end: int) -> bool:
    return chunk * CHUNK < end and (chunk + 1) * CHUNK > start


def _worst(right: npt.NDArray[np.bool_], inked: npt.NDArray[np.intp]) -> tuple[int, int, float]:
    """(start, end, agreement) of the worst `WINDOW` inked characters in a row; the first of equals."""
    if not inked.size:
        return 0, 0, 1.0
    width = min(WINDOW, inked.size)
    total = np.concatenate([[0], np.cumsum(right[inked])])
    shares = (total[width:] - total[:-width]) / width
    at = int(shares.argmin())
    return int(inked[at]), int(inked[at + width - 1]) + 1, float(shares[at])
