"""The chat history: messages come back with their tool calls, and a failure is no messages."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.langchain import OpticalChatMessageHistory
from optical_memory.errors import InputError, StoreError
from optical_memory.testing import TemplateReader

pytestmark = pytest.mark.filterwarnings("ignore:.*ChatMessageHistory.*:DeprecationWarning")

MESSAGES: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage("Ping srv1 and srv2.", id="m1", name="Ann"),
    AIMessage(
        "",
        id="m2",
        tool_calls=[
            {"name": "ping", "args": {"host": "srv1"}, "id": "c1", "type": "tool_call"},
            {"name": "ping", "args": {"host": "srv2", "n": 2}, "id": "c2", "type": "tool_call"},
        ],
    ),
    ToolMessage("srv1 is up", tool_call_id="c1", name="ping"),
    ToolMessage("srv2 is down", tool_call_id="c2", name="ping"),
    AIMessage("srv1 is up, srv2 is down."),
    HumanMessage("Thanks."),
    HumanMessage("And srv3?"),
]


@pytest.fixture
def history(store: Any) -> OpticalChatMessageHistory:
    memory = OpticalMemory(
        "alice", store=store, reader=TemplateReader(), background=False, keep_turns=4
    )
    return OpticalChatMessageHistory(memory)


def test_messages_come_back_as_they_were(history: OpticalChatMessageHistory):
    history.add_messages(MESSAGES)
    assert history.messages == MESSAGES


def test_another_process_reads_the_same_messages(history: OpticalChatMessageHistory, store: Any):
    history.add_messages(MESSAGES)
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
    assert OpticalChatMessageHistory(memory).messages == MESSAGES


def test_async_methods_do_the_same(history: OpticalChatMessageHistory):
    async def use() -> list[BaseMessage]:
        await history.aadd_messages(MESSAGES)
        return await history.aget_messages()

    assert asyncio.run(use()) == MESSAGES == history.messages
    asyncio.run(history.aclear())
    assert history.messages == []


def test_arguments_that_are_no_json_come_back_as_an_invalid_call(
    history: OpticalChatMessageHistory,
):
    call = {"name": "ping", "args": "{host", "id": "c1", "type": "invalid_tool_call"}
    message = AIMessage("", invalid_tool_calls=[call | {"error": None}])
    answer = ToolMessage("These arguments are no JSON.", tool_call_id="c1")
    history.add_messages([HumanMessage("Ping."), message, answer])
    assert history.messages[1].invalid_tool_calls == [call | {"error": None}]


def test_old_messages_stand_framed_at_the_head_of_a_long_chat(history: OpticalChatMessageHistory):
    history.add_messages([HumanMessage(f"Note {i} is about room {i}.") for i in range(60)])
    history.memory.flush()
    assert history.memory.pages()
    head, *recent = history.messages
    assert head.content.startswith("<recall>")
    assert "Note 3 is about room 3." in head.content
    assert head.additional_kwargs == {"lc_source": "optical_memory"}
    assert recent[-1] == HumanMessage("Note 59 is about room 59.")


def test_the_frame_is_not_remembered_when_a_host_gives_it_back(history: OpticalChatMessageHistory):
    history.add_messages([HumanMessage(f"Note {i} is about room {i}.") for i in range(60)])
    history.memory.flush()
    n_turns = history.memory.stats().turns
    history.add_messages(history.messages[:1])
    assert history.memory.stats().turns == n_turns


def test_messages_can_be_cleared_and_replaced(history: OpticalChatMessageHistory):
    history.add_messages(MESSAGES)
    history.messages = MESSAGES[:2]
    assert history.messages == MESSAGES[:2]


def test_a_failure_is_no_messages_this_turn(
    history: OpticalChatMessageHistory, store: Any, caplog: pytest.LogCaptureFixture
):
    history.add_messages(MESSAGES)
    store.error = StoreError("no route to 10.0.0.7")
    with caplog.at_level(logging.WARNING, "optical_memory"):
        history.add_messages([HumanMessage("lost")])
        assert history.messages == []
    assert caplog.text.count("10.0.0.7") == 2


def test_a_failure_is_raised_if_the_program_wants_it(
    history: OpticalChatMessageHistory, store: Any
):
    strict = OpticalChatMessageHistory(history.memory, on_error="raise")
    store.error = StoreError("no")
    with pytest.raises(StoreError):
        strict.add_messages(MESSAGES)
    with pytest.raises(StoreError):
        _ = strict.messages


def test_an_unknown_word_for_failures_is_refused(history: OpticalChatMessageHistory):
    with pytest.raises(InputError, match="on_error"):
        OpticalChatMessageHistory(history.memory, on_error="ignore")


def test_turns_that_others_remembered_are_messages_too(history: OpticalChatMessageHistory):
    history.memory.remember(Turn("user", "hello"))
    assert history.messages == [HumanMessage("hello")]
