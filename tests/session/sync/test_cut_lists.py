"""`sync` of lists that a host has cut."""

from __future__ import annotations

import pytest
from support.host_lists import Message, answers, talk, user
from support.memories import Open


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("head", [[], [{"role": "system", "content": "Be kind."}]])
def test_what_is_cut_off_at_the_front_is_still_found(
    open_memory: Open, restarts: bool, head: list[Message]
):
    memory = open_memory()
    messages = talk(20)
    ids = memory.sync([*head, *messages])
    memory = open_memory() if restarts else memory
    shorter = memory.sync([*head, *messages[11:], *talk(1)])
    assert shorter == [*ids[: len(head)], *ids[len(head) + 11 :], *shorter[-2:]]
    assert not set(shorter[-2:]) & set(ids)
    assert answers(memory, "object3", "drawer3")


@pytest.mark.parametrize("restarts", [False, True])
def test_another_system_prompt_replaces_the_old(open_memory: Open, restarts: bool):
    memory = open_memory()
    first = memory.sync([{"role": "system", "content": "Today is Monday."}, *talk(3)])
    memory = open_memory() if restarts else memory
    second = memory.sync([{"role": "system", "content": "Today is Friday."}, *talk(4)])
    assert second[1:7] == first[1:]
    assert not answers(memory, "Today is?", "Monday")
    assert answers(memory, "Today is?", "Friday")


@pytest.mark.parametrize("role", ["system", "user"])
def test_a_summary_in_place_of_old_messages_takes_nothing_away(open_memory: Open, role: str):
    memory = open_memory()
    ids = memory.sync(talk(10))
    summary = {"role": role, "content": "Summary: many objects lie in drawers."}
    shorter = open_memory().sync([summary, *talk(10)[13:]])
    assert shorter[1:] == ids[13:]
    assert answers(memory, "object3", "drawer3")


def test_messages_that_are_cut_out_of_the_middle_are_still_found(open_memory: Open):
    memory = open_memory()
    ids = memory.sync(talk(10))
    assert memory.sync([*talk(10)[:1], *talk(10)[15:]]) == [ids[0], *ids[15:]]
    assert answers(memory, "object3", "drawer3")


def test_a_list_that_was_cut_and_is_whole_again_is_the_same(open_memory: Open):
    memory = open_memory()
    ids = memory.sync(talk(10))
    memory.sync(talk(10)[12:])
    assert open_memory().sync(talk(10)) == ids


def test_a_host_that_gives_only_its_last_message_loses_nothing(open_memory: Open):
    memory = open_memory()
    memory.sync([user("My cat is called Minka.")])
    memory.sync([user("What is the weather like?")])
    assert answers(memory, "cat", "Minka")
