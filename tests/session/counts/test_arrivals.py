"""When turns came in, and how many pages their rows fill."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optical_memory.session.counts.arrivals import MAX_MARKS, Arrivals
from optical_memory.session.counts.backlog import Backlog, pages_to_seal


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_a_turn_is_as_old_as_its_mark():
    clock = Clock()
    arrivals = Arrivals(clock)
    arrivals.note(5)
    clock.time += 10
    arrivals.note(8)
    clock.time += 7
    assert [arrivals.age(ordinal) for ordinal in (0, 4, 5, 7, 8)] == [17, 17, 7, 7, 0]


def test_turns_that_were_there_count_from_when_the_marks_began():
    clock = Clock()
    arrivals = Arrivals(clock)
    clock.time += 30
    arrivals.note(5)
    assert arrivals.age(0) == 30


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=400))
def test_there_are_never_many_marks_and_no_turn_is_told_older_than_it_is(pauses: list[float]):
    clock = Clock()
    arrivals = Arrivals(clock)
    times = []
    for n, pause in enumerate(pauses):
        clock.time += pause
        arrivals.note(n + 1)
        times.append(clock.time if n else 100.0)
    assert len(arrivals._marks) <= MAX_MARKS
    for ordinal, time in enumerate(times):
        assert 0 <= arrivals.age(ordinal) <= clock.time - time + 1e-6


def test_pages_are_counted_by_their_rows():
    assert pages_to_seal({}, 10) == (0, None)
    assert pages_to_seal({3: 4, 4: 5}, 10) == (0, None)
    assert pages_to_seal({3: 4, 4: 5, 6: 1, 7: 9}, 10) == (1, 6)
    assert pages_to_seal({3: 35}, 10) == (3, 3)


def test_only_work_that_waits_is_named():
    assert Backlog().waiting == {}
    assert Backlog(2, 0, 1, 3.0).waiting == {"seal": 2, "fade": 1}
