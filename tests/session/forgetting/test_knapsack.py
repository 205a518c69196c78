"""The value that is kept, beside an exact solution of small cases and the Lagrangian bound of large
ones.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.session.forgetting.knapsack import Problem, choose

Rows = list[list[tuple[int, float]]]


def problem_of(pages: Rows, weights: list[float]) -> Problem:
    """Each page has states of (tokens, share); tokens -1: it may not have the state."""
    costs = np.array([[0, *(c if c >= 0 else np.inf for c, _ in page)] for page in pages]).T
    shares = np.array([[0, *(share for _, share in page)] for page in pages]).T
    return Problem(costs.astype(float), shares.astype(float), np.array(weights))


def best_value(problem: Problem, capacity: int) -> float:
    """The greatest value, by dynamic programming over tokens."""
    best = np.zeros(capacity + 1)
    for page, weight in enumerate(problem.weights):
        new = best.copy()
        for cost, share in zip(problem.costs[:, page], problem.shares[:, page], strict=True):
            if cost <= capacity:
                size = int(cost)
                new[size:] = np.maximum(new[size:], best[: capacity + 1 - size] + weight * share)
        best = new
    return float(best[-1])


def dual_bound(problem: Problem, capacity: float) -> float:
    """The least of the Lagrangian bounds, by search: it is convex in the price of a token."""

    def bound(price: float) -> float:
        costs = np.where(np.isinf(problem.costs), 1e12, problem.costs)
        rewards = problem.weights * problem.shares - price * costs
        rewards[np.isinf(problem.costs)] = 0.0
        return price * capacity + float(rewards.max(0).sum())

    low = 0.0
    high = 3.0  # more than any gain here
    for _ in range(100):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if bound(left) <= bound(right):
            high = right
        else:
            low = left
    return bound((low + high) / 2)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to 7 pages of 4 states; their costs rise, their shares need not."""
    pages: Rows = []
    weights: list[float] = []
    for _ in range(draw(st.integers(1, 7))):
        costs = sorted(draw(st.lists(st.integers(0, 40), min_size=4, max_size=4)))
        open_states = draw(st.lists(st.booleans(), min_size=4, max_size=4))
        shares = draw(st.lists(st.sampled_from([0.0, 0.3, 0.9, 0.95, 1.0]), min_size=4, max_size=4))
        rows = zip(costs, open_states, shares, strict=True)
        pages.append([(cost if is_open else -1, share) for cost, is_open, share in rows])
        weights.append(draw(st.sampled_from([0.1, 0.5, 1.0, 2.0])))
    return problem_of(pages, weights)


@given(problems(), st.integers(0, 200))
def test_small_cases_are_within_a_step_of_the_exact_solution(
    problem: Problem, capacity: int
) -> None:
    choice = choose(problem, capacity)
    value = problem.value(choice.states)
    best = best_value(problem, capacity)
    assert problem.cost(choice.states) <= capacity
    assert value <= best + 1e-9 <= choice.bound + 2e-9
    assert value >= best - (problem.weights * problem.shares.max(0)).max() - 1e-9


@given(problems(), st.integers(0, 200))
def test_the_bound_is_the_lagrangian_dual(problem: Problem, capacity: int) -> None:
    free = problem.shares * (problem.costs == 0)  # a step that costs nothing has no price
    if free.any():
        return
    assert choose(problem, capacity).bound == pytest.approx(dual_bound(problem, capacity), abs=1e-6)


@pytest.mark.parametrize(
    ("n_pages", "capacity_share"),
    [
        (300, 0.25),
        (300, 0.95),
        (20_000, 0.02),
        (20_000, 0.25),
        (20_000, 0.6),
        (20_000, 0.95),
        (100_000, 0.25),
    ],
)
def test_large_cases_are_within_one_percent_of_the_lagrangian_bound(
    n_pages: int, capacity_share: float
) -> None:
    rng = np.random.default_rng(n_pages)
    ledger_tokens = rng.integers(0, 40, n_pages)
    rungs = np.array([73, 111, 273, 421])[:, None] + ledger_tokens
    costs = np.vstack([np.zeros(n_pages), np.full(n_pages, 32), rungs]).astype(float)
    agreements = 1 - np.sort(rng.exponential(0.02, (4, n_pages)), axis=0)[::-1]
    shares = np.vstack([np.zeros(n_pages), np.full(n_pages, 0.4), agreements])
    highest = rng.integers(0, 6, n_pages)
    costs[np.arange(6)[:, None] > highest] = np.inf
    problem = Problem(costs, shares, rng.gamma(2.0, 1.0, n_pages))
    capacity = capacity_share * problem.cost(highest)

    choice = choose(problem, capacity)

    bound = dual_bound(problem, capacity)
    assert choice.bound == pytest.approx(bound, rel=1e-9)
    assert problem.cost(choice.states) <= capacity
    assert problem.value(choice.states) >= 0.99 * bound
    assert problem.value(choice.states) >= bound - problem.weights.max()


def test_pages_of_the_same_worth_are_served_in_their_order() -> None:
    problem = problem_of([[(10, 1.0)]] * 10_000, [1.0] * 10_000)
    choice = choose(problem, 25_000)
    assert choice.states.tolist() == [1] * 2_500 + [0] * 7_500


def test_a_problem_of_no_pages_has_its_solution() -> None:
    problem = Problem(np.zeros((3, 0)), np.zeros((3, 0)), np.zeros(0))
    assert len(choose(problem, 10).states) == 0
