"""The newest that fit are chosen without a gap, beside those that must stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optical_memory.recall.window.newest import newest_that_fit


def test_nothing_is_skipped_for_something_older() -> None:
    assert newest_that_fit([1, 1, 50, 1, 1], budget=20) == [3, 4]


def test_those_that_must_stay_do_not_use_the_budget_up() -> None:
    assert newest_that_fit([9, 9, 1, 9, 1], budget=2, must_stay=[0, 3]) == [0, 2, 3, 4]


COSTS = st.lists(st.integers(0, 9), max_size=8)


@given(COSTS, st.integers(0, 40), st.sets(st.integers(0, 7)))
def test_the_others_are_the_longest_stretch_up_to_the_newest_that_fits(
    costs: list[int], budget: int, numbers: set[int]
) -> None:
    must_stay = {i for i in numbers if i < len(costs)}
    positions = newest_that_fit(costs, budget, must_stay)
    assert positions == sorted(positions)
    assert must_stay.issubset(positions)
    optional = [i for i in range(len(costs)) if i not in must_stay]
    newest = [i for i in positions if i not in must_stay]
    assert newest == optional[len(optional) - len(newest) :]
    assert sum(costs[i] for i in newest) <= budget
    if len(newest) < len(optional):
        next_older = optional[len(optional) - len(newest) - 1]
        assert sum(costs[i] for i in newest) + costs[next_older] > budget
