"""At a quarter of the capacity that all pages need at the last rung, a plan by value forgets less
than plans by age alone of all that is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.asked_pages import Planner, first_in_first_out, lost_share, new_page

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import plan
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState, Weights

SEEDS = (1, 2, 3)

LOSING = ForgettingPolicy(condense=False)


def capacity_of(seed: int) -> int:
    n_tokens = V1_LADDER[-1].n_tokens
    return sum(n_tokens + new_page(i, seed).n_ledger_tokens for i in range(400)) // 4


def by_value(capacity: int, policy: ForgettingPolicy) -> Planner:
    def due(pages: Sequence[PageState]) -> list[tuple[str, str]]:
        steps = plan(pages, capacity, policy, V1_LADDER)
        return [(step.page, step.rung) for step in steps]

    return due


def shares(planner_of: object, hit_share: float) -> list[float]:
    """The lost share of each seed; `planner_of` gives a planner for a capacity."""
    counts = [
        lost_share(planner_of(capacity_of(seed)), seed, hit_share)  # type: ignore[operator]
        for seed in SEEDS
    ]
    return [n_lost / n for n_lost, n in counts]


@pytest.mark.parametrize("hit_share", [0.5, 1.0])
def test_less_than_half_of_first_in_first_out_is_lost(hit_share: float) -> None:
    by_worth = shares(lambda capacity: by_value(capacity, LOSING), hit_share)
    in_order = shares(lambda capacity: first_in_first_out(capacity, "large"), hit_share)
    for share, fifo_share in zip(by_worth, in_order, strict=True):
        assert share <= fifo_share / 2
    assert max(by_worth) < min(in_order)


def test_recalls_are_worth_more_than_pages_that_are_small_at_once() -> None:
    by_worth = shares(lambda capacity: by_value(capacity, LOSING), 1.0)
    in_order = shares(lambda capacity: first_in_first_out(capacity, "tiny"), 1.0)
    assert max(by_worth) < min(in_order) / 2


def test_without_salience_recency_alone_loses_what_is_asked_again_and_again() -> None:
    blind = ForgettingPolicy(condense=False, weights=Weights(per_hit=0, per_fact=0))
    by_age = shares(lambda capacity: by_value(capacity, blind), 0.5)
    by_worth = shares(lambda capacity: by_value(capacity, LOSING), 0.5)
    assert sum(by_worth) < 0.75 * sum(by_age)
