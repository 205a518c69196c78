"""Messages of all forms: no word is lost, no turn is empty, no payload is text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_files import all_text
from support.message_forms import FORMS, PAYLOAD, Drawn

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation
from optical_memory.loaders.messages.turns import message_turns, turns_of
from optical_memory.turns import Turn


def text_of(turns: list[Turn]) -> str:
    return all_text(Conversation("x", tuple(turns)))


def is_empty(turn: Turn) -> bool:
    return not (turn.text.strip() or turn.tool_calls or turn.attachments)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_every_word_of_a_message_is_in_its_turns_and_no_turn_is_empty(
    form: str, data: st.DataObject
):
    drawn: Drawn = data.draw(FORMS[form])
    turns = message_turns(drawn.message, "messages[0]")
    text = text_of(turns)
    assert [phrase for phrase in drawn.phrases if phrase not in text] == []
    assert not any(map(is_empty, turns))
    assert PAYLOAD not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_a_message_with_any_value_in_place_of_one_of_its_own_is_read_or_refused(
    form: str, data: st.DataObject
):
    drawn: Drawn = data.draw(FORMS[form])
    message = _changed(drawn.message, data)
    refusal = "messages[0]"
    turns: list[Turn] = []
    try:
        turns = message_turns(message, "messages[0]")
    except InputError as error:
        refusal = str(error)
    assert "messages[0]" in refusal
    assert not any(map(is_empty, turns))
    assert all(isinstance(turn.text, str) for turn in turns)


def _changed(value: Any, data: st.DataObject) -> Any:
    """The value with another in one place, however deep."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: _changed(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        n = data.draw(st.integers(0, len(value) - 1))
        return [*value[:n], _changed(value[n], data), *value[n + 1 :]]
    return data.draw(JSON)


@given(st.lists(JSON, max_size=4))
def test_one_odd_value_never_refuses_a_history(values: list[Any]):
    turns = turns_of([{"role": "user", "content": "The gate is shut."}, *values], "messages")
    assert turns[0] == Turn("user", "The gate is shut.")
    assert not any(map(is_empty, turns))
