"""Arguments are checked at the door, before anything is read or written."""

from __future__ import annotations

from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.errors import InputError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"session": ""}, "a session needs a name"),
        ({"budget": 0}, "budget must be a whole number of at least 1, not 0"),
        ({"budget": 2.5}, "budget must be a whole number"),
        ({"budget": True}, "budget must be a whole number"),
        ({"keep_turns": -1}, "keep_turns must be a whole number of at least 0, not -1"),
        ({"capacity": -5}, "capacity must be a whole number of at least 0, not -5"),
        ({"retain": "nothing"}, "retain must be one of pages, text, not 'nothing'"),
        ({"ledger": "some"}, "ledger must be one of auto, all, not 'some'"),
        ({"store": "postgres://x"}, "postgres.* of no store"),
        ({"store": "memory.db"}, "memory.db.* of no store"),
    ],
)
def test_a_memory_is_not_opened_with_settings_that_cannot_be(
    file_url: str, settings: dict[str, Any], message: str
):
    with pytest.raises(InputError, match=message):
        OpticalMemory(
            **{"store": file_url, "reader": "optical_memory.testing:TemplateReader"} | settings
        )


@pytest.mark.parametrize(
    "setting",
    [
        {"floor": 1.5},
        {"floor": -0.1},
        {"slack": 0.0},
        {"every": 0},
        {"pages_per_hit": -1.0},
        {"stub_tokens": -1},
        {"stub_share": 1.1},
        {"last_resort": "text"},
    ],
)
def test_a_policy_names_the_number_that_cannot_be(setting: dict[str, Any]):
    (name,) = setting
    with pytest.raises(InputError, match=f"^{name} out of range"):
        ForgettingPolicy(**setting)


def test_a_negative_capacity_fades_nothing(opened: Open):
    memory = opened(background=False)
    memory.remember(said(60))
    memory.flush()
    pages = memory.pages()
    with pytest.raises(InputError, match="capacity must be a whole number of at least 0, not -5"):
        memory.fade(-5)
    assert memory.pages() == pages
    assert memory.fade(10**6) == []


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_recall_asks_for_one_result_at_least(opened: Open, k: Any):
    memory = opened(background=False)
    memory.remember(said(3))
    with pytest.raises(InputError, match="k must be a whole number of at least 1"):
        memory.recall("topic1", k=k)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": -1}, "budget must be a whole number of at least 0, not -1"),
        ({"mode": "pixels"}, "mode must be one of text, image, tokens, auto, not 'pixels'"),
        ({"provider": "acme"}, "provider must be one of .*, not 'acme'"),
    ],
)
def test_a_context_names_the_word_that_it_does_not_know(
    opened: Open, options: dict[str, Any], message: str
):
    memory = opened(background=False)
    memory.remember(said(3))
    with pytest.raises(InputError, match=message):
        memory.context("topic1", **options)


def test_a_misspelt_option_of_a_context_is_named(opened: Open):
    with pytest.raises(TypeError, match="budgt"):
        opened(background=False).context("topic1", budgt=100)


@pytest.mark.parametrize("things", [{}, {"page": "0000000", "turn": "t0"}])
def test_forgetting_takes_one_thing_at_a_time(opened: Open, things: dict[str, Any]):
    with pytest.raises(InputError, match="one thing at a time"):
        opened(background=False).forget(**things)


async def _twins(memory: OpticalMemory) -> tuple[Any, Any, Any]:
    ids = await memory.aremember(said(2))
    recollections = await memory.arecall("topic1", k=1)
    context = await memory.acontext("topic1", 500, mode="image", provider="claude")
    return ids, recollections, context


def test_the_async_twins_take_the_same_arguments(opened: Open):
    import asyncio

    memory = opened(background=False)
    ids, recollections, context = asyncio.run(_twins(memory))
    assert ids == ["t0", "t1"]
    assert [found.text for found in recollections] == [said(2)[1].text]
    assert context == memory.context("topic1", 500, mode="image", provider="claude")
