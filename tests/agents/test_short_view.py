"""The short view of a host's messages: the user's question stays, whatever hosts add to it."""

from __future__ import annotations

from typing import Any

from support.host_lists import assistant, user

from optical_memory import OpticalMemory
from optical_memory.agents.short_view import short_view


def test_words_beside_results_of_tools_are_not_the_question(memory: OpticalMemory):
    messages: list[Any] = []
    for i in range(30):
        messages.append(user(f"Note {i}: the meeting moved to room {i}."))
        messages.append(assistant(f"Noted, {i}."))
    question = len(messages)
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "The lift is out of order."}
    messages.append(user("Which room did note 3 name?"))
    messages.append({"role": "assistant", "content": [call]})
    messages.append({"role": "user", "content": [result, {"type": "text", "text": "Time: noon."}]})
    view = short_view(memory, messages, 400)
    assert view.positions[-3:] == (question, question + 1, question + 2)
    assert "room 3." in view.passages
