"""The index of a session: segments in order, and the units of it that a question looks at.

All units are looked at in a short session. In a long session these are the units around the best
matches, so that a question costs little more there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optical_memory.search.segment import NO_DAY, Segment

__all__ = [
    "Candidates",
    "Index",
    "IndexPart",
    "inverse_frequency",
]

Int = npt.NDArray[np.int32]
Float = npt.NDArray[np.float32]
Postings = Sequence[tuple[Int, npt.NDArray[np.uint8]]]
"""(units, counts) of a key in each part of the index."""

LOOK_AT_ALL = 4_096
"""A session of at most so many units is looked at whole."""

BEST_UNITS = 512
"""Of a longer session, so many units are looked at, and those beside each."""

COMMON_SHARE = 0.02
"""In a long session, a key that more of the units have does not choose the units to look at."""

BESIDE = 4
"""Units before and after a unit that are looked at with it: a window needs 3."""

SITTING_TURNS = 32
"""Turns without a time that count as a sitting: about as many as people write in an hour."""

SATURATION = 1.2
"""BM25's k1: how soon more of the same term stops to count (Robertson and Zaragoza 2009)."""

_SATURATED = np.arange(256, dtype=np.float32) / (np.arange(256, dtype=np.float32) + SATURATION)
"""What a term counts that a unit has so many times."""

_UNIT_COLUMNS = ("starts", "ends", "n_tokens", "n_terms", "flags")
_TURN_COLUMNS = ("ordinals", "roles", "days", "speakers")
_COLUMNS = (*_UNIT_COLUMNS, *_TURN_COLUMNS, "sittings")


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
    first_day: int
    last_day: int
    vectors: npt.NDArray[np.int8]
    mean_vector: Float


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
        self.table = np.stack([*columns, sittings], 1).astype(np.int32)
        self.sittings = sittings.astype(np.int32)
        self.sitting_terms = np.bincount(sittings, weights=segment.n_terms)
        self.n_terms = int(segment.n_terms.sum())
        self.days = segment.days[segment.days != NO_DAY]
        self.vector_sum = segment.vectors.sum(0, dtype=np.float32)


