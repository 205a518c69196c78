"""Sessions of Codex CLI: items are turns, and events that repeat them are told."""

from __future__ import annotations

import json

import pytest
from support.load_files import single
from support.trace_files import CODEX, CODEX_OLD

from optical_memory.errors import InputError
from optical_memory.loaders import codex


def test_a_session_has_each_message_once_with_its_calls_and_outputs():
    conversation = single(codex(CODEX))
    assert conversation.id == "0199-ab"
    assert [(turn.role, turn.text or turn.tool_calls[0].name) for turn in conversation.turns] == [
        ("system", "<permissions instructions>Ask first."),
        ("system", "<environment_context>zsh</environment_context>"),
        ("user", "Count the millers."),
        ("assistant", "shell"),
        ("tool", "12 millers.txt\n"),
        ("assistant", "apply_patch"),
        ("tool", "no such file\n[exit code 2]"),
        ("assistant", "web_search"),
        ("assistant", "There are twelve."),
        ("user", "And bakers?"),
    ]
    assert conversation.turns[3].tool_calls[0].id == conversation.turns[4].tool_call_id == "c1"
    assert all(turn.when is not None for turn in conversation.turns)
    assert conversation.meta["model"] == "gpt-5-codex"


def test_what_codex_sends_for_the_user_has_its_name():
    names = [turn.name for turn in single(codex(CODEX)).turns if turn.role == "system"]
    assert names == ["permissions instructions", "environment_context"]


def test_events_reasoning_and_summaries_are_left_out():
    left_out = {item.place: item.reason for item in single(codex(CODEX)).left_out}
    assert left_out == {
        "line 5": "an event that repeats a message",
        "line 6": "settings of a turn",
        "line 7": "an event of the program",
        "line 8": "reasoning of the model, which is no part of its answer",
        "line 14": "an event of the program",
        "line 16": "an event that repeats a message",
        "line 17": "a summary of earlier turns",
        "session_meta.instructions": "instructions that Codex gives in every session",
    }


def test_sessions_of_older_versions_load():
    texts = ["Name the miller.", "", "Anselm", "He is Anselm."]
    assert [turn.text for turn in single(codex(CODEX_OLD)).turns] == texts
    oldest = {"session": CODEX_OLD[0], "items": CODEX_OLD[2:]}
    assert [turn.text for turn in single(codex(oldest)).turns] == texts


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("plain", "plain"),
        ('{"half', '{"half'),
        ({"content": "done", "success": True}, "done"),
        (json.dumps({"output": "", "metadata": {"exit_code": 1}}), "[exit code 1]"),
        ('{"output": "x", "other": "kept"}', '{"output": "x", "other": "kept"}'),
        ([{"type": "input_text", "text": "a picture of it"}], "a picture of it"),
    ],
)
def test_the_envelope_of_an_output_is_taken_off(output: object, text: str):
    item = {"type": "function_call_output", "call_id": "c", "output": output}
    line = {"type": "response_item", "payload": item}
    assert single(codex([line])).turns[0].text == text


def test_a_session_without_messages_is_refused():
    with pytest.raises(InputError, match="no turns"):
        codex(CODEX[:1])
