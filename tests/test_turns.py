"""What a turn is: a value, made with two words, equal when it says the same."""

from __future__ import annotations

import dataclasses

import pytest

from optical_memory.turns import Attachment, ToolCall, Turn


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
