"""Requests and responses of APIs, alone and in logs."""

from __future__ import annotations

from typing import Any

import pytest
from support.load_files import single
from support.traces.api_logs import API_LOGS

from optical_memory.errors import InputError
from optical_memory.loaders import api_log
from optical_memory.loaders.traces.api_logs import is_api_log


def test_a_request_and_its_response_are_a_conversation():
    first, second, third = api_log(API_LOGS)
    assert [(turn.role, turn.text) for turn in first.turns] == [
        ("system", "Speak like a sailor."),
        ("user", "Where is north?"),
        ("assistant", "Behind you, mate."),
    ]
    assert "where north is" in first.meta["tools"]
    assert [turn.text for turn in second.turns] == ["A rhyme?", "Boat, goat."]
    assert [item.reason for item in second.left_out] == ["another answer to the same request"]
    assert (third.id, third.turns[0].text) == ("row-7", "A sail.")


def test_a_row_without_words_is_left_out():
    assert [item.reason[:17] for item in api_log(API_LOGS)[0].left_out] == ["no conversation: "]
    with pytest.raises(InputError, match="no turns"):
        api_log(API_LOGS[3])


QUESTION = [{"role": "user", "content": "Tide?"}]
LOW = {"role": "assistant", "content": "Low."}


@pytest.mark.parametrize(
    "row",
    [
        {
            "custom_id": "1",
            "body": {"messages": QUESTION},
            "response": {"body": {"choices": [{"message": LOW}]}},
        },
        {"custom_id": "1", "params": {"messages": QUESTION}, "result": {"message": LOW}},
        {"messages": QUESTION, "response": {"choices": [{"message": LOW}]}},
        {"request_body": {"messages": QUESTION}, "response_body": {"choices": [{"message": LOW}]}},
        {"input": QUESTION, "output": LOW, "type": "GENERATION"},
        {"input": {"messages": QUESTION}, "output": "Low."},
        {"request": {"input": "Tide?"}, "response": {"object": "response", "output": [LOW]}},
    ],
)
def test_logs_of_several_hosts_are_read(row: dict[str, Any]):
    texts = [turn.text for turn in single(api_log(row)).turns]
    assert texts == ["Tide?", "Low."]


def test_the_calls_of_a_trace_repeat_its_history_once():
    second = [*QUESTION, LOW, {"role": "user", "content": "And the wind?"}]
    trace = {
        "id": "trace-9",
        "sessionId": "harbour",
        "observations": [
            {"type": "SPAN", "input": "ignored"},
            {"type": "GENERATION", "startTime": "2", "input": second, "output": "West."},
            {"type": "GENERATION", "startTime": "1", "input": QUESTION, "output": LOW},
        ],
    }
    conversation = single(api_log(trace))
    texts = ["Tide?", "Low.", "And the wind?", "West."]
    assert [turn.text for turn in conversation.turns] == texts
    assert conversation.meta["sessionId"] == "harbour"
    assert is_api_log(trace)
