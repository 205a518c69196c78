"""`sync` of messages in every form that the loaders read, and of values that are none."""

from __future__ import annotations

from typing import Any

import pytest
from support.host_lists import assistant, texts, user
from support.memories import Open

from optical_memory import Turn
from optical_memory.errors import InputError


def test_every_form_that_the_loaders_read_is_taken(open_memory: Open):
    human = {"type": "human", "data": {"content": "Is the boiler on?", "id": None}}
    dumped = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {"content": "It is on."},
    }
    forms = [human, dumped, {"from": "human", "value": "Good."}, Turn("assistant", "Bye.")]
    memory = open_memory()
    ids = memory.sync(forms)
    assert texts(memory, ids) == ["Is the boiler on?", "It is on.", "Good.", "Bye."]
    assert memory.sync([*forms, user("Bye.")])[:4] == ids


def test_langchain_messages_are_taken_as_they_are(open_memory: Open):
    messages = pytest.importorskip("langchain_core.messages")
    chat = [messages.HumanMessage("Is the boiler on?"), messages.AIMessage("It is on.")]
    memory = open_memory()
    ids = memory.sync(chat)
    assert texts(memory, ids) == ["Is the boiler on?", "It is on."]
    assert memory.sync([*chat, messages.HumanMessage("Good.")])[:2] == ids


def test_results_inside_of_a_message_are_turns_of_their_own(open_memory: Open):
    call = {"type": "tool_use", "id": "c1", "name": "ping", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "up"}
    messages = [
        user("Is it up?"),
        assistant([call]),  # type: ignore[arg-type]
        user([result, {"type": "text", "text": "Be brief."}]),  # type: ignore[arg-type]
    ]
    memory = open_memory()
    ids = memory.sync(messages)
    assert len(ids) == 4
    assert memory.sync([*messages, assistant("Yes.")])[:4] == ids


@pytest.mark.parametrize("wrong", ["text", 3, None, {"role": "user", "content": "a"}])
def test_a_value_that_is_no_list_is_refused(open_memory: Open, wrong: Any):
    with pytest.raises(InputError, match="list of messages"):
        open_memory().sync(wrong)


def test_a_message_that_cannot_be_read_is_named_and_nothing_is_written(open_memory: Open):
    memory = open_memory()
    with pytest.raises(InputError, match=r"messages\[1\]"):
        memory.sync([user("a"), {"role": 3, "content": "b"}])
    assert memory.stats().turns == 0
