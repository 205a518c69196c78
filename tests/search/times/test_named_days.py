"""Named days: the days of a question, looked up at once for all units."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.search.segment import NO_DAY
from optical_memory.search.times.named_days import NamedDays

DAYS = st.integers(-20, 60)
RANGES = st.lists(st.tuples(DAYS, st.integers(0, 30), st.booleans()), max_size=5)


@given(RANGES, st.lists(DAYS, max_size=8), st.integers(0, 10), st.integers(0, 40))
def test_a_day_is_named_if_a_range_of_the_session_has_it(
    spans: list[tuple[int, int, bool]], days: list[int], first: int, length: int
) -> None:
    last = first + length
    ranges = [(start, start + n, is_single) for start, n, is_single in spans]
    named_days = NamedDays(ranges, first, last)
    values = np.array([*days, NO_DAY], np.int32)

    def is_in(day: int, only_single: bool) -> bool:
        return first <= day <= last and any(
            start <= day <= end and (is_single or not only_single)
            for start, end, is_single in ranges
        )

    assert named_days.are_named(values).tolist() == [is_in(day, False) for day in values]
    assert named_days.are_single(values).tolist() == [is_in(day, True) for day in values]
    assert bool(named_days) == any(is_in(day, False) for day in range(first, last + 1))


def test_a_session_without_times_has_no_named_day() -> None:
    named_days = NamedDays([(3, 5, True)], NO_DAY, NO_DAY)
    assert not named_days
    assert not named_days.are_named(np.array([4, NO_DAY], np.int32)).any()
