"""Current turns: a superseded turn answers a question by the turn that took its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optical_memory.recall.choose import NO_TURNS, UNIT_OVERHEAD, WHOLE_UNITS, Choice
from optical_memory.recall.find import NO_LIMITS, TimeLimits
from optical_memory.search.index import Index
from optical_memory.session.corrections.versions import superseding_turn
from optical_memory.session.records import turn_key
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "CurrentTurns",
]


class CurrentTurns:
    """Puts the current turns of a session in place of superseded turns, or beside them.

    A question that only the older statement answers is answered by the newer, which may have none
    of its words. `index` is that of the snapshot. Current turns outside of `limits` stay out. With
    `keeps_superseded`, superseded turns stay, each before its current turn.
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

    def of_turns(self, turns: Sequence[Sequence[Choice]], k: int) -> list[list[Choice]]:
        """The units of the first `k` turns, each turn once."""
        if not self._snapshot.superseded:
            return [list(turn) for turn in turns[:k]]
        units: dict[int, list[Choice]] = {}
        for turn in turns:
            for unit in self._instead(turn[0]):
                same_turn = turn if unit.ordinal == turn[0].ordinal else self._first_units(unit)
                units.setdefault(unit.ordinal, list(same_turn))
        return list(units.values())[:k]

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
        if turn_key(max(0, choice.ordinal)) not in self._snapshot.superseded or choice.ordinal < 0:
            yield choice
            return
        if self._keeps_superseded:
            yield choice
        current = superseding_turn(self._snapshot, choice.ordinal)
        if current is not None and self._limits.includes(current.when):
            yield replace(choice, ordinal=current.ordinal)

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
