"""How far to trust every character of a page that was read: original, verified, reconstructed or
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from optical_memory.certificate import RungCertificate
from optical_memory.errors import ReadingFailed
from optical_memory.ledger import Ledger
from optical_memory.readings import CONFIDENT, UNREAD, Reading, codepoints, is_inked, runs

__all__ = ["Span", "Status", "statuses"]

Status = Literal["original", "verified", "reconstructed", "forgotten"]

_STATUS: tuple[Status, ...] = ("forgotten", "reconstructed", "verified", "original")
_FORGOTTEN, _RECONSTRUCTED, _VERIFIED, _ORIGINAL = range(4)


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` and how far to trust it: `p` is 1 for original and verified, 0 for
    forgotten.
    """

    start: int
    end: int
    status: Status
    p: float


def statuses(
    n: int,
    ledger: Ledger,
    certificate: RungCertificate | None,
    reading: Reading | None,
    *,
    gone: Iterable[tuple[int, int]] = (),
) -> list[Span]:
    """Cut a page of `n` characters into maximal spans by how far to trust them.

    The ledger's are `original`. Of the rest, what the certificate confirms and this reading is sure
    of (confidence >= `CONFIDENT`) is `verified`, other characters are `reconstructed` with the mean
    confidence of their inked characters, and what no reading has (none was given, or it has U+FFFD
    there) is `forgotten`, as are the ranges `gone`. Raises `ReadingFailed` for a reading of another
    length.
    """
    if reading is not None and len(reading.text) != n:
        raise ReadingFailed(f"the reader gave {len(reading.text)} characters for a page of {n}")
    codes = _trust(n, certificate, reading)
    for start, end in gone:
        codes[start:end] = _FORGOTTEN
    for span in ledger.spans:
        codes[span.start : span.end] = _ORIGINAL
    return [
        Span(start, end, _STATUS[code], _sureness(code, start, end, reading))
        for start, end, code in runs(codes)
    ]


def _trust(
    n: int, certificate: RungCertificate | None, reading: Reading | None
) -> npt.NDArray[np.int8]:
    codes = np.full(n, _FORGOTTEN, np.int8)
    if reading is None:
        return codes
    codes[:] = _RECONSTRUCTED
    if certificate is not None:
        codes[certificate.confirms(reading.text) & (reading.confidence >= CONFIDENT)] = _VERIFIED
    codes[(codepoints(reading.text) == ord(UNREAD)) & (codes == _RECONSTRUCTED)] = _FORGOTTEN
    return codes


def _sureness(code: int, start: int, end: int, reading: Reading | None) -> float:
    if code != _RECONSTRUCTED or reading is None:
        return float(code > _RECONSTRUCTED)
    inked = is_inked(reading.text[start:end])
    confidence = reading.confidence[start:end]
    return float(np.clip(confidence[inked].mean() if inked.any() else confidence.mean(), 0.0, 1.0))
