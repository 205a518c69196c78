"""How far to trust every character of a page that was read: original, verified, reconstructed or
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from optical_memory.errors import ReadingFailed
from optical_memory.ledger import Ledger
from optical_memory.readings import CONFIDENT, UNREAD, Reading, codepoints, is_inked, runs

__all__ = [
    "DOUBT",
    "Span",
    "Status",
    "statuses",
]

Status = Literal["original", "verified", "reconstructed", "forgotten"]

DOUBT = 0.5
"""A reconstructed character whose probability is below this is more likely wrong than right."""

_STATUS: tuple[Status, ...] = (
    "forgotten",
    "reconstructed",
    "reconstructed",
    "reconstructed",
    "reconstructed",
    "verified",
    "original",
)
# Indices into `_STATUS`. Characters of unlike probability are in spans of their own, so that no
# mean over many good characters hides a bad character.
_FORGOTTEN, _MISREAD, _REFUTED, _DOUBTFUL, _RECONSTRUCTED, _VERIFIED, _ORIGINAL = range(7)

_REFUTED_P = DOUBT / 2
"""The highest probability of a character among which one is wrong, nobody knows which."""


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` and how far to trust it.

    `p` is the probability that a character is right: 1 for original and verified, 0 for forgotten,
    the reader's own mean confidence for reconstructed. For reconstructed characters that the
    certificate lists as misread it is 0: they are known to be wrong.
    """

    start: int
    end: int
    status: Status
    p: float


def statuses(
    n: int,
    ledger: Ledger,
    is_confirmed: npt.NDArray[np.bool_] | None,
    reading: Reading | None,
    *,
    erased_ranges: Iterable[tuple[int, int]] = (),
    misread: Iterable[tuple[int, int]] = (),
    is_refuted: npt.NDArray[np.bool_] | None = None,
) -> list[Span]:
    """Cut a page of `n` characters into maximal spans by how far to trust them.

    * `original`: the ledger has it.
    * `verified`: the certificate confirms it, which is in `is_confirmed` (n,), and this reading is
      confident (`CONFIDENT` or more).
    * `reconstructed`: any other character that was read. It has probability 0 in the ranges
      `misread`, which the certificate knows to be wrong, whatever the reader's confidence says.
      Where `is_refuted` (n,) is True the text holds an error for sure, and the probability is low.
    * `forgotten`: a character that was not read (no reading, or U+FFFD in it), or in a range of
      `erased_ranges`.

    Raises `ReadingFailed` if the reading has another length.
    """
    if reading is not None and len(reading.text) != n:
        raise ReadingFailed(f"the reader gave {len(reading.text)} characters for a page of {n}")
    codes = _codes(n, is_confirmed, reading)
    if is_refuted is not None:
        codes[is_refuted & np.isin(codes, (_DOUBTFUL, _RECONSTRUCTED))] = _REFUTED
    for start, end in misread:
        part = codes[start:end]
        part[part != _FORGOTTEN] = _MISREAD
    # In this order: an exact fact is known even if it cannot be read, but nothing that was
    # forgotten comes back.
    for span in ledger.spans:
        codes[span.start : span.end] = _ORIGINAL
    for start, end in erased_ranges:
        codes[start:end] = _FORGOTTEN
    return [
        Span(start, end, _STATUS[code], _probability(code, start, end, reading))
        for start, end, code in runs(codes)
    ]


def _codes(
    n: int, is_confirmed: npt.NDArray[np.bool_] | None, reading: Reading | None
) -> npt.NDArray[np.int8]:
    """(n,) indices into `_STATUS` by the reading and its certificate alone."""
    codes = np.full(n, _FORGOTTEN, np.int8)
    if reading is None:
        return codes
    codes[:] = np.where(reading.confidence < DOUBT, _DOUBTFUL, _RECONSTRUCTED)
    if is_confirmed is not None:
        codes[is_confirmed & (reading.confidence >= CONFIDENT)] = _VERIFIED
    codes[(codepoints(reading.text) == ord(UNREAD)) & (codes != _VERIFIED)] = _FORGOTTEN
    return codes


def _probability(code: int, start: int, end: int, reading: Reading | None) -> float:
    """Blanks are always sure, so they are not counted, except in a span of blanks alone."""
    if code not in (_REFUTED, _DOUBTFUL, _RECONSTRUCTED) or reading is None:
        return float(code in (_VERIFIED, _ORIGINAL))
    is_ink = is_inked(reading.text[start:end])
    confidence = reading.confidence[start:end]
    mean = confidence[is_ink].mean() if is_ink.any() else confidence.mean()
    return float(np.clip(mean, 0.0, _REFUTED_P if code == _REFUTED else 1.0))