class Index:
    """The units of a session. Nothing of it changes; another version is another index."""

    def __init__(self, parts: Sequence[IndexPart]) -> None:
        self.parts = [part for part in parts if part.segment.n_units]
        self._starts = np.cumsum([0, *(part.segment.n_units for part in self.parts)]).tolist()
        self.n_units: int = self._starts[-1]

    @cached_property
    def model(self) -> str:
        """The embedder of the newest vectors; empty without vectors."""
        models = [part.segment.model for part in self.parts if part.segment.vectors.shape[1]]
        return models[-1] if models else ""

    @cached_property
    def _mean_vector(self) -> Float:
        sums = [part.vector_sum for part in self.parts if part.segment.model == self.model]
        if not self.model:
            return np.zeros(0, np.float32)
        mean: Float = np.sum(sums, 0) / max(1, self.n_units)
        return mean

    @cached_property
    def n_tokens(self) -> int:
        """What the text of all units costs."""
        return sum(int(part.segment.n_tokens.sum()) for part in self.parts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all speakers, each once."""
        names: dict[str, None] = {}
        for part in self.parts:
            names.update(dict.fromkeys(name for name in part.segment.names if name))
        return tuple(names)

    @cached_property
    def first_day(self) -> int:
        """The first day (since 1970) of a turn; `NO_DAY` if no turn has a time."""
        return min((int(p.days.min()) for p in self.parts if len(p.days)), default=NO_DAY)

    @cached_property
    def last_day(self) -> int:
        """The last day (since 1970) of a turn; `NO_DAY` if no turn has a time."""
        return max((int(p.days.max()) for p in self.parts if len(p.days)), default=NO_DAY)

    @cached_property
    def _speakers(self) -> list[Int]:
        """For each part, the positions of its speakers in `names`; -1 at the end for nobody."""
        positions = {name: i for i, name in enumerate(self.names)}
        return [
            np.array([*(positions.get(name, -1) for name in part.segment.names), -1], np.int32)
            for part in self.parts
        ]

    @cached_property
    def _sittings(self) -> tuple[list[Int], Float]:
        """For each part the numbers of its sittings in the index, and the terms of each sitting."""
        labels = np.unique(np.concatenate([np.zeros(0), *(part.labels for part in self.parts)]))
        numbers = [np.searchsorted(labels, part.labels).astype(np.int32) for part in self.parts]
        n_terms = np.zeros(len(labels))
        for part, number in zip(self.parts, numbers, strict=True):
            n_terms[number] += part.sitting_terms
        return numbers, n_terms.astype(np.float32)

    def candidates(self, keys: Sequence[int], days: Sequence[tuple[int, int]] = ()) -> Candidates:
        """The units that may answer a question with these keys, or about these days.

        `days` are ranges (first, last) of days since 1970.
        """
        postings = [[part.segment.postings(key) for part in self.parts] for key in keys]
        n_with_key = np.array([sum(len(p[0]) for p in row) for row in postings], np.int32)
        telling_rows = self._telling_rows(n_with_key)
        units = self._units([(postings[row], n_with_key[row]) for row in telling_rows], days)
        counts = self._counts(units, postings)
        sitting_counts = self._sitting_counts(postings, telling_rows)
        _, sitting_terms = self._sittings
        n_terms = sum(part.n_terms for part in self.parts)
        return Candidates(
            names=self.names,
            **self._columns(units),
            runs=np.cumsum(np.diff(units, prepend=units[:1]) > 1).astype(np.int32),
            counts=counts,
            sitting_counts=sitting_counts,
            sitting_terms=sitting_terms,
            n_with_key=n_with_key,
            n_all=self.n_units,
            mean_terms=n_terms / max(1, self.n_units),
            first_day=self.first_day,
            last_day=self.last_day,
            vectors=self._vectors(units),
            mean_vector=self._mean_vector,
        )

    def _telling_rows(self, n_with_key: Int) -> list[int]:
        """The rows of the keys that tell units and sittings apart, in a long session."""
        rows = range(len(n_with_key))
        if self.n_units <= LOOK_AT_ALL:
            return list(rows)
        limit = max(COMMON_SHARE * self.n_units, int(n_with_key.min(initial=self.n_units)))
        return [row for row in rows if n_with_key[row] <= limit]

    def _units(
        self, postings: Sequence[tuple[Postings, int]], days: Sequence[tuple[int, int]]
    ) -> Int:
        """The numbers of the units to look at, in order.

        `postings` has those of each key, and the number of units with the key.
        """
        if self.n_units <= LOOK_AT_ALL:
            return np.arange(self.n_units, dtype=np.int32)
        scores = np.zeros(self.n_units, np.float32)
        for key_postings, n_with_key in postings:
            weight = math.log1p((self.n_units - n_with_key + 0.5) / (n_with_key + 0.5))
            weighted_counts = np.float32(weight) * _SATURATED
            for start, (rows, key_counts) in zip(self._starts, key_postings, strict=False):
                scores[rows + start] += weighted_counts[key_counts]
        for first, last in days:
            for start, part in zip(self._starts, self.parts, strict=False):
                unit_days = part.table[:, _COLUMNS.index("days")]
                is_inside = (unit_days >= first) & (unit_days <= last)
                scores[start : start + len(is_inside)] += is_inside
        units = np.flatnonzero(scores > 0)
        if len(units) > BEST_UNITS:
            units = units[np.argpartition(-scores[units], BEST_UNITS)[:BEST_UNITS]]
        is_near = np.zeros(self.n_units + 2 * BESIDE, np.bool_)
        for distance in range(2 * BESIDE + 1):
            is_near[units + distance] = True
        return np.flatnonzero(is_near[BESIDE:-BESIDE]).astype(np.int32)

    def _counts(self, units: Int, postings: Sequence[Postings]) -> Float:
        """How often each unit has each key."""
        counts = np.zeros((len(postings), len(units)), np.float32)
        all_counts = np.zeros(self.n_units, np.uint8)
        for row, key_postings in enumerate(postings):
            for start, (rows, key_counts) in zip(self._starts, key_postings, strict=False):
                all_counts[rows + start] = key_counts
            counts[row] = all_counts[units]
            for start, (rows, _) in zip(self._starts, key_postings, strict=False):
                all_counts[rows + start] = 0
        return counts

    def _sitting_counts(self, postings: Sequence[Postings], telling_rows: Sequence[int]) -> Float:
        """How often each sitting has each key; 0 for keys in other rows than these."""
        numbers, sitting_terms = self._sittings
        counts = np.zeros((len(postings), len(sitting_terms)), np.float32)
        for row in telling_rows:
            for part, number, (rows, key_counts) in zip(
                self.parts, numbers, postings[row], strict=True
            ):
                sums = np.bincount(part.sittings[rows], weights=key_counts)
                counts[row, number[: len(sums)]] += sums
        return counts

    def _vectors(self, units: Int) -> npt.NDArray[np.int8]:
        """The vectors of these units; zeros for units that another embedder, or none, has seen."""
        vectors = np.zeros((len(units), len(self._mean_vector)), np.int8)
        if not self.model:
            return vectors
        bounds = np.searchsorted(units, self._starts).tolist()
        for i, part in enumerate(self.parts):
            if part.segment.model == self.model:
                rows = units[bounds[i] : bounds[i + 1]] - self._starts[i]
                vectors[bounds[i] : bounds[i + 1]] = part.segment.vectors[rows]
        return vectors

    def _columns(self, units: Int) -> dict[str, Int]:
        """The columns of these units, by the names that `Candidates` gives them."""
        numbers, _ = self._sittings
        tables = [np.zeros((0, len(_COLUMNS)), np.int32)]
        bounds = np.searchsorted(units, self._starts).tolist()
        for i, part in enumerate(self.parts):
            table = part.table[units[bounds[i] : bounds[i + 1]] - self._starts[i]]
            table[:, -1] = numbers[i][table[:, -1]]
            table[:, -2] = self._speakers[i][table[:, -2]]
            tables.append(table)
        whole = np.concatenate(tables)
        return {name: whole[:, i] for i, name in enumerate(_COLUMNS)}


def inverse_frequency(n_with_key: Int, n_all: int) -> Float:
    """BM25's weight of each key, as Lucene has it: never negative."""
    return np.log1p((n_all - n_with_key + 0.5) / (n_with_key + 0.5)).astype(np.float32)
