"""A fault at any step of any operation: nothing is lost, nothing comes back, all of it is told.

`make test-faults` tries every step; here is a sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.faults.lives import LIVES
from support.faults.operations import OPERATIONS, Operation
from support.faults.places import Place
from support.faults.runs import Run, runs_of, sampled_runs
from support.faults.seams import SEAMS, Seam, seams_of
from support.faults.told import Told

Lives = tuple[Place, dict[str, Told]]

N_SAMPLED = 2
"""Faults that each operation gets here on each store."""


def operation_named(name: str) -> Operation:
    return next(operation for operation in OPERATIONS if operation.name == name)


def seam_named(name: str) -> Seam:
    return next(seam for seam in SEAMS if seam.name == name)


def failures_of_all(runs: Iterator[Run]) -> list[str]:
    """The failures of an enumeration, which has a run at least."""
    all_runs = list(runs)
    assert all_runs
    return failures(all_runs)


def failures(runs: list[Run]) -> list[str]:
    return [f"{run.seam} {run.number}: {problem}" for run in runs for problem in run.problems]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_fault_in_an_operation_leaves_what_was_before_or_what_comes_after(
    lives: Lives, operation: Operation
) -> None:
    place, told = lives
    assert failures(list(sampled_runs(place, told, operation, N_SAMPLED))) == []


@pytest.mark.parametrize("seam", ["killed in a torn write", "killed after a write", "power cut"])
def test_a_program_that_dies_between_any_two_writes_loses_no_turn(
    in_file: Lives, seam: str
) -> None:
    operation = operation_named("remember, short session")
    assert failures_of_all(runs_of(*in_file, operation, seam_named(seam))) == []


def test_a_server_that_is_killed_at_any_step_loses_no_turn(on_server: Lives) -> None:
    operation = operation_named("remember, short session")
    assert failures_of_all(runs_of(*on_server, operation, seam_named("server restarted"))) == []


def test_a_forget_that_dies_before_any_call_is_finished_later(lives: Lives) -> None:
    operation = operation_named("forget an open turn")
    assert failures_of_all(runs_of(*lives, operation, seam_named("killed before a call"))) == []


def test_a_forget_takes_back_nothing_that_another_process_remembers_meanwhile(
    lives: Lives,
) -> None:
    operation = operation_named("forget an open turn")
    assert failures_of_all(runs_of(*lives, operation, seam_named("overtaken by remember"))) == []


@pytest.mark.parametrize("spoils", ["drops", "tears", "swaps", "fails"])
def test_a_cache_that_is_wrong_costs_speed_and_nothing_else(in_file: Lives, spoils: str) -> None:
    seam = seam_named(f"cache {spoils}")
    for name in ("recall", "certify"):
        assert failures_of_all(runs_of(*in_file, operation_named(name), seam)) == []


def test_every_operation_and_every_fault_is_tried_on_each_store(lives: Lives) -> None:
    place, told = lives
    assert set(told) == set(LIVES)
    assert len(OPERATIONS) > 30
    assert len(seams_of(place)) > 20
