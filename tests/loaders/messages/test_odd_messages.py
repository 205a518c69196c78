"""Odd messages: none refuses a history, none becomes an empty turn, and nobody gains authority."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.load_files import single, without_ids, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import load, openai_messages, sharegpt
from optical_memory.loaders.conversation import LeftOut
from optical_memory.loaders.messages.turns import message_turns, transcript_of, turns_of
from optical_memory.turns import Turn

HELLO = {"role": "user", "content": "Hello."}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"role": "tool", "tool_call_id": "c", "content": 42}, "42"),
        ({"role": "tool", "tool_call_id": "c", "content": [1, 2, 3]}, "[1, 2, 3]"),
        ({"role": "tool", "tool_call_id": "c", "content": False}, "false"),
        ({"role": "user", "content": [None, "hi"]}, "hi"),
        ({"role": "user", "content": [{"type": "text", "text": None}, "hi"]}, "hi"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": None}, "hi"]}, "hi"),
        ({"role": "user", "content": [{"type": "text", "text": 3.5}]}, "3.5"),
        ({"role": "user", "content": {"answer": "yes"}}, '{"answer": "yes"}'),
    ],
)
def test_an_odd_content_is_kept(message: dict[str, Any], text: str):
    assert [turn.text for turn in turns_of([HELLO, message], "m")] == ["Hello.", text]


@pytest.mark.parametrize("key", ["text", "message", "value", "body", "output_text", "parts"])
def test_words_under_another_key_are_read(key: str, tmp_path: Path):
    words: Any = [{"text": "The code is 4417."}] if key == "parts" else "The code is 4417."
    path = write_file(tmp_path / "chat.json", [{"role": "user", key: words}])
    assert without_ids(single(load(path)).turns) == (Turn("user", "The code is 4417."),)


def test_words_under_a_key_that_nobody_knows_are_kept_as_json():
    (turn,) = message_turns({"role": "user", "id": "m1", "utterance": {"de": "Guten Tag"}}, "m")
    assert (turn.text, turn.id) == ('{"utterance": {"de": "Guten Tag"}}', "m1")


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "assistant", "content": " \n", "tool_calls": []},
        {"role": "user", "content": [{"type": "text", "text": ""}], "id": "m2"},
        {"type": "ai", "content": "", "response_metadata": {"model": "m"}, "id": "3"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "item_reference", "id": "msg_1"},
    ],
)
def test_an_empty_message_has_no_turn_and_is_told(message: dict[str, Any]):
    transcript = transcript_of([HELLO, message], "chat.messages")
    assert transcript.turns == [Turn("user", "Hello.")]
    assert transcript.left_out == [LeftOut("chat.messages[1]", "the message is empty", "")]


def test_an_empty_conversation_of_several_is_told():
    data = [{"messages": [HELLO]}, {"messages": []}, {"messages": [HELLO]}]
    first, second = openai_messages(data)
    assert (first.id, second.id) == ("conversation[0]", "conversation[2]")
    (item,) = first.left_out
    assert (item.place, item.text) == ("conversation[1]", '{"messages": []}')
    assert item.reason.startswith("no conversation: conversation[1]: no turns in it")


def test_a_bad_row_among_conversations_is_told_and_passed_over():
    data = [3, {"messages": [HELLO]}, {"note": "ring me"}, {"messages": [{"a": "b"}]}]
    conversation = single(openai_messages(data))
    assert conversation.turns == (Turn("user", "Hello."),)
    assert conversation.left_out == (
        LeftOut(
            "conversation[0]",
            "no conversation: conversation[0]: expected an object with 'messages', found int 3",
            "3",
        ),
        LeftOut(
            "conversation[2]",
            "no conversation: conversation[2]: no 'messages' in it, which has ['note']",
            '{"note": "ring me"}',
        ),
        LeftOut(
            "conversation[3]",
            "no conversation: conversation[3].messages[0]: no 'role' in it, which has ['a']",
            '{"messages": [{"a": "b"}]}',
        ),
    )


def test_a_row_that_is_nested_too_deep_is_told_by_its_words_and_passed_over():
    conversation = single(openai_messages([{"messages": [HELLO]}, deep(100_000)]))
    assert conversation.turns == (Turn("user", "Hello."),)
    (item,) = conversation.left_out
    assert (item.place, item.text) == ("conversation[1]", "end")


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("human", Turn("user", "a")),
        ("Prompter", Turn("user", "a")),
        ("ai", Turn("assistant", "a")),
        ("model", Turn("assistant", "a")),
        ("developer", Turn("system", "a")),
        ("observation", Turn("tool", "a")),
        ("exit", Turn("tool", "a", name="exit")),
        ("supervisor", Turn("tool", "a", name="supervisor")),
    ],
)
def test_a_role_that_nobody_knows_gains_no_authority(role: str, expected: Turn):
    assert message_turns({"role": role, "content": "a"}, "m") == [expected]


def test_a_value_between_messages_is_kept_as_an_unknown_tools():
    turns = turns_of([HELLO, {"note": "ring me"}, "aside"], "m")
    assert turns[1:] == [
        Turn("tool", '{"note": "ring me"}', name="unknown"),
        Turn("tool", "aside", name="unknown"),
    ]


@pytest.mark.parametrize("values", [["aside"], [3], [{"note": "ring me"}], [None]])
def test_a_list_without_any_message_is_refused(values: list[Any]):
    with pytest.raises(InputError, match=r"m\[0\]"):
        turns_of(values, "m")


def deep(n: int) -> Any:
    value: Any = "end"
    for _ in range(n):
        value = [value]
    return value


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": deep(100_000)},
        {"role": "user", "odd": deep(100_000)},
        {"role": "assistant", "tool_calls": [{"name": "f", "args": {"a": deep(100_000)}}]},
    ],
)
def test_a_message_that_is_nested_too_deep_is_refused_by_its_place(message: Any):
    with pytest.raises(InputError, match=r"messages\[0\]: it is nested too deep"):
        message_turns(message, "messages[0]")


@pytest.mark.parametrize(
    "data",
    [
        {"system": "Answer in Danish.", "messages": [HELLO]},
        {"system": [{"type": "text", "text": "Answer in Danish."}], "messages": [HELLO]},
        {
            "systemInstruction": {"parts": [{"text": "Answer in Danish."}]},
            "contents": [{"parts": [{"text": "Hello."}]}],
        },
        {"instructions": "Answer in Danish.", "input": [HELLO]},
        {
            "system": "Answer in Danish.",
            "messages": [{"role": "system", "content": "Answer in Danish."}, HELLO],
        },
    ],
)
def test_instructions_beside_the_messages_are_the_first_turn(data: Any, tmp_path: Path):
    turns = without_ids(single(load(write_file(tmp_path / "chat.json", data))).turns)
    assert turns == (Turn("system", "Answer in Danish."), Turn("user", "Hello."))


def test_instructions_beside_a_row_of_sharegpt_are_the_first_turn():
    row = {"system": "Be kind.", "conversations": [{"from": "human", "value": "Hello."}]}
    assert single(sharegpt([row])).turns[0] == Turn("system", "Be kind.")


def test_the_sources_of_an_answer_are_lines_under_it():
    annotation = {"type": "url_citation", "url": "https://example.org/ferry", "title": "Ferry"}
    openai = {"type": "output_text", "text": "At nine.", "annotations": [annotation, annotation]}
    citation = {"document_title": "Bridge rules", "cited_text": "opens at 10:00"}
    anthropic = {"type": "text", "text": "At ten.", "citations": [citation]}
    chat = {
        "role": "assistant",
        "content": "At six.",
        "annotations": [{"url_citation": annotation}],
    }
    texts = [
        turn.text
        for turn in turns_of(
            [
                {"role": "assistant", "content": [openai]},
                {"role": "assistant", "content": [anthropic]},
                chat,
            ],
            "m",
        )
    ]
    assert texts == [
        "At nine.\n\n[source: Ferry <https://example.org/ferry>]",
        "At ten.\n\n[source: Bridge rules “opens at 10:00”]",
        "At six.\n\n[source: Ferry <https://example.org/ferry>]",
    ]
