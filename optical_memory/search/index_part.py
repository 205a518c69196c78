"""A part of an index: a segment in columns, and sums over it."""

from __future__ import annotations

import numpy as np

from optical_memory.search.segment import NO_DAY, Segment

__all__ = [
    "COLUMNS",
    "IndexPart",
]

SITTING_TURNS = 32
"""Turns without a time that count as a sitting: about as many as people write in an hour."""

_UNIT_COLUMNS = ("starts", "ends", "n_tokens", "n_terms", "flags")
_TURN_COLUMNS = ("ordinals", "roles", "days", "speakers")
COLUMNS = (*_UNIT_COLUMNS, *_TURN_COLUMNS)
"""The columns of a part's table."""


class IndexPart:
    """A segment, and sums over it that every question needs."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        turns = segment.turns
        columns = [getattr(segment, name) for name in _UNIT_COLUMNS]
        columns += [getattr(segment, name)[turns] for name in _TURN_COLUMNS]
        days = segment.days.astype(np.int64)
        stretches = NO_DAY - 1 - segment.ordinals.astype(np.int64) // SITTING_TURNS
        labels = np.where(days == NO_DAY, stretches, days)[turns]
        self.labels, sittings = np.unique(labels, return_inverse=True)
        self.table = np.stack(columns, 1).astype(np.int32)
        self.sittings = sittings.astype(np.int32)
        self.sitting_terms = np.bincount(sittings, weights=segment.n_terms)
        self.n_terms = int(segment.n_terms.sum())
        told_days = segment.days[segment.days != NO_DAY]
        self.first_day = int(told_days.min()) if len(told_days) else NO_DAY
        self.last_day = int(told_days.max()) if len(told_days) else NO_DAY
        self.kind_of_vectors = (segment.model, segment.vectors.shape[1])
        self.vector_sum = segment.vectors.sum(0, dtype=np.float32)
