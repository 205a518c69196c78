"""Loading message lists: who said what and when, tools, pictures, and nothing lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_to_dict,
)
from support.load_files import all_text, single, texts_in, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import langchain_messages, load, openai_messages, sharegpt, turn_of
from optical_memory.turns import Attachment, ToolCall, Turn

# OpenAI style


def test_a_message_list_becomes_turns():
    time = "2026-03-02T08:41:00+01:00"
    function = {"name": "look", "arguments": '{"at": 1}'}
    call = {"id": "c1", "type": "function", "function": function}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "hi", "name": "Ada", "id": "m1", "created_at": time},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "look", "content": "nothing"},
    ]
    assert single(openai_messages(messages)).turns == (
        Turn("system", "Be brief."),
        Turn("user", "hi", name="Ada", id="m1", when=datetime.fromisoformat(time)),
        Turn("assistant", "", tool_calls=(ToolCall("look", '{"at": 1}', "c1"),)),
        Turn("tool", "nothing", name="look", tool_call_id="c1"),
    )


def test_pictures_and_files_are_kept_by_reference():
    parts = [
        {"type": "text", "text": "what is this?"},
        {
            "type": "image_url",
            "image_url": {"url": "https://example.org/a.png"},
            "caption": "a boat",
        },
        {"type": "input_image", "image_url": "https://example.org/b.png"},
        {"type": "file", "file": {"file_id": "file-7", "filename": "plan.pdf"}},
    ]
    turn = single(openai_messages([{"role": "user", "content": parts}])).turns[0]
    assert turn.text == "what is this?"
    assert turn.attachments == (
        Attachment("image", "https://example.org/a.png", "a boat"),
        Attachment("image", "https://example.org/b.png"),
        Attachment("file", "file-7", "plan.pdf"),
    )


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 5000}},
            "image",
        ),
        ({"type": "input_audio", "input_audio": {"data": "QUJD" * 5000, "format": "wav"}}, "audio"),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "QUJD" * 5000}},
            "file",
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 5000},
            },
            "image",
        ),
    ],
)
def test_a_payload_is_replaced_by_its_digest(part: dict[str, Any], kind: str):
    (attachment,) = (
        single(openai_messages([{"role": "user", "content": [part]}])).turns[0].attachments
    )
    assert attachment.kind == kind
    assert re.fullmatch(r"data:[\w/*.+-]+;sha256=[0-9a-f]{16};chars=20000", attachment.ref)


def test_tool_use_and_tool_result_parts_become_calls_and_tool_turns():
    call = {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "3"}
    messages = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    first, *rest = single(openai_messages(messages)).turns
    assert first.tool_calls == (ToolCall("add", '{"a": 1}', "c1"),)
    assert rest == [Turn("tool", "3", tool_call_id="c1")]


def test_a_part_of_an_unknown_type_is_kept_as_its_json():
    turn = single(
        openai_messages([{"role": "user", "content": [{"type": "poll", "ask": "tea?"}]}])
    ).turns[0]
    assert json.loads(turn.text) == {"type": "poll", "ask": "tea?"}


def test_legacy_function_calls_refusals_and_reasoning_are_kept():
    call = {"name": "f", "arguments": "{}"}
    legacy = {"role": "assistant", "content": None, "function_call": call}
    refusal = {
        "role": "assistant",
        "content": "so",
        "reasoning_content": "because",
        "refusal": "no",
    }
    first, second = single(openai_messages([legacy, refusal])).turns
    assert first.tool_calls == (ToolCall("f"),)
    assert second.text == "because\n\nso\n\nno"


@pytest.mark.parametrize("seconds", [1_770_000_000, 1_770_000_000_000, 1_770_000_000.0])
def test_epoch_times_are_utc_in_seconds_or_milliseconds(seconds: float):
    turn = single(openai_messages([{"role": "user", "content": "x", "timestamp": seconds}])).turns[
        0
    ]
    assert turn.when == datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
PART = st.one_of(
    TEXT.map(lambda t: {"type": "text", "text": t}),
    TEXT.map(
        lambda t: {
            "type": "image_url",
            "image_url": {"url": "https://example.org/" + t},
            "caption": t,
        }
    ),
    TEXT.map(lambda t: {"type": "refusal", "refusal": t}),
)
CALL = st.builds(
    lambda n, a: {"id": "c", "type": "function", "function": {"name": n, "arguments": a}},
    TEXT,
    TEXT,
)
MESSAGE = st.one_of(
    st.builds(
        lambda r, c: {"role": r, "content": c},
        st.sampled_from(["system", "user", "assistant"]),
        TEXT,
    ),
    st.builds(lambda c: {"role": "user", "content": c}, st.lists(PART, min_size=1, max_size=4)),
    st.builds(
        lambda c, t: {"role": "assistant", "content": c, "tool_calls": t},
        st.none() | TEXT,
        st.lists(CALL, min_size=1, max_size=3),
    ),
    st.builds(
        lambda c, n: {"role": "tool", "tool_call_id": "c", "content": c, "name": n}, TEXT, TEXT
    ),
)


@given(st.lists(MESSAGE, min_size=1, max_size=6))
def test_every_text_of_a_message_list_is_somewhere_in_its_turns(messages: list[dict[str, Any]]):
    text = all_text(single(openai_messages(messages))) + "\nc"
    assert [part for part in texts_in(messages) if part not in text] == []


# LangChain and ShareGPT

LANGCHAIN = [
    SystemMessage("Be kind."),
    HumanMessage(
        [
            {"type": "text", "text": "where?"},
            {"type": "image", "url": "https://example.org/map.png"},
        ]
    ),
    AIMessage(
        "Looking.", tool_calls=[{"name": "find", "args": {"what": "port"}, "id": "c9"}], id="run-1"
    ),
    ToolMessage("Ystad", tool_call_id="c9", name="find"),
]


@pytest.mark.parametrize(
    "data",
    [messages_to_dict(LANGCHAIN), [dumpd(m) for m in LANGCHAIN]],
    ids=["messages_to_dict", "dumpd"],
)
def test_langchain_messages_are_read_in_both_serialised_forms(
    data: list[dict[str, Any]], tmp_path: Path
):
    turns = (
        Turn("system", "Be kind."),
        Turn("user", "where?", attachments=(Attachment("image", "https://example.org/map.png"),)),
        Turn(
            "assistant",
            "Looking.",
            id="run-1",
            tool_calls=(ToolCall("find", '{"what": "port"}', "c9"),),
        ),
        Turn("tool", "Ystad", name="find", tool_call_id="c9"),
    )
    assert single(langchain_messages(data)).turns == turns
    bare_turns = [replace(turn, id=None) for turn in turns]
    for name, content in (("chat.json", data), ("state.json", {"messages": data})):
        loaded_turns = single(load(write_file(tmp_path / name, content))).turns
        assert [replace(turn, id=None) for turn in loaded_turns] == bare_turns


def test_sharegpt_speakers_become_roles():
    speakers = ["system", "human", "gpt", "function_call", "observation"]
    messages = [{"from": speaker, "value": "text"} for speaker in speakers]
    conversation = single(sharegpt([{"id": "x1", "conversations": messages}]))
    assert conversation.id == "x1"
    roles = [turn.role for turn in conversation.turns]
    assert roles == ["system", "user", "assistant", "assistant", "tool"]


# One message


def test_a_message_becomes_a_turn():
    message = {"role": "assistant", "content": "Done.", "id": "m2", "created_at": "2026-03-02"}
    assert turn_of(message) == Turn("assistant", "Done.", when=datetime(2026, 3, 2), id="m2")
    assert turn_of(MappingProxyType(message)) == turn_of(message)


def test_a_message_with_several_turns_is_refused_and_the_way_to_read_it_named():
    results = [{"type": "tool_result", "tool_use_id": id, "content": "3"} for id in ("c1", "c2")]
    message = {"role": "user", "content": results}
    with pytest.raises(InputError, match=r"2 turns in it.*openai_messages\(\[message\]\)"):
        turn_of(message)


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("hello", "message: expected an object with 'role', found str 'hello'"),
        ({"content": "hello"}, "message: no 'role'"),
        ({"role": "user", "content": [{"type": "text"}]}, r"message\.content: it is empty"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_by_its_place(message: Any, place: str):
    with pytest.raises(InputError, match=place):
        turn_of(message)
