"""Current turns: a superseded turn answers a question by the turn that took its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optical_memory.recall.choose import NO_TURNS, UNIT_OVERHEAD, WHOLE_UNITS, Choice
from optical_memory.recall.find import NO_LIMITS, Ranking, TimeLimits
from optical_memory.search.index import Index
from optical_memory.session.corrections.versions import (
    is_superseded,
    superseded_ordinals,
    superseding_turn,
)
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "CurrentTurns",
]

CURRENT_WINS = 1e-6
"""What a current turn is worth before the turn that it superseded: it comes first in a list."""


class CurrentTurns:
    """Puts the current turns of a session in place of superseded turns, or beside them.

    A question that only the older statement answers is answered by the newer, which may have none
    of its words. `index` is that of the snapshot. Current turns outside of `limits` stay out. With
    `keeps_superseded`, superseded turns stay, each beside its current turn.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        index: Index,
        limits: TimeLimits = NO_LIMITS,
        *,
        keeps_superseded: bool = False,
    ) -> None:
        self._limits = limits
        self._snapshot = snapshot
        self._index = index
        self._keeps_superseded = keeps_superseded
        self._currents: dict[int, int | None] = {}  # by ordinal of a superseded turn

    def of_ranking(self, ranking: Ranking) -> Ranking:
        """The ranking with the scores of superseded units at those of their current turns.

        A superseded unit stays only for a current turn without a unit among the candidates: it
        holds the place, until the units of the current turn are put there.
        """
        if self._keeps_superseded or not self._snapshot.superseded:
            return ranking
        ordinals = ranking.candidates.ordinals
        (old_units,) = np.nonzero(np.isin(ordinals, superseded_ordinals(self._snapshot)))
        scores = ranking.scores.copy()
        is_relevant = ranking.is_relevant.copy()
        scores[old_units] = -np.inf
        is_relevant[old_units] = False
        for current, unit in self._best_units(ranking, old_units.tolist()).items():
            (units,) = np.nonzero(ordinals == current)
            best = units[np.argmax(scores[units])] if len(units) else unit
            scores[best] = max(scores[best], ranking.scores[unit])
            is_relevant[best] |= ranking.is_relevant[unit]
        return replace(ranking, scores=scores, is_relevant=is_relevant)

    def _best_units(self, ranking: Ranking, units: Sequence[int]) -> dict[int, int]:
        """By ordinal of a current turn: the best of the superseded units that it stands for."""
        best_units: dict[int, int] = {}
        for unit in units:
            current = self._current(int(ranking.candidates.ordinals[unit]))
            if current is None or ranking.scores[unit] == -np.inf:
                continue
            best = best_units.setdefault(current, unit)
            if ranking.scores[unit] > ranking.scores[best]:
                best_units[current] = unit
        return best_units

    def _current(self, ordinal: int) -> int | None:
        """The ordinal of the current turn; None if it is forgotten or outside of the limits."""
        if ordinal not in self._currents:
            record = superseding_turn(self._snapshot, ordinal)
            is_there = record is not None and self._limits.includes(record.when)
            self._currents[ordinal] = record.ordinal if record is not None and is_there else None
        return self._currents[ordinal]

    def of_turns(self, turns: Sequence[Sequence[Choice]], k: int) -> list[list[Choice]]:
        """The units of the first `k` turns, each turn once; none of a turn without words left."""
        if not self._snapshot.superseded:
            return [list(turn) for turn in turns[:k]]
        units: dict[int, list[Choice]] = {}
        for turn in turns:
            for unit in self._instead(turn[0]):
                same_turn = turn if unit.ordinal == turn[0].ordinal else self._first_units(unit)
                units.setdefault(unit.ordinal, list(same_turn))
        return [turn_units for turn_units in units.values() if turn_units][:k]

    def of_units(
        self, choices: Sequence[Choice], without: Mapping[int, int] = NO_TURNS
    ) -> list[Choice]:
        """The units, each once; none of turns in `without`, from an offset on."""
        if not self._snapshot.superseded:
            return list(choices)
        units: dict[tuple[int, int], Choice] = {}
        for choice in choices:
            for unit in self._instead(choice):
                same_turn = [unit] if unit == choice else self._first_units(unit)
                units.update(((u.ordinal, u.start), u) for u in same_turn if _is_free(u, without))
        return list(units.values())

    def _instead(self, choice: Choice) -> Iterator[Choice]:
        """The unit if its turn is current, else a unit of the turn that is current in its place."""
        if not is_superseded(self._snapshot, choice.ordinal):
            yield choice
            return
        if self._keeps_superseded:
            yield choice
        current = self._current(choice.ordinal)
        if current is not None:
            yield replace(choice, ordinal=current, score=choice.score + CURRENT_WINS)

    def _first_units(self, choice: Choice) -> list[Choice]:
        """The first units of the choice's turn, with its score; none if the turn has no unit."""
        units: list[Choice] = []
        for part in self._index.parts:
            segment = part.segment
            (turns,) = np.nonzero(segment.ordinals == choice.ordinal)
            for unit in np.flatnonzero(np.isin(segment.turns, turns)).tolist():
                n_tokens = int(segment.n_tokens[unit])
                piece = replace(
                    choice,
                    start=int(segment.starts[unit]),
                    end=int(segment.ends[unit]),
                    n_tokens=n_tokens,
                    cost=n_tokens + UNIT_OVERHEAD,
                )
                units.append(piece)
        return sorted(units, key=lambda unit: unit.start)[:WHOLE_UNITS]


def _is_free(choice: Choice, without: Mapping[int, int]) -> bool:
    offset = without.get(choice.ordinal)
    return offset is None or choice.start < offset
