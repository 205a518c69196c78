"""The index of a session: segments in order, and the units of it that a question looks at.

All units are looked at in a short session. In a long session these are the units around the best
matches, so that a question costs little more there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from optical_memory.search.candidates import Candidates
from optical_memory.search.index_part import COLUMNS, IndexPart
from optical_memory.search.postings import PartPostings, Postings
from optical_memory.search.segment import NO_DAY
from optical_memory.search.times.named_days import DayRange, NamedDays

__all__ = [
    "Index",
    "inverse_frequency",
]

Int = npt.NDArray[np.int32]
Float = npt.NDArray[np.float32]

LOOK_AT_ALL = 4_096
"""A session of at most so many units is looked at whole."""

BEST_UNITS = 512
"""Of a longer session, so many units are looked at, and those beside each."""

FEW_UNITS = 64
"""If fewer units of a long session have a key, so many are looked at for their meaning."""

COMMON_SHARE = 0.02
"""In a long session, a key that more of the units have does not choose the units to look at."""

BESIDE = 4
"""Units before and after a unit that are looked at with it: a window needs 3."""

SATURATION = 1.2
"""BM25's k1: how soon more of the same term stops to count (Robertson and Zaragoza 2009)."""

_SATURATED = np.arange(256, dtype=np.float32) / (np.arange(256, dtype=np.float32) + SATURATION)
"""What a term counts that a unit has so many times."""


