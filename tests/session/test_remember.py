"""Turns on their way into a session: edits, ids that look alike, fields of another type."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import Attachment, ToolCall, Turn
from optical_memory.errors import InputError
from optical_memory.session.records import TurnRecord, put
from optical_memory.stores import Put, Store

# ---- edits and ids -------------------------------------------------------------------------------


def texts(memory: Any) -> dict[str, str]:
    return {record.id: record.text for record in memory._archive.snapshot().turns.values()}


def test_an_edit_leaves_a_turn_alone_whose_own_id_looks_like_a_version(opened: Open):
    memory = opened()
    memory.remember([Turn("user", "gate code 4711", id="a~2"), Turn("user", "draft", id="a")])
    memory.remember(Turn("user", "second draft", id="a"))
    assert texts(memory) == {"a~2": "gate code 4711", "a": "second draft", "a~3": "draft"}
    assert memory.forget(turn="a") == 2
    assert texts(memory)["a~2"] == "gate code 4711"


def test_an_edit_of_a_sealed_turn_goes_by_the_hosts_id(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))]
    memory.remember([*history, Turn("user", "not an edit", id="m0~2")])
    memory.flush()
    edit = Turn("user", "The first shelf is full.", id="m0")
    assert memory.remember(edit) == ["m0"]
    n_turns = len(texts(memory))
    assert memory.remember(edit) == ["m0"], "the same again changes nothing"
    assert len(texts(memory)) == n_turns
    assert memory.remember(Turn("user", "It is empty.", id="m0")) == ["m0"], "it is still open"
    assert texts(memory)["m0~2"] == "not an edit"
    assert texts(memory)["m0~3"] == "It is empty."
    assert texts(memory)["m0~4"] == "The first shelf is full."
    assert [found.turns for found in memory.recall("Is the first shelf empty?", 1)] == [("m0",)]


def test_a_turn_of_the_host_never_replaces_an_edit_that_got_its_id_from_us(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    memory.remember([Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))])
    memory.flush()
    assert memory.remember(Turn("user", "edited", id="m0")) == ["m0"]
    assert memory.remember(Turn("user", "a turn of its own", id="m0~2")) == ["m0~2"]
    assert texts(memory)["m0~2"] == "edited"
    assert texts(memory)["m0~2~2"] == "a turn of its own"
    assert memory.forget(turn="m0~2") == 1
    assert texts(memory)["m0~2"] == "edited"
    assert texts(memory)["m0~2~2"] is None


def test_edits_are_known_to_a_memory_that_is_opened_later(opened: Open):
    memory = opened(retain="text", keep_turns=0)
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))]
    memory.remember(history)
    memory.flush()
    history[3] = Turn("user", "edited", id="m3")
    assert memory.remember(history)[3] == "m3"
    n_turns = len(texts(memory))
    assert opened().remember(history)[3] == "m3"
    assert len(texts(opened())) == n_turns


# ---- fields of another type ----------------------------------------------------------------------

NOT_A_NUMBER = float("nan")  # what tables give for an empty cell
ODD_TURNS: dict[str, Any] = {
    "tool_calls.0.id must be text, not int": {"tool_calls": (ToolCall("f", "{}", 7),)},  # type: ignore[arg-type]
    "tool_calls.0.arguments must be text, not dict": {"tool_calls": (ToolCall("f", {"a": 1}),)},  # type: ignore[arg-type]
    "tool_calls.0.arguments must be text, not object": {"tool_calls": (ToolCall("f", object()),)},  # type: ignore[arg-type]
    "tool_calls.0.name must be text, not NoneType": {"tool_calls": (ToolCall(None),)},  # type: ignore[arg-type]
    "tool_calls.0 must be a ToolCall, not dict": {"tool_calls": ({"name": "f"},)},
    "tool_calls must be a tuple of ToolCalls, not NoneType": {"tool_calls": None},
    "attachments.0.ref must be text, not int": {"attachments": (Attachment("image", 5),)},  # type: ignore[arg-type]
    "attachments.0.kind must be image or audio or video or file, not str": {
        "attachments": (Attachment("drawing", "x"),)  # type: ignore[arg-type]
    },
    "tool_call_id must be text, not int": {"tool_call_id": 7},
    "name must be text, not int": {"name": 3},
    "id must be text, not int": {"id": 3},
    "when must be a datetime, not str": {"when": "2026-03-01"},
    "when must be a datetime, not float": {"when": NOT_A_NUMBER},
    "text must be text, not list": {"text": ["hello"]},
    "text must be text, not float": {"text": NOT_A_NUMBER},
    "text must be text, not Decimal": {"text": Decimal(1)},
}


@pytest.mark.parametrize("reason", ODD_TURNS)
def test_a_field_of_another_type_is_refused_by_name_and_the_session_goes_on(
    opened: Open, reason: str
):
    memory = opened()
    memory.remember(Turn("user", "The gate code is 4711."))
    odd_turn = Turn(**{"role": "user", "text": "hello"} | ODD_TURNS[reason])
    with pytest.raises(InputError, match=reason):
        memory.remember([Turn("user", "Fine."), odd_turn])
    again = opened()
    assert [found.text for found in again.recall("gate")] == ["The gate code is 4711."]
    assert again.stats().turns == 1, "all turns of a call or none"


def test_a_refusal_does_not_show_the_words_of_the_turn(opened: Open):
    turn = Turn("user", "hello", name={"secret": "zorblax"})  # type: ignore[arg-type]
    with pytest.raises(InputError) as refusal:
        opened().remember(turn)
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


def test_a_turn_without_a_text_is_an_empty_turn(opened: Open):
    memory = opened()
    memory.remember(Turn("assistant", None, tool_calls=(ToolCall("look", "{}", "c1"),)))  # type: ignore[arg-type]
    assert memory.check() == []
    (record,) = memory._archive.snapshot().turns.values()
    assert record.text == ""


# ---- edits that an older version kept ------------------------------------------------------------


def as_first_schema(record: TurnRecord) -> Put:
    """The record as a program without `host_id`, marks and tombstones wrote it."""
    fields = {"host_id": None, "version": 1, "superseded_by": None, "tombstone": None, "v": 1}
    return put(record.model_copy(update=fields))


def test_edits_of_an_older_version_are_known_by_their_spelling(opened: Open, store: Store):
    memory = opened(retain="text", keep_turns=0)
    history = [Turn("user", turn.text, id=f"m{i}") for i, turn in enumerate(said(30))]
    memory.remember(history)
    memory.flush()
    history[3] = Turn("user", "edited", id="m3")
    history[4] = Turn("user", "a secret edit", id="m4")
    assert memory.remember(history)[3:5] == ["m3", "m4"]
    assert memory.forget(turn="m4~2") == 2
    records = memory._archive.snapshot().turns.values()
    store.commit("alice", [as_first_schema(record) for record in records])
    again = opened(retain="text", keep_turns=0)
    n_turns = len(texts(again))
    assert again.remember(history)[3:5] == ["m3", "m4"]
    assert len(texts(again)) == n_turns
    assert again.recall("secret") == [], "it was forgotten and stays so"
    again.remember(Turn("user", "a later edit", id="m3"))
    texts_found = [found.text for found in again.recall("edited", 5)]
    assert (texts_found[0], "edited" in texts_found) == ("a later edit", False)
    assert again.forget(turn="m3") == 3
