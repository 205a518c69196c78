"""Candidates: the units that a question looks at, with all that their scores need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optical_memory.search.times.named_days import NamedDays
from optical_memory.turns import short_repr

__all__ = [
    "Candidates",
]

Int = npt.NDArray[np.int32]
Float = npt.NDArray[np.float32]


@short_repr
@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Units in order, a value each in every array; `counts` is (n_keys, n_units).

    `runs` numbers the stretches without a gap between their units. `sittings` numbers the days, or
    stretches of turns without a time; `sitting_counts` is (n_keys, n_sittings), `sitting_terms`
    (n_sittings,). `names` are the speakers of all turns of the index, and `speakers` positions in
    it, -1 for nobody. `n_all` counts the units of the whole index, `n_with_key` those with each
    key, and `mean_terms` is the mean number of their terms. `vectors` is (n_units, width) by the
    index's `model`, and `mean_vector` (width,) their mean over the index.
    """

    names: tuple[str, ...]
    ordinals: Int
    roles: Int
    speakers: Int
    days: Int
    starts: Int
    ends: Int
    n_tokens: Int
    n_terms: Int
    flags: Int
    runs: Int
    sittings: Int
    counts: Float
    sitting_counts: Float
    sitting_terms: Float
    n_with_key: Int
    n_all: int
    mean_terms: float
    named_days: NamedDays
    vectors: npt.NDArray[np.int8]
    mean_vector: Float
