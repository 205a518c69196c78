"""Loading logs and any file: the format is told by the content, and errors name the place."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import load, load_file, text_log

# Logs


@pytest.mark.parametrize(
    ("log", "turns"),
    [
        ("User: hi\nAssistant: hello\n\nthere", ["user - hi", "assistant - hello\n\nthere"]),
        ("**Alice**: one\n**Bob:** two", ["user Alice one", "assistant Bob two"]),
        ("## User\nq\n## Assistant\na", ["user - q", "assistant - a"]),
        (
            "[12:01] <bob> hey\n[12:02] <eve> yo",
            ["user bob [12:01] hey", "assistant eve [12:02] yo"],
        ),
        ("<a> 1\n<b> 2\n<c> 3", ["user a 1", "user b 2", "user c 3"]),
        (
            "Ann: a\nBo: b\nAnn: c\nBo: d",
            ["user Ann a", "assistant Bo b", "user Ann c", "assistant Bo d"],
        ),
        (
            "One thought.\nStill it.\n\nNote: another.",
            ["user - One thought.\nStill it.", "user - Note: another."],
        ),
        (
            "User: see\n```\nBob: no\nUser: no\n```\nAI: ok",
            ["user - see\n```\nBob: no\nUser: no\n```", "assistant - ok"],
        ),
        ("A title\n\n**Ann**: hi\n**Ann**: ho", ["user - A title", "user Ann hi", "user Ann ho"]),
    ],
)
def test_a_log_is_read_by_its_speakers_or_its_paragraphs(log: str, turns: list[str]):
    conversation = single(text_log(log))
    assert [f"{turn.role} {turn.name or '-'} {turn.text}" for turn in conversation.turns] == turns


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("[2026-03-02 08:41:07] <bob> hey", datetime(2026, 3, 2, 8, 41, 7)),
        ("2026-03-02T08:41:07Z <bob> hey", datetime(2026, 3, 2, 8, 41, 7, tzinfo=UTC)),
        ("02/03/2026, 08:41 - Bob: hey", datetime(2026, 3, 2, 8, 41)),
        ("[02/03/2026, 08:41:07] Bob: hey", datetime(2026, 3, 2, 8, 41, 7)),
    ],
)
def test_a_dated_line_of_a_log_gives_the_time(line: str, time: datetime):
    turn = single(text_log(line)).turns[0]
    assert (turn.when, turn.text) == (time, "hey")


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)
PREFIX = st.sampled_from(
    ["", "", "User: ", "Assistant: ", "Ann: ", "**Bo**: ", "[12:01] <eve> ", "  ", "```"]
)


@given(st.lists(st.tuples(PREFIX, LINE), min_size=1, max_size=8))
def test_every_line_of_a_log_is_in_a_turn(lines: list[tuple[str, str]]):
    log = "\n".join(prefix + line for prefix, line in lines)
    if not log.strip():
        with pytest.raises(InputError, match="no turns"):
            text_log(log)
        return
    try:
        conversation = single(text_log(log))
    except InputError:  # speakers who say nothing
        assert not any(line.strip() for _, line in lines)
        return
    text = "\n".join(f"{turn.name or ''}: {turn.text}" for turn in conversation.turns)
    text += "\n".join(item.text for item in conversation.left_out)
    words = re.findall(r"\w+", "\n".join(line for _, line in lines))
    roles = {"user", "assistant"}
    assert [word for word in words if word not in text and word.lower() not in roles] == []


# Any file

HI = {"speaker": "A", "dia_id": "D1:1", "text": "hi"}


@pytest.mark.parametrize(
    ("data", "n"),
    [
        ([{"role": "user", "content": "hi"}], 1),
        ({"messages": [{"role": "user", "content": "hi"}], "id": "x"}, 1),
        ([[{"role": "user", "content": "hi"}], [{"role": "user", "content": "ho"}]], 2),
        ([{"id": id, "conversations": [{"from": "human", "value": "hi"}]} for id in "abc"], 3),
        ({"items": [{"from": "human", "value": "hi"}]}, 1),
        ([{"task_id": 0, "trial": 1, "traj": [{"role": "user", "content": "hi"}]}], 1),
        ([{"batch_number": 1, "turns": [[{"role": "user", "id": 0, "content": "hi"}]]}], 1),
        ([{"haystack_sessions": [[{"role": "user", "content": "hi"}]]}], 1),
        ({"conversation": {"speaker_a": "A", "speaker_b": "B", "session_1": [HI]}}, 1),
    ],
)
def test_load_finds_the_format_by_what_is_in_the_file(data: Any, n: int, tmp_path: Path):
    conversations = load(write_file(tmp_path / "some.json", data))
    assert len(conversations) == n
    assert conversations[0].turns[0].text == "hi"
    assert len({conversation.id for conversation in conversations}) == n


def test_json_lines_are_one_conversation_of_messages_or_one_a_line(tmp_path: Path):
    messages = '{"role": "user", "content": "a"}\n{"role": "assistant", "content": "b"}\n'
    lists = '{"messages": [{"role": "user", "content": "a"}]}\n' * 2
    assert len(single(load(write_file(tmp_path / "a.jsonl", messages))).turns) == 2
    ids = [conversation.id for conversation in load(write_file(tmp_path / "b.jsonl", lists))]
    assert ids == ["b[0]", "b[1]"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("{", r"x\.json: not JSON at line 1"),
        ([], "none of the known formats"),
        ([{"author": "me"}], "none of the known formats"),
        ([{"role": "user", "content": 7}], r"x\.messages\[0\]\.content: expected a string"),
        ([{"role": "king", "content": "a"}], r"x\.messages\[0\]\.role: 'king'"),
        (
            [{"role": "user", "content": [{"type": "text", "text": 3}]}],
            r"content\[0\]\.text: expected a string",
        ),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "without url, id or data"),
        (
            [{"role": "user", "content": "a", "created_at": "tomorrow"}],
            r"messages\[0\]: 'tomorrow' is no time",
        ),
        ([{"role": "assistant", "tool_calls": [{"id": "c"}]}], r"tool_calls\[0\]: no 'name'"),
        ({"messages": []}, "no turns"),
        ([{"type": "alien", "data": {}}], r"messages\[0\]\.type: 'alien'"),
        ([{"conversations": [{"from": "human"}]}], r"x\[0\]\.conversations\[0\]: no 'value'"),
        ([{"conversation": {"speaker_a": "A"}}], r"x\[0\]: no 'speaker_b'"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_place(data: Any, place: str, tmp_path: Path):
    with pytest.raises(InputError, match=place):
        load(write_file(tmp_path / "x.json", data))


def test_a_message_that_cannot_be_read_among_others_is_told_by_its_place(tmp_path: Path):
    messages = [{"role": "user", "content": "a"}, {"content": "b"}]
    file = load_file(write_file(tmp_path / "x.json", messages))

    assert [turn.text for turn in file.conversations[0].turns] == ["a"]
    (row,) = file.left_out
    assert row.place == "[1]"
    assert row.reason.startswith("x.messages[1]: no 'role'")
    assert row.text == '{"content": "b"}'


def test_a_missing_file_and_one_that_is_not_text_are_input_errors(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "absent.json")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="not UTF-8 text at byte 3"):
        load(tmp_path / "latin.txt")
