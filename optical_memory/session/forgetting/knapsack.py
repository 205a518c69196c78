"""Which state each page should have, so that the value is greatest within a capacity.

This is the multiple-choice knapsack problem: of each page exactly one state (Kellerer, Pferschy and
Pisinger, Knapsack Problems, 2004, chapter 11). A state under the upper hull of a page's (tokens,
value) is never in the best solution of the relaxed problem (Sinha and Zoltners, Operations Research
27, 1979). So the steps up the hulls are taken by value per token, the best first, until a step does
not fit; then what still fits, the best first. The result is within the value of one step of the
relaxed problem's, which is the Lagrangian bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Choice",
    "Problem",
    "choose",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FEW = 4096
"""Steps that are sorted sooner than they are sifted."""

SAMPLE = 64
"""Steps at least whose median sifts the others."""


@dataclass(frozen=True)
class Problem:
    """`costs` (s, n) are the tokens of n pages in each of s states, inf if a page may not have it.

    States come in order, from state 0, which every page may have and which costs nothing. A later
    state that a page may have never costs less than an earlier one. `shares` (s, n) tell how much
    of a page's weight a state keeps, 0 for state 0. `weights` (n,) are above 0.
    """

    costs: Floats
    shares: Floats
    weights: Floats

    def value(self, states: Ints) -> float:
        """The value of all pages in these states (n,)."""
        return float(self.weights @ self.shares[states, np.arange(len(states))])

    def cost(self, states: Ints) -> float:
        """Tokens of all pages in these states (n,)."""
        return float(self.costs[states, np.arange(len(states))].sum())

    def gains(self, states: Ints, higher_states: Ints, pages: Ints) -> Floats:
        """(m,) value per token of a step up from one state to another, for each of these pages."""
        costs = self.costs[higher_states, pages] - self.costs[states, pages]
        rises = self.shares[higher_states, pages] - self.shares[states, pages]
        return _slopes(rises, costs) * self.weights[pages]

    def highest_states(self) -> Ints:
        """(n,) the highest state that each page may have."""
        states = np.zeros(len(self.weights), np.intp)
        for state, costs in enumerate(self.costs):
            states[costs < np.inf] = state
        return states

    def part(self, pages: Ints) -> Problem:
        """The problem of these pages alone, in order."""
        if len(pages) == len(self.weights):
            return self
        return Problem(self.costs[:, pages], self.shares[:, pages], self.weights[pages])


@dataclass(frozen=True)
class Choice:
    """A state for each page (n,), and the value per token below which no step was taken.

    `bound` is the value of the relaxed problem: no choice has more.
    """

    states: Ints
    limit: float
    bound: float


def choose(problem: Problem, capacity: float) -> Choice:
    """The states of greatest value whose costs fit the capacity.

    Of two pages that are worth the same the first is served first. A larger capacity never gives
    less value, and a page of a larger weight never a lower state.
    """
    hull = _hull_steps(problem)
    limit = _limit(hull.gains, hull.costs, capacity)
    states = _states_after(hull, _first_steps(hull, limit, capacity), problem)
    room = capacity - problem.cost(states)
    bound = problem.value(states) + limit * room
    return Choice(_with_rest(problem, states, room), limit, bound)


@dataclass(frozen=True)
class _HullSteps:
    """Steps up the hulls of all pages: (m,) arrays. `gains` are values per token."""

    pages: Ints
    states: Ints  # that the step leads to
    costs: Floats
    gains: Floats


def _hull_steps(problem: Problem) -> _HullSteps:
    """The steps, ordered by the state that they start from, then by page.

    From each vertex of a hull the next is the state to which the value rises most steeply.
    """
    n_states, n_pages = problem.costs.shape
    is_vertex = np.zeros((n_states, n_pages), bool)
    is_vertex[0] = True
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []
    for state in range(n_states - 1):
        pages = np.flatnonzero(is_vertex[state])
        next_states, slopes = _steepest(problem, state, pages)
        rises = slopes > 0
        pages = pages[rises]
        next_states = next_states[rises]
        is_vertex[next_states, pages] = True
        costs = problem.costs[next_states, pages] - problem.costs[state, pages]
        parts.append((pages, next_states, costs, slopes[rises] * problem.weights[pages]))
    return _HullSteps(*map(np.concatenate, zip(*parts, strict=True)))


def _steepest(problem: Problem, state: int, pages: Ints) -> tuple[Ints, Floats]:
    """The state to which the value rises most steeply, of several the highest; and its slope."""
    base_costs = problem.costs[state, pages]
    base_shares = problem.shares[state, pages]
    best_states = np.full(len(pages), state, np.intp)
    best_slopes = np.zeros(len(pages))
    best_rises = np.zeros(len(pages))
    for next_state in range(state + 1, len(problem.costs)):
        runs = problem.costs[next_state, pages] - base_costs
        if runs.min(initial=np.inf) == np.inf:
            continue  # no page may have this state
        rises = problem.shares[next_state, pages] - base_shares
        slopes = _slopes(rises, runs)
        is_best = (slopes > best_slopes) | ((slopes == best_slopes) & (rises > best_rises))
        best_states = np.where(is_best, next_state, best_states)
        best_slopes = np.where(is_best, slopes, best_slopes)
        best_rises = np.where(is_best, rises, best_rises)
    return best_states, best_slopes


def _slopes(rises: Floats, runs: Floats) -> Floats:
    """Rise by run: inf for a rise that costs nothing, 0 or less for what is no rise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes: Floats = np.where(rises > 0, rises / runs, 0.0)
    return slopes


