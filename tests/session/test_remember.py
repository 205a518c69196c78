"""Turns on their way into a session: edits, ids that look alike, fields of another type."""

from __future__ import annotations

from typing import Any

import pytest
from support.shelf_turns import Open, said

from optical_memory import Attachment, ToolCall, Turn
from optical_memory.errors import InputError

# ---- edits and ids -------------------------------------------------------------------------------


def texts(memory: Any) -> dict[str, str]:
    return {record.id: record.text for record in memory._archive.snapshot().turns.values()}


def test_an_edit_leaves_a_turn_alone_whose_own_id_looks_like_a_version(opened: Open):
    memory = opened()
    memory.remember([Turn("user", "gate code 4711", id="a~2"), Turn("user", "draft", id="a")])
    memory.remember(Turn("user", "second draft", id="a"))
    assert texts(memory) == {"a~2": "gate code 4711", "a": "second draft"}


def test_an_edit_of_a_sealed_turn_takes_a_free_id_and_is_found_again_by_the_hosts_id(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))]
    memory.remember([*history, Turn("user", "not an edit", id="m0~2")])
    memory.flush()
    edit = Turn("user", "The first shelf is full.", id="m0")
    assert memory.remember(edit) == ["m0~3"]
    n_turns = memory.stats().turns
    assert memory.remember(edit) == ["m0~3"], "the same again changes nothing"
    assert memory.remember(Turn("user", "It is empty.", id="m0")) == ["m0~3"], "it is still open"
    assert memory.stats().turns == n_turns
    assert texts(memory)["m0~2"] == "not an edit"
    assert texts(memory)["m0~3"] == "It is empty."


def test_a_turn_of_the_host_never_replaces_an_edit_that_got_its_id_from_us(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    memory.remember([Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))])
    memory.flush()
    assert memory.remember(Turn("user", "edited", id="m0")) == ["m0~2"]
    assert memory.remember(Turn("user", "a turn of its own", id="m0~2")) == ["m0~2~2"]
    assert texts(memory)["m0~2"] == "edited"
    assert texts(memory)["m0~2~2"] == "a turn of its own"


def test_edits_are_known_to_a_memory_that_is_opened_later(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))]
    memory.remember(history)
    memory.flush()
    history[3] = Turn("user", "edited", id="m3")
    assert memory.remember(history)[3] == "m3~2"
    n_turns = memory.stats().turns
    assert opened().remember(history)[3] == "m3~2"
    assert opened().stats().turns == n_turns


# ---- fields of another type ----------------------------------------------------------------------

ODD_TURNS = {
    "tool_calls.0.id": Turn("assistant", "", tool_calls=(ToolCall("f", "{}", 7),)),  # type: ignore[arg-type]
    "tool_calls.0.arguments": Turn("assistant", "", tool_calls=(ToolCall("f", {"a": 1}),)),  # type: ignore[arg-type]
    "tool_calls.0.name": Turn("assistant", "", tool_calls=(ToolCall(None, "{}"),)),  # type: ignore[arg-type]
    "attachments.0.ref": Turn("user", "", attachments=(Attachment("image", 5),)),  # type: ignore[arg-type]
    "attachments.0.kind": Turn("user", "", attachments=(Attachment("drawing", "x"),)),  # type: ignore[arg-type]
    "tool_call_id": Turn("tool", "done", tool_call_id=7),  # type: ignore[arg-type]
    "name": Turn("user", "hello", name=3),  # type: ignore[arg-type]
    "when": Turn("user", "hello", when="yesterday"),  # type: ignore[arg-type]
    "text": Turn("user", ["hello"]),  # type: ignore[arg-type]
    "ToolCall": Turn("assistant", "", tool_calls=({"name": "f"},)),  # type: ignore[arg-type]
    "Attachments": Turn("user", "", attachments=None),  # type: ignore[arg-type]
    "serialize": Turn("assistant", "", tool_calls=(ToolCall("f", object()),)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("field", ODD_TURNS)
def test_a_field_of_another_type_is_refused_by_name_and_the_session_goes_on(
    opened: Open, field: str
):
    memory = opened()
    memory.remember(Turn("user", "The gate code is 4711."))
    with pytest.raises(InputError, match=field):
        memory.remember([Turn("user", "Fine."), ODD_TURNS[field]])
    again = opened()
    assert [found.text for found in again.recall("gate")] == ["The gate code is 4711."]
    assert again.stats().turns == 1, "all turns of a call or none"


def test_a_refusal_does_not_show_the_words_of_the_turn(opened: Open):
    with pytest.raises(InputError) as refusal:
        opened().remember(Turn("user", "hello", name={"secret": "zorblax"}))  # type: ignore[arg-type]
    assert "zorblax" not in str(refusal.value)


def test_a_turn_reads_back_as_it_was_given(opened: Open):
    turn = Turn(
        "assistant",
        "See the picture.",
        name="Ann",
        id="m1",
        tool_calls=(ToolCall("look", '{"n": 1}', "c1"),),
        attachments=(Attachment("image", "a.png", "two cats"),),
    )
    opened().remember(turn)
    (record,) = opened()._archive.snapshot().turns.values()
    assert record.turn == turn
