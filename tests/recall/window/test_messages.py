"""Recent turns are messages that hosts and LangChain take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from support.recent_turns import messages, roles, texts, window
from support.window_parts import MONDAY, passage
from support.windows import assemble

from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.turns import Attachment, ToolCall, Turn, body

# ---- messages that hosts take --------------------------------------------------------------------


def test_turns_without_words_make_no_message() -> None:
    turns = [
        Turn("user", "Hello."),
        Turn("assistant", ""),
        Turn("user", "  \n"),
        Turn("assistant", "Yes?"),
        Turn("user", " "),
    ]
    assert texts(turns) == ["Hello.", "Yes?"]
    assert texts([Turn("user", " ")], 0) == []


def test_turns_of_a_role_in_a_row_are_a_message() -> None:
    turns = [
        Turn("system", "Be kind."),
        Turn("system", "Be brief."),
        Turn("user", "one"),
        Turn("user", "two"),
        Turn("assistant", "three"),
        Turn("assistant", "", tool_calls=(ToolCall("look", "{}", "c1"),)),
        Turn("tool", "four", tool_call_id="c1"),
        Turn("assistant", "five"),
    ]
    assert texts(turns) == ["Be kind.\n\nBe brief.", "one\n\ntwo", "three", "four", "five"]
    assert len(messages(turns)[2]["tool_calls"]) == 1


def test_the_user_comes_first() -> None:
    turns = [Turn("system", "Be kind."), Turn("assistant", "Welcome!"), Turn("user", "hi")]
    assert roles(turns) == ["system", "user", "assistant", "user"]
    assert texts(turns)[1] == "…"


def test_a_name_that_hosts_take_stays_a_name() -> None:
    assert messages([Turn("user", "hi", name="Mel_2")]) == [
        {"role": "user", "content": "hi", "name": "Mel_2"}
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Night Shift (B)", "Night Shift (B)"),
        ("Zoë", "Zoë"),
        ("x" * 65 + "y", "x" * 31 + "~" + "x" * 31 + "y"),
    ],
)
def test_another_name_goes_into_the_text(name: str, label: str) -> None:
    (message,) = messages([Turn("user", "hi", name=name)])
    assert message == {"role": "user", "content": f"{label}: hi"}


def test_speakers_that_share_a_message_are_told_apart() -> None:
    turns = [Turn("user", "hi\nBob: no", name="Ann"), Turn("user", "yes", name="Bob")]
    assert messages(turns) == [{"role": "user", "content": "Ann: hi\n Bob: no\n\nBob: yes"}]


def test_a_name_beside_passages_goes_into_the_text() -> None:
    recent = newest_parts([Turn("user", "hi", name="Ann")], 100)
    (message,) = assemble(recent, [passage(1, ("user", None, "old"))], 100).to_messages()
    assert message["content"].endswith("</recall>\nAnn: hi")
    assert "name" not in message


def test_the_user_s_turns_tell_the_day() -> None:
    turns = [
        Turn("user", "hi", when=MONDAY),
        Turn("assistant", "hello", when=MONDAY),
        Turn("user", "so", when=MONDAY + timedelta(hours=1)),
        Turn("assistant", "yes"),
        Turn("user", "and?", when=MONDAY + timedelta(days=1)),
    ]
    assert texts(turns) == [
        "[Mon 2023-05-08, 13:56 UTC]\nhi",
        "hello",
        "so",
        "yes",
        "[Tue 2023-05-09, 13:56 UTC]\nand?",
    ]


def test_the_time_of_the_first_turn_that_fits_is_told_within_the_budget() -> None:
    turns = [Turn("user", f"number {n}", when=MONDAY) for n in range(20)]
    for budget in range(20, 80):
        assert texts(turns, budget)[0].startswith("[Mon 2023-05-08, 13:56 UTC]\nnumber")


def test_attachments_are_told_as_they_stand_on_a_page() -> None:
    cat = Attachment("image", "https://x.example/a.png", "a cat")
    turn = Turn("user", "look\r\nhere", attachments=(cat, Attachment("file", "b.pdf")))
    on_page = "look\nhere\n[image: a cat <https://x.example/a.png>]\n[file: <b.pdf>]"
    assert texts([turn]) == [on_page]
    assert body(turn) == on_page


# ---- LangChain -----------------------------------------------------------------------------------


def test_langchain_gets_the_same_conversation() -> None:
    call = Turn("assistant", "", tool_calls=(ToolCall("look", '{"a": 1}', "c1"),))
    turns = [Turn("user", "do"), call, Turn("tool", "done", tool_call_id="c1")]
    context = assemble(newest_parts(turns, 200), [passage(1, ("user", None, "old"))], 200)
    chat = context.to_langchain()
    assert [type(message) for message in chat] == [HumanMessage, AIMessage, ToolMessage]
    assert isinstance(chat[1], AIMessage)
    assert chat[1].tool_calls[0]["args"] == {"a": 1}


@pytest.mark.parametrize(
    ("arguments", "args"),
    [
        ("", {}),
        (" \n", {}),
        ('{"a": 1}', {"a": 1}),
        ("[1]", {"arguments": "[1]"}),
        ("where: here", {"arguments": "where: here"}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
    ],
)
def test_langchain_gets_arguments_as_an_object(arguments: str, args: dict[str, Any]) -> None:
    call = Turn("assistant", "", tool_calls=(ToolCall("clock", arguments, "c1"),))
    turns = [Turn("user", "do"), call, Turn("tool", "14:05", tool_call_id="c1")]
    message = window(turns, 200_000).to_langchain()[1]
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["args"] == args
