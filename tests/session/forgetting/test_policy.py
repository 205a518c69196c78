"""A policy says how a session forgets, and refuses numbers that make no sense."""

import pytest

from optical_memory.session.forgetting.policy import ForgettingPolicy, Weights


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor": 1.5},
        {"slack": 0.0},
        {"every": 0},
        {"stub_tokens": -1},
        {"stub_share": 1.5},
        {"last_resort": "x"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ForgettingPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"half_age": 0.0}, {"per_hit": -1.0}, {"unit": "weeks"}])
def test_weights_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|unit"):
        Weights(**wrong)  # type: ignore[arg-type]
