"""`sync` beside other calls and other processes, and after something was forgotten."""

from __future__ import annotations

import asyncio

import pytest
from support.host_lists import answers, assistant, fill_pages, talk, user
from support.memories import Open

from optical_memory import Turn
from optical_memory.stores.base import Put


def test_turns_that_were_remembered_before_are_taken_for_the_list(open_memory: Open):
    memory = open_memory()
    ids = memory.remember([Turn(m["role"], m["content"]) for m in talk(3)])
    assert memory.sync(talk(4))[:6] == ids


def test_two_processes_that_take_turns_agree(open_memory: Open):
    memories = [open_memory(), open_memory()]
    ids: list[str] = []
    for n in range(1, 6):
        longer = memories[n % 2].sync(talk(n))
        assert longer[: len(ids)] == ids
        ids = longer
    assert memories[0].stats().turns == 10


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_forgotten_turn_does_not_come_back(
    open_memory: Open, restarts: bool, ids: bool, sealed: bool
):
    messages = [*talk(2), user("My PIN is 8412."), assistant("I keep it.")]
    messages = [m | {"id": f"m{i}"} if ids else m for i, m in enumerate(messages)]
    memory = open_memory(keep_turns=0)
    turn = memory.sync(messages)[4]
    if sealed:
        fill_pages(memory)
    memory.forget(turn=turn)
    assert memory._host_list._entries == []  # its text is nowhere in the process
    memory = open_memory(keep_turns=0) if restarts else memory
    for n in (0, 1, 2):
        memory.sync([*messages, *talk(n)])
        assert not answers(memory, "PIN", "8412")


def test_a_dropped_session_begins_again(open_memory: Open):
    memory = open_memory()
    memory.sync(talk(3))
    memory.forget(session=True)
    memory.sync(talk(2))
    assert memory.stats().turns == 4


def test_the_async_twin_does_the_same(open_memory: Open):
    memory = open_memory()
    ids = asyncio.run(memory.async_sync(talk(2)))
    assert memory.sync(talk(2)) == ids


def test_a_damaged_turn_stays_where_it_is(open_memory: Open):
    memory = open_memory(keep_turns=0)
    messages = [message | {"id": f"m{i}"} for i, message in enumerate(talk(2))]
    memory.sync(messages)
    fill_pages(memory)
    key = memory._archive.snapshot().keys["m1"]
    memory.store.commit("chat", [Put("turn", key, b"{")])
    memory = open_memory(keep_turns=0)
    assert memory.sync([*messages, user("More.")])[:4] == ["m0", "m1", "m2", "m3"]
