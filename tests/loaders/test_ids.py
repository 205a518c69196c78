"""Ids of turns from files: no two turns share an id, and the same turn has the same id again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.loaders import Conversation, load, load_file
from optical_memory.loaders.ids import with_single_ids
from optical_memory.turns import Turn

UUID = "0b9f7c1e-52a4-4f6c-9d55-3f1c2b7a9e10"


def ids(path: Path, messages: Sequence[Any]) -> list[str | None]:
    path.write_text(json.dumps(messages), encoding="utf-8")
    return [turn.id for turn in load(path)[0].turns]


def user(content: str, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def test_a_file_that_grew_gives_its_old_turns_the_same_ids(tmp_path: Path):
    messages = [user("ok"), user("The gate code is 4417."), user("ok")]
    first = ids(tmp_path / "chat.json", messages)
    again = ids(tmp_path / "chat.json", [*messages, user("ok"), user("And the lift?")])
    assert again[:3] == first
    assert len(set(again)) == 5


def test_a_message_that_went_away_changes_no_other_id(tmp_path: Path):
    messages = [user("Hello."), user("a joke"), user("The gate code is 4417.")]
    first = ids(tmp_path / "chat.json", messages)
    assert ids(tmp_path / "chat.json", [messages[0], messages[2]]) == [first[0], first[2]]


@pytest.mark.parametrize("fields", [{}, {"id": "1"}, {"id": 1}])
def test_two_files_of_one_name_share_no_id(tmp_path: Path, fields: dict[str, Any]):
    for name, greeting in (("a", "Shall we plant beans?"), ("b", "Where is the key?")):
        (tmp_path / name).mkdir()
        messages = [user(greeting, **fields), user("Thanks.")]
        (tmp_path / name / "chat.json").write_text(json.dumps(messages), encoding="utf-8")
    paths = [tmp_path / name / "chat.json" for name in ("a", "b")]
    first_ids, second_ids = ({turn.id for turn in load(path)[0].turns} for path in paths)
    assert len(first_ids | second_ids) == 4


def test_an_id_that_was_drawn_at_random_stays(tmp_path: Path):
    drawn = [UUID, "msg_01XFDUDYJgAACzvnptvVoYEL", "507f1f77bcf86cd799439011"]
    assert ids(tmp_path / "chat.json", [user(id, id=id) for id in drawn]) == drawn


@pytest.mark.parametrize("id", ["7", "U042", "D1:3", "1716923999.123456", "garden-plans-of-2024"])
def test_an_id_that_another_conversation_may_have_gets_the_conversations_name(
    tmp_path: Path, id: str
):
    (turn_id,) = ids(tmp_path / "chat.json", [user("Hello.", id=id)])
    assert turn_id is not None
    assert turn_id.startswith("chat-")
    assert turn_id.endswith(f"/{id}")


def test_an_id_that_several_messages_have_is_no_id(tmp_path: Path):
    messages = [user("Hello.", id="ana"), user("The code is 4417.", id="ana"), user("Bye.", id="m")]
    turn_ids = ids(tmp_path / "chat.json", messages)
    assert len(set(turn_ids)) == 3
    assert not any("ana" in str(id) for id in turn_ids)


def test_evaluations_keep_the_ids_of_their_evidence_unless_asked(tmp_path: Path):
    path = tmp_path / "bank.json"
    exchange = {"query": "Where is Ana?", "response": "In Lisbon."}
    data = {"Ana": {"name": "Ana", "history": {"2023-04-27": [exchange]}}}
    path.write_text(json.dumps(data), encoding="utf-8")
    assert [turn.id for turn in load(path)[0].turns] == ["2023-04-27:1q", "2023-04-27:1a"]
    (conversation,) = load_file(path, keep_evidence_ids=False).conversations
    assert all(str(turn.id).startswith("Ana-") for turn in conversation.turns)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ok", "no", "The code."]), st.sampled_from([None, "1", "2"])),
        min_size=1,
        max_size=8,
    )
)
def test_no_two_turns_share_an_id(messages: list[tuple[str, str | None]]):
    def new_ids() -> list[str | None]:
        turns = tuple(Turn("user", text, id=id) for text, id in messages)
        return [turn.id for turn in with_single_ids(Conversation("chat", turns)).turns]

    assert len(set(new_ids())) == len(messages)
    assert new_ids() == new_ids()
