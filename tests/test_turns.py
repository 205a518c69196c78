"""A turn is a value, made with two words and equal to any that says the same; it has a body."""

from __future__ import annotations

import dataclasses

import pytest

from optical_memory.turns import (
    Attachment,
    ToolCall,
    Turn,
    attachment_text,
    body,
    call_offset,
    call_text,
    without_addresses,
)


def test_a_role_and_a_text_are_enough():
    turn = Turn("user", "hello")
    assert (turn.name, turn.when, turn.id, turn.tool_call_id) == (None, None, None, None)
    assert turn.tool_calls == turn.attachments == ()


def test_turns_are_values():
    call = ToolCall("search", '{"q": 1}', "c1")
    picture = Attachment("image", "https://example.org/a.png", "a boat")
    first = Turn("assistant", "", tool_calls=(call,), attachments=(picture,))
    assert first == Turn(
        "assistant", "", tool_calls=(ToolCall("search", '{"q": 1}', "c1"),), attachments=(picture,)
    )
    assert len({first, dataclasses.replace(first), dataclasses.replace(first, text="other")}) == 2


@pytest.mark.parametrize("value", [Turn("user", "x"), ToolCall("f"), Attachment("file", "a.pdf")])
def test_nothing_in_a_turn_can_be_changed(value):
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "changed")


def test_the_body_has_the_text_then_the_calls_then_the_attachments():
    turn = Turn(
        "assistant",
        "On it.\r\nNow.",
        tool_calls=(ToolCall("find", '{"q": 1}'), ToolCall("stop")),
        attachments=(
            Attachment("image", "https://a.b/c.png", "a cat"),
            Attachment("file", "x.pdf"),
        ),
    )
    assert body(turn).split("\n") == [
        "On it.",
        "Now.",
        '=> find({"q": 1})',
        "=> stop({})",
        "[image: a cat <https://a.b/c.png>]",
        "[file: <x.pdf>]",
    ]


def test_a_call_and_an_attachment_stand_in_the_body_as_their_own_text():
    call = ToolCall("find", '{"q": 1}')
    picture = Attachment("image", "a.png", "two cats")
    assert body(Turn("assistant", "", tool_calls=(call,))) == call_text(call)
    assert body(Turn("user", "", attachments=(picture,))) == attachment_text(picture)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[image: two cats <https://a.io/8o28nf.jpg>]", "[image: two cats]"),
        (" [image: a > b <shots/a.png>]", " [image: a > b]"),
        ("[image: [cats?] and […] <a.jpeg>]", "[image: [cats?] and […]]"),
        ("[image: <https://a.io/8o28nf.jpg>]", None),
        ("[image: the PIN of the safe <4417 then 9921>]", None),
        ("[image: note <4417>]", None),
        ("see [image: cats <a.png>]", None),
        ("[image: cats <a.png>] and more", None),
        ("[file: the plan <plan.pdf>]", None),
    ],
)
def test_only_addresses_of_pictures_with_a_caption_are_left_out(line: str, expected: str | None):
    text = f"look\n{line}\nend"
    assert without_addresses(text) == f"look\n{expected or line}\nend"


@pytest.mark.parametrize("text", ["", "look", "two\r\nlines", "ends in a return\r"])
def test_the_first_call_stands_at_its_offset(text: str):
    turn = Turn("assistant", text, tool_calls=(ToolCall("f"),))
    assert body(turn)[call_offset(turn) :] == "=> f({})"


def test_without_calls_the_offset_is_the_end_of_the_body():
    picture = Attachment("image", "a.png")
    assert call_offset(Turn("user", "hello", attachments=(picture,))) == len(
        "hello\n[image: <a.png>]"
    )
