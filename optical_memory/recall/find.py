"""Finding: the units of a session that answer a question, from an index that is kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from optical_memory.errors import InputError
from optical_memory.search.build import KeyHash, day_number
from optical_memory.search.candidates import Candidates
from optical_memory.search.echoes import behind_others, repeated_echoes, without_units
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.search.meaning import Embedder, unit_vectors
from optical_memory.search.question import Question
from optical_memory.search.score import has_identifier, rate
from optical_memory.search.segment import MAX_NUMBER, NO_DAY
from optical_memory.search.weights import MARGIN, MARGIN_WITH_MEANING
from optical_memory.session.index_records import (
    is_stub_key,
    key_hash,
    lacks_index,
    load_segment,
    rebuild,
)
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.locks import TurnLock
from optical_memory.turns import short_repr

__all__ = [
    "NO_LIMITS",
    "Finder",
    "Ranking",
    "TimeLimits",
    "latest_time",
    "rank_units",
]


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Only turns from `after` on and until `before` are looked at; days count whole."""

    after: date | None = None
    before: date | None = None

    def __post_init__(self) -> None:
        """Raises `InputError` if a limit is neither a date nor None."""
        for name, value in (("after", self.after), ("before", self.before)):
            if value is not None and not isinstance(value, date):
                raise InputError(f"{name} must be a date, not {type(value).__name__}")

    def covers(self, days: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """True for each day inside; a turn without a time is inside only if there are no limits."""
        if self.days is None:
            return np.ones(len(days), np.bool_)
        first, last = self.days
        inside: npt.NDArray[np.bool_] = (days >= first) & (days <= last)
        return inside

    def includes(self, time: datetime | None) -> bool:
        """True for a time inside; a turn without a time is inside only if there are no limits."""
        if self.days is None or time is None:
            return self.days is None
        first, last = self.days
        return first <= day_number(time) <= last

    @property
    def days(self) -> tuple[int, int] | None:
        """The first and the last day (since 1970) inside; None without limits."""
        if self.after is None and self.before is None:
            return None
        first = NO_DAY + 1 if self.after is None else day_number(self.after)
        return first, MAX_NUMBER if self.before is None else day_number(self.before)


NO_LIMITS = TimeLimits()

_Segments = dict[str, tuple[bytes, IndexPart]]
"""Segments by key, each with its bytes."""


@short_repr
@dataclass(frozen=True, slots=True)
class Ranking:
    """Units that may answer a question, and (n,) their scores.

    (n,) `is_relevant` is True for units that have a term or a time of the question, or stand beside
    a unit that has. (n,) `has_identifier` is True for units with a number or code of the question.
    """

    candidates: Candidates
    scores: npt.NDArray[np.float32]
    is_relevant: npt.NDArray[np.bool_]
    margin: float = MARGIN
    has_identifier: npt.NDArray[np.bool_] | None = None


class Finder:
    """Ranks the units of a session. It keeps the parsed index and follows the session's changes.

    `embedder` gives vectors of questions; None for words alone.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._lock = TurnLock()  # so that two threads do not parse the same index
        self._snapshot: Snapshot | None = None
        self._index = Index([])
        self._segments: _Segments = {}

    def rank(
        self,
        snapshot: Snapshot,
        query: str,
        limits: TimeLimits = NO_LIMITS,
        *,
        small_talk: bool = False,
    ) -> Ranking:
        """The ranking of a session's units for a question; it is empty if nothing is asked for.

        With `small_talk`, "hello" is looked for as any other word is.
        """
        index = self.index(snapshot)
        hash_key = key_hash(snapshot.session.salt)
        return rank_units(index, query, hash_key, limits, self._embedder, small_talk=small_talk)

    def index(self, snapshot: Snapshot) -> Index:
        """The index of this snapshot; only segments that have changed are parsed."""
        with self._lock:
            if self._snapshot is not snapshot:
                self._index = self._updated(snapshot)
                self._snapshot = snapshot
            return self._index

    def _updated(self, snapshot: Snapshot) -> Index:
        if lacks_index(snapshot):
            self._segments = {}
            return Index([IndexPart(rebuild(snapshot))])
        segments: _Segments = {}
        for key, data in snapshot.index.items():
            old = self._segments.get(key)
            part = old[1] if old is not None and old[0] is data else _load(data)
            if part is not None:
                segments[key] = (data, part)
        if segments and _same(segments, self._segments):
            return self._index
        self._segments = segments
        keys = sorted(segments, key=lambda key: (not is_stub_key(key), key))
        return Index([segments[key][1] for key in keys])


def rank_units(
    index: Index,
    query: str,
    hash_key: KeyHash,
    limits: TimeLimits = NO_LIMITS,
    embedder: Embedder | None = None,
    *,
    small_talk: bool = False,
) -> Ranking:
    """The ranking of an index's units for a question; it is empty if nothing is asked for.

    Words that a time names, such as "last March", count from the newest turn with a time.
    """
    question = Question.of(query, latest_time(index), small_talk=small_talk)
    if question.is_empty:
        index = Index([])
    keys = [hash_key(key) for key in question.keys]
    days = question.day_ranges(index.first_day, index.last_day)
    vector = _vector(question.text, index.model, embedder)
    candidates = index.candidates(keys, days, vector, limits.days)
    scores, is_relevant = rate(candidates, question, vector)
    echoes = repeated_echoes(candidates) & is_relevant
    if echoes.any():
        own_scores = scores
        candidates = without_units(candidates, echoes)
        scores, is_relevant = rate(candidates, question, vector)
        has_key = (candidates.counts > 0).any(0)
        scores = behind_others(own_scores, scores, echoes, is_relevant & has_key)
        is_relevant |= echoes
    inside = limits.covers(candidates.days) & is_relevant.any()
    return Ranking(
        candidates=candidates,
        scores=np.where(inside, scores, -np.inf),
        is_relevant=is_relevant & inside,
        margin=MARGIN if vector is None else MARGIN_WITH_MEANING,
        has_identifier=has_identifier(candidates, question),
    )


def _vector(query: str, model: str, embedder: Embedder | None) -> npt.NDArray[np.float32] | None:
    """The question's vector; None if the index has none of this embedder, or if it fails."""
    if embedder is None or embedder.name != model:
        return None
    (vector,) = unit_vectors(embedder, [query])
    return vector.astype(np.float32) if len(vector) else None


def _load(data: bytes) -> IndexPart | None:
    segment = load_segment(data)
    return None if segment is None else IndexPart(segment)


def _same(segments: _Segments, others: _Segments) -> bool:
    return segments.keys() == others.keys() and all(
        part is others[key][1] for key, (_, part) in segments.items()
    )


def latest_time(index: Index) -> datetime:
    """The day of the newest turn with a time, from which "last March" counts; else now."""
    if index.last_day == NO_DAY:
        return datetime.now()
    return datetime.fromordinal(index.last_day + date(1970, 1, 1).toordinal())
