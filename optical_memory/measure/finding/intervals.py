"""Shares, and their confidence intervals by drawing the questions again with replacement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "interval",
    "share",
]

DRAWS = 2_000
"""Samples of a bootstrap; the ends of an interval then move by less than 0.003."""


def share(flags: Sequence[bool]) -> float:
    """The share of the flags that are True, 0 without flags.

    >>> share([True, False, True])
    0.6667
    """
    return round(sum(flags) / len(flags), 4) if flags else 0.0


def interval(flags: Sequence[bool], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the share; the same seed gives the same interval.

    It is (0, 0) without flags.

    >>> interval([True, True, True])
    (1.0, 1.0)
    """
    if not flags:
        return 0.0, 0.0
    sample = np.array(flags, np.float64)
    draws = np.random.default_rng(seed).integers(0, len(sample), (DRAWS, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)
