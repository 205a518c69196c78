"""Two real processes with two readers on a session, each killed now and then."""

from __future__ import annotations

import pytest
from support.faults.places import PLACES
from support.faults.together import runs_together

N_LIVES = 2
"""Lives on each store; `make test-faults` lives many more."""


@pytest.mark.parametrize("store", list(PLACES))
def test_two_processes_with_two_readers_that_are_killed_lose_nothing(store: str) -> None:
    with PLACES[store]() as place:
        problems = [run.problems for run in runs_together(place, N_LIVES, seed=5)]
    assert problems == [[]] * N_LIVES
