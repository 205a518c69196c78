"""`sync` of lists with edits, and of lists that go another way."""

from __future__ import annotations

from typing import Any

import pytest
from support.host_lists import Message, answers, assistant, fill_pages, keys, talk, texts, user
from support.memories import Open
from support.page_life import to_stubs

from optical_memory import ForgettingPolicy, Turn
from optical_memory.session.index_records import rebuild


def test_the_same_id_with_other_content_is_an_edit(open_memory: Open):
    memory = open_memory()
    memory.sync([user("The code is 4417.", id="m1"), assistant("Noted.", id="m2")])
    ids = memory.sync([user("The code is 9921.", id="m1"), assistant("Noted.", id="m2")])
    assert ids == ["m1", "m2"]
    assert memory.stats().turns == 2
    assert not answers(memory, "code", "4417")


@pytest.mark.parametrize("restarts", [False, True])
def test_an_edit_of_a_turn_on_a_page_hides_the_old_version(open_memory: Open, restarts: bool):
    memory = open_memory(keep_turns=0)
    messages = [user("The gate code is 4417."), *talk(2)]
    memory.sync(messages)
    fill_pages(memory)
    pages = [info.id for info in memory.pages()]
    assert pages
    messages[0] = user("The gate code is 9921.")
    memory = open_memory(keep_turns=0) if restarts else memory
    ids = memory.sync(messages)
    assert memory.sync(messages) == ids
    assert open_memory(keep_turns=0).sync(messages) == ids
    assert not answers(memory, "gate code", "4417")
    assert answers(memory, "gate code", "9921")
    assert "4417" in memory.read(pages[0]).text


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_list_that_goes_another_way_leaves_the_old_way(
    open_memory: Open, restarts: bool, ids: bool, sealed: bool
):
    def named(message: Message, id: str) -> Message:
        return message | {"id": id} if ids else message

    memory = open_memory(keep_turns=0)
    start = [named(message, f"s{i}") for i, message in enumerate(talk(2))]
    first_way = [named(user("Take the blue boat."), "m1"), named(assistant("Blue it is."), "m2")]
    other_way = [named(user("Take the red train."), "m3"), named(assistant("Red it is."), "m4")]
    memory.sync([*start, *first_way])
    if sealed:
        fill_pages(memory)
    memory = open_memory(keep_turns=0) if restarts else memory
    memory.sync([*start, *other_way])
    assert not answers(memory, "Which boat or train?", "blue")
    assert answers(memory, "Which boat or train?", "red")
    memory.sync([*start, *first_way])
    assert answers(memory, "Which boat or train?", "blue")
    assert not answers(memory, "Which boat or train?", "red")


def test_a_message_that_is_taken_back_is_not_found_any_more(open_memory: Open):
    memory = open_memory()
    memory.sync([*talk(2), user("The zebra sleeps."), assistant("Good.")])
    memory.sync(talk(2))
    assert not answers(memory, "zebra", "zebra")


def test_turns_beside_the_list_are_never_taken_away(open_memory: Open):
    memory = open_memory()
    memory.sync([*talk(2), user("Bye.")])
    memory.remember(Turn("user", "A note of my own about zebras."))
    open_memory().sync([*talk(2), user("Or not."), assistant("Well.")])
    assert answers(memory, "zebras", "zebras")


def test_an_edit_stands_in_the_order_of_the_list(open_memory: Open):
    memory = open_memory()
    messages = [*talk(2), user("An old word.", id="m5"), *talk(1)]
    memory.sync(messages)
    messages[4] = user("A new word.", id="m9")
    ids = memory.sync(messages)
    assert keys(memory, ids) == sorted(keys(memory, ids))
    assert texts(memory, ids) == [message["content"] for message in messages]
    assert [turn.text for turn in map(record_turn, memory._archive.snapshot().open_turns())] == [
        message["content"] for message in messages
    ]


def record_turn(record: Any) -> Turn:
    turn: Turn = record.turn
    return turn


def test_old_turns_stay_hidden_when_the_index_is_made_again(open_memory: Open):
    memory = open_memory(keep_turns=0)
    memory.sync([*talk(2), user("Take the blue boat.")])
    fill_pages(memory)
    memory.sync(talk(2))
    snapshot = memory._archive.snapshot()
    indexed = set(rebuild(snapshot).ordinals.tolist())
    assert len(indexed) == len(snapshot.turns) - 1


def test_a_stub_has_no_word_of_turns_that_the_list_has_no_more(open_memory: Open):
    memory = open_memory(keep_turns=0, policy=ForgettingPolicy(condense=False, stub_tokens=200))
    way = [user("The zeppelin's code is AX-4417-ZQ."), assistant("The heron sleeps.")]
    memory.sync([*talk(2), *way])
    fill_pages(memory)
    memory.sync([*talk(2), user("The zeppelin's code is gone.")])
    memory.flush()
    page = memory.pages()[0].id
    assert "AX-4417-ZQ" in memory.read(page).text
    to_stubs(memory, page)
    stub = memory.read(page).text.lower()
    assert "drawer1" in stub
    assert not [word for word in ("zeppelin", "ax-4417-zq", "4417", "heron") if word in stub]
    assert not answers(memory, "AX-4417-ZQ", "4417")


def test_a_page_of_turns_that_the_list_has_no_more_is_a_stub_without_words(open_memory: Open):
    memory = open_memory(keep_turns=0)
    memory.sync([user("The zeppelin lands at noon. " * 60, id="m1")])
    fill_pages(memory)
    memory.sync([user("Hello.", id="m1")])
    memory.flush()
    page = memory.pages()[0].id
    to_stubs(memory, page)
    assert not memory.read(page).text.strip()
    assert memory.check() == []
