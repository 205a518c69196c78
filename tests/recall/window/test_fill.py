"""Filling: a window uses its budget whatever names and times cost, and shows nothing twice."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from support.memories import Open

from optical_memory import OpticalMemory, Turn
from optical_memory.counting import count_tokens
from optical_memory.errors import InputError
from optical_memory.recall.window.context import Context

START = datetime(2024, 1, 1, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=8), "CST"), timezone(timedelta(hours=-5), "EST"))
NAMES = {
    "none": [None, None],
    "roles": ["assistant", "user"],
    "long": ["Z" * 3_000, "Y" * 3_000],
    "emoji": ["🦆" * 12, "🦢" * 12],
}


def texts(context: Context) -> str:
    return "\n".join(str(message["content"]) for message in context.to_messages())


def fruit(minutes: int, n_zones: int, names: list[str | None]) -> list[Turn]:
    return [
        Turn(
            "user" if i % 2 else "assistant",
            f"apple {i}",
            names[i % 2],
            (START + timedelta(minutes=minutes * i)).astimezone(ZONES[i % n_zones]),
        )
        for i in range(400)
    ] + [Turn("user", "ok?")]


@pytest.mark.parametrize("names", NAMES.values(), ids=list(NAMES))
@pytest.mark.parametrize(("minutes", "n_zones"), [(2, 1), (2, 2), (75, 1), (75, 3)])
def test_a_window_is_filled_whatever_times_and_names_cost(
    opened: Open, minutes: int, n_zones: int, names: list[str | None]
) -> None:
    memory = opened(background=False, semantic=None)
    memory.remember(fruit(minutes, n_zones, names))
    for budget in (400, 1_000, 2_000):
        context = memory.context("apple", budget, margin=math.inf)
        assert 0.85 * budget < context.n_tokens <= budget
        assert context.n_tokens == sum(
            count_tokens(message["content"]) + count_tokens(message.get("name", ""))
            for message in context.to_messages()
        )


def with_open_end(opened: Open, keep_turns: int) -> OpticalMemory:
    """A memory with a long turn whose beginning is sealed and whose end is not."""
    memory = opened(background=False, semantic=None, keep_turns=keep_turns)
    long = " ".join(f"line{i} says fruit{i % 97}." for i in range(120))
    talk = [Turn("user" if i % 2 == 0 else "assistant", f"ok {i}") for i in range(20)]
    memory.remember([Turn("user", "start"), Turn("assistant", long), *talk])
    memory.flush()
    assert any(record.sealed_upto for record in memory._archive.snapshot().open_turns())
    return memory


@pytest.mark.parametrize("query", [None, "line119", "fruit22"])
@pytest.mark.parametrize("budget", [600, 3_000])
def test_the_open_end_of_a_turn_stands_in_a_window_once(
    opened: Open, query: str | None, budget: int
) -> None:
    memory = with_open_end(opened, keep_turns=20)
    text = texts(memory.context(query, budget))
    assert text.count("line119 says") <= 1
    assert text.count("line3 says") <= 1
    assert text.count(" says ") > 5


@pytest.mark.parametrize("margin", ["4", [1], math.nan, -1])
def test_a_margin_that_is_no_number_from_0_on_is_refused(opened: Open, margin: object) -> None:
    with pytest.raises(InputError, match="margin"):
        opened(background=False).context("apple", margin=margin)  # type: ignore[arg-type]