def _limit(gains: Floats, costs: Floats, capacity: float) -> float:
    """The gain of the first step that does not fit, the best step first; 0 if all fit.

    Steps on the wrong side of a sample's median are put away until few are left to be sorted.
    """
    n_steps = len(gains) + 1
    while FEW < len(gains) < n_steps:
        n_steps = len(gains)
        is_high = gains > np.median(gains[:: n_steps // SAMPLE])
        cost = costs[is_high].sum()
        side = is_high if cost > capacity else ~is_high
        capacity -= 0 if cost > capacity else cost
        gains = gains[side]
        costs = costs[side]
    order = np.argsort(-gains)
    n_fit = int(np.searchsorted(np.cumsum(costs[order]), capacity, side="right"))
    return float(gains[order[n_fit]]) if n_fit < len(order) else 0.0


def _first_steps(hull: _HullSteps, limit: float, capacity: float) -> Ints:
    """The steps of a gain above `limit`, which all fit, then those of just this gain that fit."""
    steps = np.flatnonzero(hull.gains > limit)
    ties = np.flatnonzero(hull.gains == limit)
    ties = ties[np.lexsort((hull.states[ties], hull.pages[ties]))]
    totals = hull.costs[steps].sum() + np.cumsum(hull.costs[ties])
    return np.concatenate([steps, ties[totals <= capacity]])


def _states_after(hull: _HullSteps, steps: Ints, problem: Problem) -> Ints:
    states = np.zeros(len(problem.weights), np.intp)
    np.maximum.at(states, hull.pages[steps], hull.states[steps])
    return states


def _with_rest(problem: Problem, states: Ints, room: float) -> Ints:
    """The states after all steps that still fit, on hulls or under them, the best first."""
    pages = np.flatnonzero(problem.highest_states() > states)
    costs, gains = _steps_up(problem, states, pages)
    is_open = costs.min(0, initial=np.inf) <= room
    pages = pages[is_open]
    costs = costs[:, is_open]
    gains = gains[:, is_open]
    new_states = states.copy()
    while len(pages):
        gains[costs > room] = 0.0
        state, i = np.unravel_index(int(gains.argmax()), gains.shape)
        if gains[state, i] <= 0:
            break
        room -= costs[state, i]
        new_states[pages[i]] = state
        costs[:, [i]], gains[:, [i]] = _steps_up(problem, new_states, pages[[i]])
    return new_states


def _steps_up(problem: Problem, states: Ints, pages: Ints) -> tuple[Floats, Floats]:
    """(s, n) the cost of a step to each state and its gain; inf and 0 if it is no step up."""
    costs = problem.costs[:, pages] - problem.costs[states[pages], pages]
    rises = problem.shares[:, pages] - problem.shares[states[pages], pages]
    is_up = np.arange(len(costs))[:, None] > states[pages]
    gains = np.where(is_up, _slopes(rises, costs), 0.0) * problem.weights[pages]
    return np.where(gains > 0, costs, np.inf), gains
