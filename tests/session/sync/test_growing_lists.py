"""`sync` of lists that grow: new messages are new turns, and the rest stays as it is."""

from __future__ import annotations

import pytest
from support.host_lists import answers, assistant, talk, texts, user
from support.memories import Open

from optical_memory import Turn


def test_a_list_is_remembered_and_the_ids_are_given(open_memory: Open):
    memory = open_memory()
    messages = talk(3)
    ids = memory.sync(messages)
    assert len(set(ids)) == 6
    assert texts(memory, ids) == [message["content"] for message in messages]


def test_the_same_list_again_writes_nothing(open_memory: Open):
    memory = open_memory()
    ids = memory.sync(talk(3))
    version = memory._archive.snapshot().version
    assert memory.sync(talk(3)) == ids
    assert open_memory().sync(talk(3)) == ids
    assert memory._archive.snapshot().version == version


def test_a_record_that_has_the_list_says_so_to_older_programs(open_memory: Open):
    memory = open_memory()
    memory.remember(Turn("user", "Nobody has a list yet."))
    assert memory._archive.snapshot().session.v == 1
    (*_, id) = memory.sync(talk(2))
    assert memory._archive.snapshot().session.v == 3
    memory.forget(turn=id)
    assert open_memory()._archive.snapshot().session.v == 3


def test_only_new_messages_are_new_turns(open_memory: Open):
    memory = open_memory()
    ids = memory.sync(talk(2))
    longer = memory.sync(talk(3))
    assert longer[:4] == ids
    assert memory.stats().turns == 6


def test_equal_messages_are_different_turns(open_memory: Open):
    memory = open_memory()
    messages = [user("ok"), assistant("ok"), user("ok"), assistant("ok"), user("ok")]
    ids = memory.sync(messages[:3])
    longer = memory.sync(messages)
    assert len(set(longer)) == 5
    assert longer[:3] == ids
    assert open_memory().sync(messages) == longer


def test_two_messages_with_the_same_id_are_two_turns(open_memory: Open):
    memory = open_memory()
    messages = [user("My first word.", id="same"), user("My second word.", id="same")]
    ids = memory.sync(messages)
    assert texts(memory, ids) == ["My first word.", "My second word."]
    assert open_memory().sync(messages) == ids


def test_the_ids_of_the_host_are_kept(open_memory: Open):
    assert open_memory().sync([user("a", id="m1"), assistant("b", id="m2")]) == ["m1", "m2"]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_the_host_changes_in_its_own_dicts_is_seen(open_memory: Open, restarts: bool):
    memory = open_memory()
    messages = [user("The gate code is 4417."), assistant("Noted."), user("Thanks.")]
    ids = memory.sync(messages)
    messages[0]["content"] = "The gate code is 9921."
    memory = open_memory() if restarts else memory
    assert memory.sync(messages) == ids
    assert not answers(memory, "gate code", "4417")
    assert answers(memory, "gate code", "9921")
