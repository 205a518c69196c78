"""Transcripts of Claude Code: whose words are turns, and which lines are left out and why."""

from __future__ import annotations

from typing import Any

import pytest
from support.load_files import single
from support.traces.claude_code import CLAUDE_CODE, claude_line

from optical_memory.errors import InputError
from optical_memory.loaders import claude_code
from optical_memory.loaders.traces.claude_code import transcript_turns


def reasons(lines: list[Any]) -> dict[str, str]:
    return {item.place: item.reason for item in single(claude_code(lines)).left_out}


def words(lines: list[Any]) -> list[str]:
    return [turn.text for turn in single(claude_code(lines)).turns if turn.text]


def test_a_transcript_has_the_words_of_the_session_in_order():
    conversation = single(claude_code(CLAUDE_CODE))
    assert [(turn.role, turn.id, turn.text) for turn in conversation.turns] == [
        ("user", "u1", "Read both timetables."),
        ("assistant", "a1", "Reading."),
        ("assistant", "a2", ""),
        ("assistant", "a3", ""),
        ("tool", None, "Departs 07:10"),
        ("tool", None, "Departs 06:50"),
        ("user", "q1", "Also check harbours."),
        ("assistant", "a4", "Winter is later."),
        ("user", "u3", "Write it in Python."),
        ("assistant", "a6", "import ferry"),
    ]
    calls = [call.id for turn in conversation.turns for call in turn.tool_calls]
    answers = [turn.tool_call_id for turn in conversation.turns if turn.role == "tool"]
    assert calls == answers == ["t1", "t2"]
    assert conversation.meta["title"] == "Ferry timetable parser"


def test_each_line_that_is_no_turn_is_told_with_its_reason():
    assert reasons(CLAUDE_CODE) == {
        "line 1": "backups of files, for undo",
        "line 3": "Claude Code wrote it for the model, not the user",
        "line 8.toolUseResult": "the result of a tool once more, as data",
        "line 10": "words of a subagent",
        "line 11": "the queue of prompts, which stand in lines of their own",
        "line 13": "Claude Code added it for the model, not the user",
        "line 15": "a notice of Claude Code",
        "line 16": "a branch that the user rewound: the session went on from another",
        "line 17": "a branch that the user rewound: the session went on from another",
    }


def test_a_transcript_of_a_subagent_alone_is_a_conversation():
    lines = [
        claude_line("s1", None, "Find the holidays.", isSidechain=True),
        claude_line("s2", "s1", "There are nine.", "assistant", isSidechain=True),
    ]
    assert words(lines) == ["Find the holidays.", "There are nine."]


def test_a_prompt_after_two_rewinds_is_the_one_that_stays():
    lines = [
        claude_line("u1", None, "Start."),
        claude_line("a1", "u1", "Started.", "assistant"),
        claude_line("u2", "a1", "Left."),
        claude_line("a2", "u2", "Going left.", "assistant"),
        claude_line("u3", "a2", "Faster."),
        claude_line("u4", "a2", "Slower."),
        claude_line("u5", "a1", "Right."),
    ]
    assert words(lines) == ["Start.", "Started.", "Right."]


def test_lines_without_parents_or_after_a_compaction_are_no_branches():
    lines = [
        claude_line("u1", None, "Before."),
        {"type": "system", "subtype": "compact_boundary", "uuid": "b", "parentUuid": None},
        claude_line("c1", "b", "The user said: before.", isCompactSummary=True),
        claude_line("u2", "c1", "After."),
        claude_line("u3", None, "Resumed."),
    ]
    assert words(lines) == ["Before.", "After.", "Resumed."]
    assert reasons(lines)["line 3"] == "a summary of earlier lines"


def test_parents_in_a_circle_do_not_hang():
    lines = [claude_line("u1", "u2", "One."), claude_line("u2", "u1", "Two.")]
    assert words(lines) == ["One.", "Two."]


def test_a_line_that_stands_there_twice_is_one_turn():
    line = claude_line("u1", None, "Once.")
    edited = claude_line("u1", None, "Otherwise.")
    assert words([line, dict(line), edited]) == ["Once.", "Otherwise."]


def test_the_output_of_a_headless_run_leaves_out_its_subagents_and_the_last_answer():
    lines = [
        {"type": "system", "subtype": "init", "session_id": "s"},
        {
            "type": "user",
            "message": {"role": "user", "content": "Inner."},
            "parent_tool_use_id": "t",
        },
        {"type": "assistant", "message": {"role": "assistant", "content": "Outer."}},
        {"type": "result", "subtype": "success", "result": "Outer."},
    ]
    assert words(lines) == ["Outer."]
    assert reasons(lines)["line 4"] == "the last answer once more"


def test_a_line_that_cannot_be_read_does_not_refuse_the_others():
    lines = ["half a li", claude_line("u1", None, "Whole."), claude_line("u2", "u1", [])]
    assert words(lines) == ["Whole."]
    assert reasons(lines) == {
        "line 1": "a line that is no message",
        "line 3.message": "an empty message",
    }


def test_lines_for_a_hook_are_those_of_the_user_and_the_assistant():
    texts = [turn.text for turn in transcript_turns(CLAUDE_CODE)]
    assert "Also check harbours." in texts
    assert "Look for holidays." not in texts
    assert transcript_turns([claude_line("u1", None, "")]) == []


def test_a_transcript_without_words_is_refused():
    with pytest.raises(InputError, match="no turns"):
        claude_code([claude_line("u1", None, "Hidden.", isMeta=True)])
    with pytest.raises(InputError, match="no turns"):
        claude_code([{"type": "summary", "summary": "Ferry", "leafUuid": "a9"}])
    with pytest.raises(InputError, match="expected lines of a transcript, found dict"):
        claude_code({})


def test_output_of_a_program_is_not_the_users_word():
    lines = [
        claude_line("u1", None, "<bash-input>ls</bash-input>"),
        claude_line("u2", "u1", "<bash-stdout>sails oars</bash-stdout>"),
    ]
    turns = single(claude_code(lines)).turns
    assert [(turn.role, turn.name) for turn in turns] == [("user", None), ("system", "bash-stdout")]


def test_an_error_of_the_api_is_not_the_assistants_word():
    error = claude_line("a1", "u1", "API Error: 529", "assistant", isApiErrorMessage=True)
    assert words([claude_line("u1", None, "Sail."), error]) == ["Sail."]


def test_words_that_stand_only_in_the_queue_are_the_users():
    queue = {"type": "queue-operation", "operation": "remove", "content": "Parser first."}
    lines = [
        claude_line("u1", None, "Start."),
        queue,
        {**queue, "content": "Start."},
        {**queue, "operation": "popAll", "content": "Never mind."},
        {**queue, "content": "<task-notification>over</task-notification>"},
    ]
    assert words(lines) == ["Start.", "Parser first."]


def test_a_file_that_went_with_a_prompt_is_a_tools_word():
    content = {"type": "text", "file": {"filePath": "/srv/log.txt", "content": "Wind from west."}}
    attachment = {"type": "file", "filename": "/srv/log.txt", "content": content}
    lines = [
        claude_line("u1", None, "Read @log.txt"),
        {"type": "attachment", "uuid": "f1", "parentUuid": "u1", "attachment": attachment},
        {"type": "attachment", "uuid": "f2", "attachment": {"type": "file", "filename": "empty"}},
    ]
    turn = single(claude_code(lines)).turns[1]
    assert (turn.role, turn.name, turn.id) == ("tool", "file", "f1")
    assert turn.text == "/srv/log.txt\nWind from west."
    assert [text.text for text in transcript_turns(lines)] == ["Read @log.txt"]
