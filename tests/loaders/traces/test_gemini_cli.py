"""Sessions, checkpoints and prompts of Gemini CLI."""

from __future__ import annotations

import pytest
from support.load_files import single
from support.traces.gemini_cli import GEMINI_CHECKPOINT, GEMINI_CLI, GEMINI_LINES, GEMINI_LOG

from optical_memory.errors import InputError
from optical_memory.loaders import gemini_checkpoint, gemini_cli, gemini_log


def test_a_session_has_words_calls_and_results():
    conversation = single(gemini_cli(GEMINI_CLI))
    assert conversation.id == "gem-1"
    assert [(turn.role, turn.text) for turn in conversation.turns] == [
        ("user", "Which lock is broken?"),
        ("assistant", "I will look."),
        ("tool", "lock seven: broken"),
        ("tool", "[error] no such directory"),
        ("assistant", "Lock seven."),
    ]
    calls = [(call.id, call.arguments) for call in conversation.turns[1].tool_calls]
    assert calls == [("read-1", '{"path": "locks.csv"}'), ("shell-2", '{"command": "ls keys"}')]
    assert [turn.tool_call_id for turn in conversation.turns[2:4]] == ["read-1", "shell-2"]


def test_thoughts_notices_and_results_for_the_screen_are_left_out():
    reasons = [item.reason for item in single(gemini_cli(GEMINI_CLI)).left_out]
    assert reasons == [
        "reasoning of the model, which is no part of its answer",
        "the result of a tool as the screen showed it",
        "a notice of Gemini CLI",
    ]


def test_of_lines_the_last_version_of_a_message_stays_and_a_rewind_takes_back():
    conversation = single(gemini_cli(GEMINI_LINES))
    texts = ["Paint it green.", "Painted green.", "Leave it green."]
    assert [turn.text for turn in conversation.turns] == texts
    assert [item.place for item in conversation.left_out] == ["line 3", "line 5", "line 6"]
    assert conversation.meta["summary"] == "Painting a gate"


def test_a_compressed_context_does_not_take_messages_away():
    patch = {"$set": {"messages": [{"id": "g9", "type": "user", "content": "Summed up."}]}}
    texts = [turn.text for turn in single(gemini_cli([*GEMINI_LINES, patch])).turns]
    assert texts[0] == "Paint it green."
    assert texts[-1] == "Summed up."


def test_a_checkpoint_is_the_history_of_its_client():
    conversation = single(gemini_checkpoint(GEMINI_CHECKPOINT))
    assert [turn.role for turn in conversation.turns] == ["user", "assistant"]
    assert conversation.turns[1].text == "It is sharp."
    assert [item.place.split(".")[-1] for item in conversation.left_out] == ["history"]


def test_the_log_of_prompts_has_a_conversation_for_each_session():
    conversations = gemini_log(GEMINI_LOG)
    assert {item.id: item.turns[0].text for item in conversations} == {
        "one": "Feed the hens.",
        "two": "Shear the sheep.",
    }


def test_a_session_without_words_in_the_log_is_told_and_alone_refused():
    entry = {"sessionId": "three", "messageId": 0, "type": "user", "message": ""}
    first, _ = gemini_log([*GEMINI_LOG, entry])
    assert [item.place for item in first.left_out] == ["three"]
    with pytest.raises(InputError, match="three: no turns in it"):
        gemini_log([entry])
