"""Sessions of Codex CLI: items are turns, and events that repeat them are told."""

from __future__ import annotations

import json

import pytest
from support.load_files import single
from support.traces.codex import CODEX, CODEX_OLD

from optical_memory.errors import InputError
from optical_memory.loaders import codex, codex_exec


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
        "line 7": "reasoning of the model, which is no part of its answer",
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


def test_an_event_whose_message_has_more_around_it_is_a_repeat():
    parts = [{"type": "input_text", "text": "<image>"}, {"type": "input_text", "text": "See it?"}]
    lines = [
        {"type": "response_item", "payload": {"type": "message", "role": "user", "content": parts}},
        {"type": "event_msg", "payload": {"type": "user_message", "message": "See it?"}},
    ]
    assert len(single(codex(lines)).turns) == 1


def test_the_output_of_codex_exec_has_answers_and_commands():
    lines = [
        {"type": "thread.started", "thread_id": "0199-cd"},
        {"type": "item.started", "item": {"id": "i1", "type": "command_execution"}},
        {"type": "item.completed", "item": {"id": "i0", "type": "reasoning", "text": "Look."}},
        {
            "type": "item.completed",
            "item": {
                "id": "i1",
                "type": "command_execution",
                "command": "ls kiln",
                "aggregated_output": "no kiln",
                "exit_code": 2,
            },
        },
        {"type": "item.completed", "item": {"id": "i2", "type": "agent_message", "text": "None."}},
        {"type": "turn.completed", "usage": {"input_tokens": 9}},
    ]
    conversation = single(codex_exec(lines))
    assert conversation.id == "0199-cd"
    assert conversation.turns[0].tool_calls[0].arguments == '{"command": "ls kiln"}'
    assert [turn.text for turn in conversation.turns] == ["", "no kiln\n[exit code 2]", "None."]
    assert len(conversation.left_out) == 4
