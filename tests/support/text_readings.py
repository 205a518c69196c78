"""Readings of texts, right and wrong."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import numpy as np
from hypothesis import strategies as st

from optical_memory.readings import Reading

SAME_LENGTH = st.integers(0, 80).flatmap(
    lambda n: st.tuples(
        *[st.text(st.sampled_from("ab \n7é\ufffd"), min_size=n, max_size=n) for _ in range(2)]
    )
)


def reading(text: str, confidence: float = 0.9) -> Reading:
    return Reading(text, np.full(len(text), confidence, np.float32))


def offsets_in(ranges: Iterable[tuple[int, int]]) -> list[int]:
    """The offsets of all characters in the ranges, in order."""
    return list(chain.from_iterable(range(start, end) for start, end in ranges))
