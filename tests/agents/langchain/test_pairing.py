"""Calls and results of every provider's form are never parted by a cut."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from optical_memory.agents.langchain.pairing import valid_cuts


def cuts(*messages: Any) -> list[int]:
    """The places between messages where the list may be cut."""
    return [i for i, is_valid in enumerate(valid_cuts(messages)) if is_valid]


def call(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": id} for id in ids])


QUESTION = HumanMessage("Look.")
END = AIMessage("Done.")

OPENAI = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}

PAIRS = {
    "langchain": [call("a"), ToolMessage("1", tool_call_id="a")],
    "arguments that are no JSON": [
        AIMessage(
            "",
            invalid_tool_calls=[
                {"name": "f", "args": "{", "id": "a", "error": "e", "type": "invalid_tool_call"}
            ],
        ),
        ToolMessage("1", tool_call_id="a"),
    ],
    "anthropic": [
        AIMessage([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]),
        HumanMessage([{"type": "tool_result", "tool_use_id": "a", "content": "1"}]),
    ],
    "openai": [
        AIMessage("", additional_kwargs={"tool_calls": [OPENAI]}),
        ToolMessage("1", tool_call_id="a"),
    ],
    "responses": [
        AIMessage([{"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f"}]),
        HumanMessage([{"type": "function_call_output", "call_id": "a", "output": "1"}]),
    ],
    "functions": [
        AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}}),
        FunctionMessage(name="f", content="1"),
    ],
    "bedrock": [
        AIMessage([{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]),
        HumanMessage([{"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}]),
    ],
    "gemini": [
        AIMessage([{"functionCall": {"name": "f", "args": {}}}]),
        HumanMessage([{"functionResponse": {"name": "f", "response": {"x": 1}}}]),
    ],
}


@pytest.mark.parametrize("form", PAIRS)
def test_a_pair_stays_together(form: str):
    assert cuts(QUESTION, *PAIRS[form], END) == [0, 1, 3, 4]


def test_all_results_of_parallel_calls_stay_with_them_whatever_stands_between():
    results = [ToolMessage("1", tool_call_id="a"), ToolMessage("2", tool_call_id="b")]
    note = SystemMessage("Be brief.")
    assert cuts(QUESTION, call("a", "b"), results[0], note, results[1], END) == [0, 1, 5, 6]
    late = HumanMessage("Are you there?")
    assert cuts(call("a", "b"), results[1], late, results[0], END) == [0, 4, 5]


def test_ids_that_are_used_again_belong_to_the_last_call():
    first = [call("a"), ToolMessage("1", tool_call_id="a")]
    second = [call("a"), ToolMessage("2", tool_call_id="a")]
    assert cuts(*first, *second) == [0, 2, 4]


def test_a_result_without_any_call_never_begins_a_view():
    assert cuts(QUESTION, ToolMessage("1", tool_call_id="z"), END) == [0, 2, 3]
