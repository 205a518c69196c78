"""Whether a reader is right as often as it says: its confidence, character by character, held
against the text.

Counted are the inked characters of the page that the reader claims to read: what it leaves as
U+FFFD is no claim. The expected calibration error is that of Guo et al. 2017 ("On Calibration of
Modern Neural Networks", equation 3): over bins of equal width, |accuracy - mean confidence|,
weighted by how many characters a bin has. Counts of many pages add up, so that no character is
kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optical_memory.readings import CONFIDENT, UNREAD, Reading

__all__ = ["BINS", "Bin", "Reliability", "reliability", "total"]

BINS = 15
"""As in Guo et al. 2017: bin m of M holds confidences in ((m-1)/M, m/M], the first one 0 as well.
"""

Bin = tuple[float, float, int, float, float]
"""(low, high, characters, their mean confidence, the share of them that is right)."""


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Counts by bin of confidence, and of the characters whose confidence is `CONFIDENT` or more."""

    n: npt.NDArray[np.int64]  # (BINS,)
    confidence: npt.NDArray[np.float64]  # (BINS,) summed
    right: npt.NDArray[np.int64]  # (BINS,)
    sure: int
    sure_right: int

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The bins that have a character, from the least confidence to the most."""
        return tuple(
            (i / BINS, (i + 1) / BINS, n, float(self.confidence[i] / n), float(self.right[i] / n))
            for i, n in enumerate(self.n.tolist())
            if n
        )

    @property
    def ece(self) -> float | None:
        """Expected calibration error; None where the reader claims nothing."""
        count = int(self.n.sum())
        return float(np.abs(self.right - self.confidence).sum() / count) if count else None

    @property
    def sure_share(self) -> float | None:
        """Share of the claimed characters that are sure; None where nothing is claimed."""
        count = int(self.n.sum())
        return self.sure / count if count else None

    @property
    def sure_accuracy(self) -> float | None:
        """Share of the sure characters that is right; None where none is sure."""
        return self.sure_right / self.sure if self.sure else None


def reliability(truth: str, reading: Reading) -> Reliability:
    """The counts of one page. The reading must have as many characters as the text."""
    pairs = zip(truth, reading.text, strict=True)
    claimed = np.array([not true.isspace() and read != UNREAD for true, read in pairs], np.bool_)
    right = np.array(
        [true == read for true, read in zip(truth, reading.text, strict=True)], np.bool_
    )[claimed]
    confidence = reading.confidence[claimed]
    bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)
    sure = confidence >= CONFIDENT  # compared as float32, as the reader does
    return Reliability(
        np.bincount(bins, minlength=BINS),
        np.bincount(bins, weights=confidence.astype(np.float64), minlength=BINS).astype(np.float64),
        np.bincount(bins[right], minlength=BINS),
        int(sure.sum()),
        int((sure & right).sum()),
    )


def total(counts: Iterable[Reliability]) -> Reliability:
    """The counts of many pages."""
    some = list(counts)
    n, confidence, right = (
        np.sum([getattr(c, name) for c in some], axis=0) for name in ("n", "confidence", "right")
    )
    return Reliability(
        n, confidence, right, sum(c.sure for c in some), sum(c.sure_right for c in some)
    )
