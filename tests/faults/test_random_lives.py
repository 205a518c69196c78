"""Random lives of two memories that share a session, with faults at random."""

from __future__ import annotations

from support.faults.campaign import random_runs
from support.faults.places import Place
from support.faults.told import Told

N_LIVES = 10
"""Lives on each store; `make test-faults` lives thousands."""


def test_random_faults_in_random_lives_lose_nothing(lives: tuple[Place, dict[str, Told]]) -> None:
    place, _ = lives
    problems = [run.problems for run in random_runs(place, N_LIVES, seed=7)]
    assert problems == [[]] * N_LIVES
