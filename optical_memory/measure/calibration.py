"""Whether a reader is right as often as it says: its confidence beside the truth, by character.

Only characters count that have ink and that the reader claims to read: U+FFFD is no claim. The
expected calibration error is that of Guo et al. 2017 ("On Calibration of Modern Neural Networks",
equation 3): over bins of equal width, |accuracy - mean confidence|, weighted by the number of
characters in a bin. The counts of many pages add up, so that no character is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optical_memory.readings import CONFIDENT, UNREAD, Reading

__all__ = [
    "BINS",
    "Bin",
    "Reliability",
    "reliability",
    "total",
]

BINS = 15
"""As in Guo et al. 2017: bin m of M holds confidences in ((m-1)/M, m/M]; the first also holds 0."""

Bin = tuple[float, float, int, float, float]
"""(low, high, characters, their mean confidence, the share of them that is right)."""


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Counts by bin of confidence, and of the confident characters (`CONFIDENT` or more)."""

    n: npt.NDArray[np.int64]  # (BINS,) characters
    confidence: npt.NDArray[np.float64]  # (BINS,) summed
    n_correct: npt.NDArray[np.int64]  # (BINS,)
    n_confident: int
    n_confident_correct: int

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The bins that have a character, from the least confidence to the most."""
        return tuple(self._bin(i) for i in np.flatnonzero(self.n).tolist())

    def _bin(self, i: int) -> Bin:
        n = int(self.n[i])
        mean = float(self.confidence[i] / n)
        share = float(self.n_correct[i] / n)
        return i / BINS, (i + 1) / BINS, n, mean, share

    @property
    def ece(self) -> float | None:
        """Expected calibration error; None if the reader claims nothing."""
        count = int(self.n.sum())
        return float(np.abs(self.n_correct - self.confidence).sum() / count) if count else None

    @property
    def confident_share(self) -> float | None:
        """Share of the claimed characters that are confident; None if nothing is claimed."""
        count = int(self.n.sum())
        return self.n_confident / count if count else None

    @property
    def confident_accuracy(self) -> float | None:
        """Share of the confident characters that is right; None if there are none."""
        return self.n_confident_correct / self.n_confident if self.n_confident else None


def reliability(truth: str, reading: Reading) -> Reliability:
    """The counts of a page. Raises `ValueError` unless text and reading are of the same length."""
    pairs = list(zip(truth, reading.text, strict=True))
    claims = np.array([not true.isspace() and char != UNREAD for true, char in pairs], np.bool_)
    correct = np.array([true == char for true, char in pairs], np.bool_)[claims]
    confidence = reading.confidence[claims]
    weights = confidence.astype(np.float64)
    bins = np.clip(np.ceil(weights * BINS).astype(np.int64) - 1, 0, BINS - 1)
    confident = confidence >= CONFIDENT  # compared as float32, as the reader does
    return Reliability(
        n=np.bincount(bins, minlength=BINS),
        confidence=np.bincount(bins, weights=weights, minlength=BINS).astype(np.float64),
        n_correct=np.bincount(bins[correct], minlength=BINS),
        n_confident=int(confident.sum()),
        n_confident_correct=int((confident & correct).sum()),
    )


def total(counts: Iterable[Reliability]) -> Reliability:
    """The counts of many pages, at least one page."""
    pages = list(counts)
    return Reliability(
        n=np.sum([page.n for page in pages], axis=0),
        confidence=np.sum([page.confidence for page in pages], axis=0),
        n_correct=np.sum([page.n_correct for page in pages], axis=0),
        n_confident=sum(page.n_confident for page in pages),
        n_confident_correct=sum(page.n_confident_correct for page in pages),
    )
