"""Sizes as LangChain has them: checked at the door, and never an error without a profile."""

from __future__ import annotations

from typing import Any

import pytest
from support.scripted_agents import ScriptedModel

from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens
from optical_memory.agents.langchain.counting import count_tool_tokens
from optical_memory.agents.langchain.sizes import NO_LIMIT, Trigger

WITH_PROFILE = ScriptedModel(profile={"max_input_tokens": 10_000})
WITHOUT = ScriptedModel()


@pytest.mark.parametrize(
    "settings",
    [
        {"trigger": ("tokens", 0)},
        {"trigger": ("tokens", True)},
        {"trigger": ("tokens", 1.5)},
        {"trigger": ("fraction", 0)},
        {"trigger": ("fraction", 1.1)},
        {"trigger": ("words", 5)},
        {"trigger": {}},
        {"trigger": [("tokens", 5), "x"]},
        {"keep": ("messages", -1)},
        {"keep": 5},
        {"budget": 0},
        {"mode": "picture"},
        {"on_error": "ignore"},
        {"ttl": 0},
        {"redis_url": "redis://localhost", "redis_client": object()},
    ],
)
def test_what_is_no_size_or_word_is_a_value_error(settings: dict[str, Any]):
    with pytest.raises(ValueError):
        OpticalMemoryMiddleware(**settings)


@pytest.mark.parametrize(
    ("trigger", "budget", "with_profile", "without"),
    [
        (None, None, 4_999, 15_999),
        (("tokens", 4_000), None, 3_999, 3_999),
        (("fraction", 0.8), None, 7_999, 25_599),
        (("messages", 50), None, 9_500, NO_LIMIT),
        ([("tokens", 4_000), ("fraction", 0.2)], None, 1_999, 3_999),
        ({"tokens": 4_000, "messages": 10}, None, 9_500, NO_LIMIT),
        (None, 700, 700, 700),
        (("tokens", 4_000), 700, 700, 700),
    ],
)
def test_the_limit(trigger: Any, budget: int | None, with_profile: int, without: int):
    size = Trigger.of(trigger, budget)
    assert (size.limit(WITH_PROFILE), size.limit(WITHOUT)) == (with_profile, without)


def test_clauses_are_met_whole_and_any_of_them_is_enough():
    trigger = Trigger.of([{"tokens": 400, "messages": 10}, ("messages", 50)], None)
    assert not trigger.is_reached(WITHOUT, 500, 9)
    assert not trigger.is_reached(WITHOUT, 300, 12)
    assert trigger.is_reached(WITHOUT, 400, 10)
    assert trigger.is_reached(WITHOUT, 1, 50)


def test_our_counter_counts_chinese_calls_and_pictures():
    chinese = [{"role": "user", "content": "请把会议改到三号房间，谢谢。" * 20}]
    assert count_message_tokens(chinese) > 100
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 99_999}}
    assert 700 < count_message_tokens([{"role": "user", "content": [picture]}]) < 800
    call = {"name": "find", "args": {"query": "word " * 100}, "id": "a", "type": "tool_call"}
    assert count_message_tokens([{"role": "assistant", "content": "", "tool_calls": [call]}]) > 100
    assert count_tool_tokens([{"name": "find", "description": "Finds words."}]) > 5
