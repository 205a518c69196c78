"""The costs of units in a frame, estimated before anything is read."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from support.windows import frame_cost

from optical_memory.counting import count_tokens
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.recall.unit_costs import UnitCosts
from optical_memory.recall.window.frame import LEAST_FRAME_TOKENS
from optical_memory.search.build import day_number

TEXT = "The heron sleeps under a bridge and Ann asked me about gate code 4417 again today."
WORDS = TEXT.split()


def passage(ordinal: int, name: str, when: datetime | None, text: str) -> Recollection:
    part = PassageTurn(f"t{ordinal}", "user", 0, len(text), name, when)
    return Recollection("p1", text, (), None, 1.0, 1, (f"t{ordinal}",), ordinal, parts=(part,))


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("n_days", [1, 5, 40])
def test_the_estimate_is_near_the_exact_cost_of_the_frame(has_times: bool, n_days: int) -> None:
    rng = random.Random(n_days)
    costs = UnitCosts()
    passages: list[Recollection] = []
    n_tokens = LEAST_FRAME_TOKENS
    for ordinal in rng.sample(range(400), 60):
        day = datetime(2023, 5, 1, 9, tzinfo=UTC) + timedelta(days=ordinal * n_days // 400)
        when = day if has_times else None
        text = " ".join(rng.choices(WORDS, k=rng.randint(3, 40))) + "."
        name = rng.choice(["Ann", "Bartholomew Featherstonehaugh"])
        n_tokens += costs.cost(ordinal, 0, day_number(when), name, count_tokens(text))
        costs.take(ordinal, day_number(when))
        passages.append(passage(ordinal, name, when, text))
    exact = frame_cost(sorted(passages, key=lambda passage: passage.ordinal))
    assert n_tokens == pytest.approx(exact, rel=0.05)


def test_a_turn_beside_a_chosen_turn_or_in_it_costs_less() -> None:
    costs = UnitCosts()
    first = costs.cost(7, 0, 19_000, "Ann", 10)
    costs.take(7, 19_000)
    far = costs.cost(90, 0, 19_000, "Ann", 10)
    beside = costs.cost(8, 0, 19_000, "Ann", 10)
    same_turn = costs.cost(7, 400, 19_000, "Ann", 10)
    assert first > far > beside > same_turn == 10
    assert costs.cost(8, 0, 19_001, "Ann", 10) > far
