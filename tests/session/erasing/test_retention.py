"""Retention by days: what is past the term is in no byte of the store, wherever it stood."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.secret_turn import raw

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.session import background
from optical_memory.session.corrections import redacting
from optical_memory.session.erasing import expire
from optical_memory.testing import TemplateReader

NOW = datetime.now(UTC)
MONTH = ForgettingPolicy(keep_for=timedelta(days=30))
OLD_WORDS = [b"zorblax", b"QX-7731", b"flurbington"]


def old_turns(n: int, days: float) -> list[Turn]:
    when = NOW - timedelta(days=days)
    text = "The zorblax code {0} is QX-7731-{0}, says flurbington."
    return [Turn("user", text.format(i), id=f"old{i}", when=when) for i in range(n)]


def new_turns(n: int) -> list[Turn]:
    return [
        Turn("user", f"Topic {i} is on shelf {i * 3}.", id=f"new{i}", when=NOW) for i in range(n)
    ]


def open_memory(url: str, **settings: Any) -> OpticalMemory:
    defaults: dict[str, Any] = {"background": False, "semantic": None, "keep_turns": 4}
    return OpticalMemory("alice", store=url, reader=TemplateReader(), **(defaults | settings))


def assert_gone(url: str) -> None:
    kept = raw(url).lower()
    assert [word for word in OLD_WORDS if word.lower() in kept] == []


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self, zone: Any = None) -> datetime:
        return self.moment

    combine = datetime.combine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (background, expire, redacting):
        monkeypatch.setattr(module, "datetime", clock)
    return clock


@pytest.mark.parametrize("retain", ["pages", "text"])
@pytest.mark.parametrize("capacity", [None, 300])
def test_pages_tokens_and_index_of_old_turns_are_gone(url: str, retain: Any, capacity: int | None):
    """They were certified, faded or made into stubs before the term ended."""
    with open_memory(url, retain=retain, capacity=capacity) as memory:
        memory.remember([*old_turns(40, 31), *new_turns(40)])
        memory.flush()
        memory.recall("zorblax")  # which caches tokens
    with open_memory(url, retain=retain, capacity=capacity, policy=MONTH) as memory:
        assert memory.plan().n_turns == 40
        memory.fade()
        assert_gone(url)
        assert (
            memory.recall("zorblax code") == [] or "zorblax" not in memory.recall("zorblax")[0].text
        )
        assert memory.check() == []
        if capacity != 300:
            assert memory.recall("Topic 31 shelf")[0].text == "Topic 31 is on shelf 93."
        assert memory.stats().forgotten_turns == 40
        assert memory.plan().n_turns == 0


def test_open_turns_of_an_idle_session_are_gone_too(url: str):
    """They never filled a page."""
    with open_memory(url) as memory:
        memory.remember([*old_turns(3, 31), *new_turns(2)])
    with open_memory(url, policy=MONTH, background=True) as memory:
        memory.flush()
        assert_gone(url)
        assert [turn.turn for turn in memory.context(budget=999).turns] == ["new0", "new1"]


def test_an_old_version_is_gone_and_the_newer_stays(url: str):
    with open_memory(url) as memory:
        memory.remember(old_turns(1, 31))
        memory.remember(Turn("user", "It is on shelf 7 now.", id="old0", when=NOW))
        memory.supersede("old0", by=Turn("user", "It has gone.", id="m9", when=NOW))
    with open_memory(url, policy=MONTH) as memory:
        memory.fade()
        assert_gone(url)
        assert memory.check() == []


def test_turns_without_a_time_have_the_day_on_which_they_were_remembered(url: str, clock: Clock):
    with open_memory(url, policy=MONTH) as memory:
        memory.sync([{"role": "user", "content": "The zorblax code is QX-7731."}])
        clock.moment = NOW + timedelta(days=20)
        memory.remember(Turn("user", "Later words."))
        clock.moment = NOW + timedelta(days=30)
        assert memory.fade() == []
        assert b"zorblax" in raw(url)
        clock.moment = NOW + timedelta(days=32)
        memory.fade()
        assert_gone(url)
        assert [turn.text for turn in memory.context(budget=99).turns] == ["Later words."]


def test_a_time_in_the_future_is_no_way_to_stay_for_ever(url: str, clock: Clock):
    with open_memory(url, policy=MONTH) as memory:
        memory.remember(Turn("user", "zorblax", when=datetime(9000, 1, 1, tzinfo=UTC)))
        clock.moment = NOW + timedelta(days=32)
        memory.fade()
        assert_gone(url)


def test_turns_from_before_there_was_a_term_count_from_its_first_day(url: str, clock: Clock):
    with open_memory(url) as memory:
        memory.remember(Turn("user", "zorblax"))
    with open_memory(url, policy=MONTH) as memory:
        clock.moment = NOW + timedelta(days=90)
        memory.fade()
        assert b"zorblax" in raw(url)
        clock.moment = NOW + timedelta(days=122)
        memory.fade()
        assert_gone(url)


@pytest.mark.parametrize("years", [2, 10, 500])
def test_a_clock_that_jumps_by_years_erases_nothing_at_once(url: str, clock: Clock, years: int):
    with open_memory(url, policy=MONTH) as memory:
        memory.remember([Turn("user", f"zorblax {i}") for i in range(40)])
        clock.moment = NOW + timedelta(days=366 * years)
        for _ in range(3):
            memory.fade()
            memory.flush()
        assert memory.plan().n_turns == 0
        clock.moment = NOW + timedelta(minutes=10)  # it is right again
        memory.fade()
        memory.remember(Turn("user", "more"))
        assert memory.stats().turns == 41
        assert memory.stats().forgotten_turns == 0


def test_a_clock_that_goes_on_is_believed_after_an_hour(url: str, clock: Clock):
    with open_memory(url, policy=MONTH) as memory:
        memory.remember([Turn("user", f"zorblax {i}") for i in range(4)])
        clock.moment = NOW + timedelta(days=400)
        memory.fade()
        assert memory.stats().forgotten_turns == 0
        clock.moment += timedelta(hours=2)
        memory.fade()
        assert_gone(url)


def test_a_clock_that_goes_back_erases_nothing(url: str, clock: Clock):
    with open_memory(url, policy=MONTH) as memory:
        memory.remember([Turn("user", f"zorblax {i}") for i in range(4)])
        clock.moment = datetime(1970, 1, 1, tzinfo=UTC)
        memory.remember(Turn("user", "more"))
        memory.fade()
        assert memory.stats().forgotten_turns == 0


def test_the_days_of_a_session_do_not_grow_without_end(url: str, clock: Clock):
    with open_memory(url, policy=MONTH) as memory:
        for day in range(100):
            clock.moment = NOW + timedelta(days=day)
            memory.remember(Turn("user", f"Day {day}"))
        assert len(memory._archive.snapshot().session.days) <= 33


def test_a_process_forgets_its_copies_too(opened: Callable[..., OpticalMemory]):
    memory = opened(policy=MONTH, background=False)
    messages = old_turns(2, 29)
    memory.sync(messages)
    memory._upkeep.policy = ForgettingPolicy(keep_for=timedelta(days=28))
    memory.fade()
    assert memory._host_list._entries == []
    assert memory.sync(messages) == ["old0", "old1"]  # they do not come back
    assert memory.stats().forgotten_turns == 2
