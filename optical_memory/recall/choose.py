"""Choosing: units for a window within a budget, or the best turns for a question."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from optical_memory.recall.find import Ranking
from optical_memory.recall.speaker import speaker
from optical_memory.recall.unit_costs import UnitCosts
from optical_memory.search.candidates import Candidates
from optical_memory.search.index import Index
from optical_memory.search.segment import ROLES
from optical_memory.search.weights import ASSISTANT_IN_LIST, IDENTIFIER, TOKEN_WEIGHT

__all__ = [
    "UNIT_OVERHEAD",
    "Choice",
    "choose_turns",
    "choose_units",
    "first_of",
    "newest_units",
]

NO_TURNS: Mapping[int, int] = MappingProxyType({})

UNIT_OVERHEAD = 3
"""Tokens that a unit's rank counts beside its text: the speaker's label and a line break."""

NEWER_WINS = 1e-6
"""What a later turn is worth: of two equal units the newer wins."""

STEP = 1.0
"""How far a unit ranks at most below the next unit of its turn: whole turns are better to read.

On BEAM, by whole turns, it finds 4 in 100 more at 5 % of the tokens (LOG.md).
"""

NEIGHBOURS = 4
"""Units on either side of a unit that it raises."""

WHOLE_UNITS = 3
"""A turn of at most so many units is recalled whole, else its best and those beside."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit: the turn's ordinal, and the range of its body. `score` is higher for better units.

    `n_tokens` is the cost of its text, and `cost` what it adds to a window, about.
    """

    ordinal: int
    start: int
    end: int
    score: float
    n_tokens: int
    cost: int = 0


def choose_units(
    ranking: Ranking,
    budget: int,
    *,
    margin: float | None = None,
    without: Mapping[int, int] = NO_TURNS,
) -> list[Choice]:
    """The best units, the best first; they cost about `budget` tokens in a frame, or less.

    Units whose rank lies more than `margin` (by default the ranking's) below the best are left out,
    and so are those of turns in `without`, from an offset on: it has offsets by ordinal. A unit
    that does not fit leaves room for units behind it.
    """
    candidates = ranking.candidates
    is_out = np.zeros(len(candidates.ordinals), np.bool_)
    for ordinal, offset in without.items():
        is_out |= (candidates.ordinals == ordinal) & (candidates.starts >= offset)
    ranks = np.where(is_out, -np.inf, _with_neighbours(_ranks(ranking), candidates.ordinals))
    limit = ranking.margin if margin is None else margin
    costs = UnitCosts()
    choices: list[Choice] = []
    budget_left = budget
    n_tokens = candidates.n_tokens.tolist()
    for unit in _best_first(ranks, limit):
        if n_tokens[unit] > budget_left:
            continue
        choice = _choice(candidates, unit, float(ranks[unit]))
        day = int(candidates.days[unit])
        label = _label(candidates, unit)
        cost = costs.cost(choice.ordinal, choice.start, day, label, choice.n_tokens)
        if cost <= budget_left:
            budget_left -= cost
            costs.take(choice.ordinal, day)
            end = min(choice.end, without.get(choice.ordinal, choice.end))
            choices.append(replace(choice, end=end, cost=cost))
        if budget_left <= UNIT_OVERHEAD:
            break
    return choices


def _label(candidates: Candidates, unit: int) -> str:
    """The label of a unit's speaker in a frame."""
    number = int(candidates.speakers[unit])
    name = candidates.names[number] if number >= 0 else None
    return speaker(ROLES[int(candidates.roles[unit])], name)


def first_of(choices: Sequence[Choice], share: float) -> list[Choice]:
    """The first choices, of at most this share (0..1) of their cost; one fewer at least."""
    limit = share * sum(choice.cost for choice in choices)
    cost = 0
    for n, choice in enumerate(choices[:-1]):
        cost += choice.cost
        if cost > limit:
            return list(choices[:n])
    return list(choices[:-1])


def choose_turns(ranking: Ranking, k: int) -> list[list[Choice]]:
    """Units of the `k` best turns, the best turn first, each in order.

    Only units with a term or a time of the question count, and those beside them. A number or code
    of the question counts more here than in a window, which has room for neighbours too, and so do
    words of an assistant.
    """
    candidates = ranking.candidates
    ranks = np.where(ranking.is_relevant, _ranks(ranking), -np.inf)
    if ranking.has_identifier is not None:
        ranks += IDENTIFIER * ranking.has_identifier
    is_assistant = (candidates.roles == ROLES.index("assistant")) & (candidates.speakers < 0)
    ranks += ASSISTANT_IN_LIST * is_assistant
    turns: dict[int, list[Choice]] = {}
    for unit in _best_first(ranks, margin=np.inf):
        ordinal = int(candidates.ordinals[unit])
        if ordinal not in turns:
            turns[ordinal] = _around(candidates, unit, ranks)
        if len(turns) == k:
            break
    return list(turns.values())


def newest_units(index: Index, budget: int, without: Mapping[int, int] = NO_TURNS) -> list[Choice]:
    """The newest units, the newest first, as many as fit `budget` without a gap.

    Units of turns in `without` are left out as by `choose_units`.
    """
    costs = UnitCosts()
    choices: list[Choice] = []
    budget_left = budget
    for part in reversed(index.parts):
        segment = part.segment
        for unit in reversed(range(segment.n_units)):
            turn = segment.turns[unit]
            ordinal = int(segment.ordinals[turn])
            limit = without.get(ordinal, sys.maxsize)
            if segment.starts[unit] >= limit:
                continue
            choice = Choice(
                ordinal=ordinal,
                start=int(segment.starts[unit]),
                end=min(int(segment.ends[unit]), limit),
                score=float(ordinal),
                n_tokens=int(segment.n_tokens[unit]),
            )
            number = int(segment.speakers[turn])
            name = segment.names[number] if number >= 0 else None
            label = speaker(ROLES[int(segment.roles[turn])], name)
            day = int(segment.days[turn])
            cost = costs.cost(ordinal, choice.start, day, label, choice.n_tokens)
            budget_left -= cost
            if budget_left < 0:
                return choices
            costs.take(ordinal, day)
            choices.append(replace(choice, cost=cost))
    return choices


def _ranks(ranking: Ranking) -> npt.NDArray[np.float64]:
    """Scores, less what the tokens cost (`TOKEN_WEIGHT` times their logarithm)."""
    candidates = ranking.candidates
    costs = candidates.n_tokens + UNIT_OVERHEAD
    ranks: npt.NDArray[np.float64] = (
        ranking.scores - TOKEN_WEIGHT * np.log(costs) + NEWER_WINS * candidates.ordinals
    )
    return ranks


def _with_neighbours(
    ranks: npt.NDArray[np.float64], ordinals: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """The ranks, none more than `STEP` below that of a unit beside it in the same turn."""
    raised_ranks = ranks.copy()
    for distance in range(1, NEIGHBOURS + 1):
        is_same_turn = ordinals[distance:] == ordinals[:-distance]
        least = np.where(is_same_turn, ranks[:-distance], -np.inf) - STEP * distance
        np.maximum(raised_ranks[distance:], least, out=raised_ranks[distance:])
        least = np.where(is_same_turn, ranks[distance:], -np.inf) - STEP * distance
        np.maximum(raised_ranks[:-distance], least, out=raised_ranks[:-distance])
    return raised_ranks


def _best_first(ranks: npt.NDArray[np.float64], margin: float) -> Iterator[int]:
    """Numbers of the units from the best down to `margin` below it."""
    least = np.max(ranks, initial=-np.inf) - margin
    (units,) = np.nonzero((ranks > -np.inf) & (ranks >= least))
    yield from units[np.argsort(-ranks[units], kind="stable")].tolist()


def _around(candidates: Candidates, unit: int, ranks: npt.NDArray[np.float64]) -> list[Choice]:
    """The units of the unit's turn if it is short, else those beside the unit."""
    (same_turn,) = np.nonzero(candidates.ordinals == candidates.ordinals[unit])
    if len(same_turn) > WHOLE_UNITS:
        same_turn = same_turn[abs(same_turn - unit) <= 1]
    return [_choice(candidates, other, float(ranks[unit])) for other in same_turn.tolist()]


def _choice(candidates: Candidates, unit: int, score: float) -> Choice:
    return Choice(
        ordinal=int(candidates.ordinals[unit]),
        start=int(candidates.starts[unit]),
        end=int(candidates.ends[unit]),
        score=score,
        n_tokens=int(candidates.n_tokens[unit]),
    )