class Index:
    """The units of a session. Nothing of it changes; another version is another index."""

    def __init__(self, parts: Sequence[IndexPart]) -> None:
        self.parts = [part for part in parts if part.segment.n_units]
        self._starts = np.cumsum([0, *(part.segment.n_units for part in self.parts)]).tolist()
        self.n_units: int = self._starts[-1]

    @property
    def model(self) -> str:
        """The embedder of the newest vectors; empty without vectors."""
        return self._kind_of_vectors[0]

    @cached_property
    def _kind_of_vectors(self) -> tuple[str, int]:
        """The embedder of the newest vectors, and their width."""
        kinds = [part.kind_of_vectors for part in self.parts if part.kind_of_vectors[1]]
        return kinds[-1] if kinds else ("", 0)

    def _has_vectors(self, part: IndexPart) -> bool:
        """True if the part has vectors that can be compared with a question's."""
        return bool(self.model) and part.kind_of_vectors == self._kind_of_vectors

    @cached_property
    def _mean_vector(self) -> Float:
        sums = [part.vector_sum for part in self.parts if self._has_vectors(part)]
        mean: Float = np.sum(sums, 0) / max(1, self.n_units) if sums else np.zeros(0, np.float32)
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
        days = [part.first_day for part in self.parts if part.first_day != NO_DAY]
        return min(days, default=NO_DAY)

    @cached_property
    def last_day(self) -> int:
        """The last day (since 1970) of a turn; `NO_DAY` if no turn has a time."""
        return max((part.last_day for part in self.parts), default=NO_DAY)

    @cached_property
    def _speakers(self) -> list[Int]:
        """For each part, the positions of its speakers in `names`; -1 at the end for nobody."""
        positions = {name: i for i, name in enumerate(self.names)}
        return [
            np.array([*(positions.get(name, -1) for name in part.segment.names), -1], np.int32)
            for part in self.parts
        ]

    @cached_property
    def _labels(self) -> npt.NDArray[np.int64]:
        """The labels of the sittings in order: days since 1970, or less without a time."""
        no_labels = np.zeros(0, np.int64)
        return np.unique(np.concatenate([no_labels, *(part.labels for part in self.parts)]))

    @cached_property
    def _sittings(self) -> tuple[Int, Float]:
        """The number of each unit's sitting in the index, and the terms of each sitting."""
        numbers = [self._labels.searchsorted(part.labels).astype(np.int32) for part in self.parts]
        n_terms = np.zeros(len(self._labels))
        for part, number in zip(self.parts, numbers, strict=True):
            n_terms[number] += part.sitting_terms
        by_part = [number[part.sittings] for part, number in zip(self.parts, numbers, strict=True)]
        return np.concatenate([np.zeros(0, np.int32), *by_part]), n_terms.astype(np.float32)

    @cached_property
    def _run_starts(self) -> npt.NDArray[np.intp]:
        """The first unit of each run of units of the same sitting: far fewer than units."""
        unit_sittings, _ = self._sittings
        return np.flatnonzero(np.diff(unit_sittings, prepend=-1))

    @cached_property
    def _run_lengths(self) -> npt.NDArray[np.intp]:
        return np.diff(self._run_starts, append=self.n_units)

    def candidates(
        self,
        keys: Sequence[int],
        days: Sequence[DayRange] = (),
        vector: Float | None = None,
        limits: tuple[int, int] | None = None,
    ) -> Candidates:
        """The units that may answer a question with these keys, or about these days.

        In a long session where few units have the keys, `vector`, the question's by the index's
        model, names more. Of a long session, only units of days since 1970 within `limits` (first,
        last) are looked at, and those beside them.
        """
        named_days = NamedDays(days, self.first_day, self.last_day)
        postings = self._postings(keys)
        rows = range(len(keys)) if limits else self._telling_rows(postings.n_with_key)
        telling_postings = postings.of_keys(rows)
        units = self._units(telling_postings, named_days, vector, limits)
        _, sitting_terms = self._sittings
        n_terms = sum(part.n_terms for part in self.parts)
        return Candidates(
            names=self.names,
            **self._columns(units),
            runs=np.cumsum(np.diff(units, prepend=units[:1]) > 1).astype(np.int32),
            counts=self._counts(units, postings),
            sitting_counts=self._sitting_counts(telling_postings),
            sitting_terms=sitting_terms,
            n_with_key=postings.n_with_key,
            n_all=self.n_units,
            mean_terms=n_terms / max(1, self.n_units),
            named_days=named_days,
            vectors=self._vectors(units),
            mean_vector=self._mean_vector,
        )

    def _postings(self, keys: Sequence[int]) -> Postings:
        """The postings of these keys in all parts."""
        numbers = np.array(keys, np.uint64)
        lists: list[list[PartPostings]] = [[] for _ in keys]
        for start, part in zip(self._starts, self.parts, strict=False):
            segment = part.segment
            for row, place in segment.places(numbers):
                lists[row].append((start, segment.units[place], segment.counts[place]))
        return Postings(lists)

    def _telling_rows(self, n_with_key: Int) -> list[int]:
        """The rows of the keys that tell units and sittings apart, in a long session."""
        rows = range(len(n_with_key))
        if self.n_units <= LOOK_AT_ALL:
            return list(rows)
        limit = max(COMMON_SHARE * self.n_units, int(n_with_key.min(initial=self.n_units)))
        return [row for row in rows if n_with_key[row] <= limit]

    def _units(
        self,
        postings: Postings,
        named_days: NamedDays,
        vector: Float | None,
        limits: tuple[int, int] | None,
    ) -> Int:
        """The numbers of the units to look at, in order."""
        if self.n_units <= LOOK_AT_ALL:
            return np.arange(self.n_units, dtype=np.int32)
        idf = inverse_frequency(postings.n_with_key, self.n_units)
        weights = idf[postings.rows] * _SATURATED[postings.counts]
        scores = np.bincount(postings.units, weights, self.n_units)
        if named_days:
            scores += self._of_sittings(named_days.are_named(self._labels))
        if limits is not None:
            scores *= self._is_within(*limits)
        units = np.flatnonzero(scores > 0)
        if vector is not None and len(units) < FEW_UNITS:
            units = np.union1d(units, self._nearest(vector, limits))
        if len(units) > BEST_UNITS:
            units = units[np.argpartition(-scores[units], BEST_UNITS)[:BEST_UNITS]]
        is_near = np.zeros(self.n_units + 2 * BESIDE, np.bool_)
        for distance in range(2 * BESIDE + 1):
            is_near[units + distance] = True
        return np.flatnonzero(is_near[BESIDE:-BESIDE]).astype(np.int32)

    def _is_within(self, first: int, last: int) -> npt.NDArray[np.bool_]:
        """(n_units,) True for units of these days (since 1970)."""
        return self._of_sittings((self._labels >= first) & (self._labels <= last))

    def _of_sittings(self, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """(n_units,) The flag of each unit's sitting, of (n_sittings,) flags."""
        unit_sittings, _ = self._sittings
        return np.repeat(flags[unit_sittings[self._run_starts]], self._run_lengths)

    def _nearest(self, vector: Float, limits: tuple[int, int] | None) -> Int:
        """The numbers of the units whose vectors are nearest to a vector; it looks at all."""
        question = vector - self._mean_vector
        nearness = np.zeros(self.n_units, np.float32)
        for start, part in zip(self._starts, self.parts, strict=False):
            if self._has_vectors(part):
                vectors = part.segment.vectors.astype(np.float32) - self._mean_vector
                lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
                nearness[start : start + len(vectors)] = vectors @ question / lengths
        if limits is not None:
            nearness *= self._is_within(*limits)
        return np.argpartition(-nearness, FEW_UNITS)[:FEW_UNITS].astype(np.int32)

    def _counts(self, units: Int, postings: Postings) -> Float:
        """How often each unit has each key."""
        counts = np.zeros((len(postings.n_with_key), len(units)), np.float32)
        positions = np.full(self.n_units, -1, np.int32)
        positions[units] = np.arange(len(units), dtype=np.int32)
        columns = positions[postings.units]
        is_wanted = columns >= 0
        counts[postings.rows[is_wanted], columns[is_wanted]] = postings.counts[is_wanted]
        return counts

    def _sitting_counts(self, postings: Postings) -> Float:
        """How often each sitting has each key; 0 for keys without postings here."""
        unit_sittings, sitting_terms = self._sittings
        shape = (len(postings.n_with_key), len(sitting_terms))
        cells = postings.rows.astype(np.int64) * shape[1] + unit_sittings[postings.units]
        counts = np.bincount(cells, postings.counts, shape[0] * shape[1])
        return counts.reshape(shape).astype(np.float32)

    def _vectors(self, units: Int) -> npt.NDArray[np.int8]:
        """The vectors of these units; zeros for units that another embedder, or none, has seen."""
        vectors = np.zeros((len(units), len(self._mean_vector)), np.int8)
        if not self.model:
            return vectors
        bounds = np.searchsorted(units, self._starts).tolist()
        for i, part in enumerate(self.parts):
            if self._has_vectors(part):
                rows = units[bounds[i] : bounds[i + 1]] - self._starts[i]
                vectors[bounds[i] : bounds[i + 1]] = part.segment.vectors[rows]
        return vectors

    def _columns(self, units: Int) -> dict[str, Int]:
        """The columns of these units, by the names that `Candidates` gives them."""
        tables = [np.zeros((0, len(COLUMNS)), np.int32)]
        bounds = np.searchsorted(units, self._starts).tolist()
        for i, part in enumerate(self.parts):
            table = part.table[units[bounds[i] : bounds[i + 1]] - self._starts[i]]
            table[:, -1] = self._speakers[i][table[:, -1]]
            tables.append(table)
        whole = np.concatenate(tables)
        columns = {name: whole[:, i] for i, name in enumerate(COLUMNS)}
        unit_sittings, _ = self._sittings
        return columns | {"sittings": unit_sittings[units]}


def inverse_frequency(n_with_key: Int, n_all: int) -> Float:
    """BM25's weight of each key, as Lucene has it: never negative."""
    return np.log1p((n_all - n_with_key + 0.5) / (n_with_key + 0.5)).astype(np.float32)
