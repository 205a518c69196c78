"""`compress` for plain chatbots and the `recall` tool for agents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.tools import StructuredTool

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import compress, recall_tool
from optical_memory.counting import count_tokens
from optical_memory.errors import (
    BudgetTooSmall,
    InputError,
    NotEnoughMemory,
    ReaderUnavailable,
    StoreError,
)
from optical_memory.readers.base import Reader
from optical_memory.testing import TemplateReader

READER: Reader = TemplateReader()


def cost(messages: list[Any]) -> int:
    """DeepSeek tokens of contents and of tool calls, as the body of a turn writes them."""
    calls = [call["function"] for message in messages for call in message.get("tool_calls", ())]
    said = [message["content"] or "" for message in messages]
    return sum(map(count_tokens, said)) + sum(
        count_tokens(f"=> {c['name']}({c['arguments']})") for c in calls
    )


def notes(n: int) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": f"Note {i}: the meeting about topic{i} moved to room {i}."}
        for i in range(n)
    ]


def tool_round(n: int) -> list[dict[str, Any]]:
    call = {
        "id": f"c{n}",
        "type": "function",
        "function": {"name": "look_up", "arguments": f'{{"n": {n}}}'},
    }
    return [
        {"role": "user", "content": f"Look up number {n}, please."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{n}", "content": f"Number {n} is {n * n}."},
        {"role": "assistant", "content": f"It is {n * n}."},
    ]


# ---- compress ------------------------------------------------------------------------------------


def test_messages_that_fit_come_back_as_they_are():
    messages = notes(5)
    assert compress(messages, 10_000, reader=READER) == messages


def test_what_comes_back_fits_and_has_the_answer():
    messages = [*notes(200), {"role": "user", "content": "Which room has topic7?"}]
    shorter = compress(messages, 800, reader=READER)
    assert cost(shorter) <= 800
    assert "the meeting about topic7 moved to room 7" in " ".join(shorter[0]["content"].split())
    assert shorter[-1] is messages[-1]


def test_the_query_may_be_given():
    messages = [*notes(200), {"role": "user", "content": "Well?"}]
    shorter = compress(messages, 800, reader=READER, query="topic31")
    assert "topic31 moved" in " ".join(shorter[0]["content"].split())


def test_system_messages_and_the_newest_turns_are_the_dicts_that_were_given():
    system = {"role": "system", "content": "Be kind."}
    messages = [system, *notes(100)]
    shorter = compress(messages, 600, reader=READER)
    assert shorter[0] is system
    assert shorter[1]["content"].startswith("Recalled from earlier")
    kept = shorter[2:]
    assert len(kept) > 3
    assert all(ours is theirs for ours, theirs in zip(kept, messages[-len(kept) :], strict=True))


def test_the_messages_given_are_not_changed():
    messages = notes(100)
    compress(messages, 300, reader=READER)
    assert messages == notes(100)


@settings(max_examples=15, deadline=None)
@given(budget=st.integers(60, 900), rounds=st.integers(1, 12), asks=st.booleans())
def test_at_any_budget_it_fits_and_no_tool_call_is_without_its_result(
    budget: int, rounds: int, asks: bool
):
    messages = [m for n in range(rounds) for m in tool_round(n)]
    messages += [{"role": "user", "content": "What was number 1?"}] if asks else []
    try:
        shorter = compress(messages, budget, reader=READER)
    except BudgetTooSmall:
        last = len(messages) - 1 if asks else len(messages) - 4
        assert cost(messages[last:]) > budget
        return
    assert cost(shorter) <= budget
    called = [call["id"] for message in shorter for call in message.get("tool_calls", ())]
    answered = [message["tool_call_id"] for message in shorter if message["role"] == "tool"]
    assert called == answered


def test_a_last_message_that_does_not_fit_is_an_error_that_says_what_it_needs():
    with pytest.raises(BudgetTooSmall, match=r"need \d+ tokens of a budget of 5"):
        compress(
            [*notes(3), {"role": "user", "content": "A question of quite a few words indeed"}],
            5,
            reader=READER,
        )


def test_what_is_no_message_is_an_error_that_says_where():
    with pytest.raises(InputError, match=r"messages\[1\]"):
        compress([{"role": "user", "content": "a"}, "b"], 1, reader=READER)  # type: ignore[list-item]


@pytest.mark.parametrize("error", [StoreError, ReaderUnavailable, NotEnoughMemory])
def test_a_memory_that_fails_leaves_the_messages_as_they_are_and_logs_once(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(self: OpticalMemory, turns: object) -> list[str]:
        raise error("the disk is full")

    monkeypatch.setattr(OpticalMemory, "remember", fail)
    monkeypatch.setattr("optical_memory.agents.chat._failed", set())
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert compress(notes(100), 300, reader=READER) == notes(100)
        assert compress(notes(100), 300, reader=READER) == notes(100)
    assert [record.message.count("the disk is full") for record in caplog.records] == [1]


def test_a_picture_counts_what_a_provider_bills_and_not_the_length_of_its_url():
    seen = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    look = {"role": "user", "content": [{"type": "text", "text": "Look."}, seen]}
    assert compress([look], 1_000, reader=READER) == [look]
    with pytest.raises(BudgetTooSmall):
        compress([look], 700, reader=READER)


# ---- the recall tool -----------------------------------------------------------------------------


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[OpticalMemory]:
    with OpticalMemory(
        "alice", store=f"sqlite:///{tmp_path}/memory.db", reader=TemplateReader()
    ) as memory:
        memory.remember([Turn("user", "The gate code is 4417#."), Turn("assistant", "Noted.")])
        yield memory


def test_the_tool_has_a_name_a_description_and_a_schema(memory: OpticalMemory):
    tool = recall_tool(memory)
    assert isinstance(tool, StructuredTool)
    assert tool.name == "recall"
    assert len(tool.description) > 50
    assert set(tool.args) == {"query", "k"}
    assert tool.get_input_jsonschema()["required"] == ["query"]


def test_the_tool_answers_with_provenance(memory: OpticalMemory):
    assert (
        recall_tool(memory).invoke({"query": "gate code"})
        == "[turn t0, original text]\nThe gate code is 4417#."
    )


def test_the_tool_answers_a_tool_call_with_a_tool_message(memory: OpticalMemory):
    call = {
        "name": "recall",
        "args": {"query": "gate code", "k": 1},
        "id": "1",
        "type": "tool_call",
    }
    answer = recall_tool(memory).invoke(call)
    assert answer.tool_call_id == "1"
    assert "4417#" in answer.content


def test_the_tool_answers_the_same_asynchronously(memory: OpticalMemory):
    tool = recall_tool(memory)
    assert asyncio.run(tool.ainvoke({"query": "gate code"})) == tool.invoke({"query": "gate code"})


def test_the_tool_says_that_it_found_nothing(memory: OpticalMemory):
    assert recall_tool(memory).invoke({"query": "zeppelin"}) == "Nothing is remembered about that."


def test_the_tool_refuses_arguments_that_make_no_sense(memory: OpticalMemory):
    with pytest.raises(ValueError, match="k"):
        recall_tool(memory).invoke({"query": "gate", "k": 0})


def test_a_memory_that_fails_puts_no_error_text_into_the_conversation(
    memory: OpticalMemory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(query: str, k: int) -> None:
        raise StoreError("no route to 10.0.0.7")

    monkeypatch.setattr(memory, "recall", fail)
    assert recall_tool(memory).invoke({"query": "gate"}) == "The memory cannot be reached now."
    assert "10.0.0.7" in caplog.text
