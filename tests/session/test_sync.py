"""`sync`: a host's whole list every turn. New, edited and removed messages, cuts, and restarts."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError
from optical_memory.session.index_records import rebuild
from optical_memory.session.sync.align import align
from optical_memory.stores.base import Put
from optical_memory.testing import TemplateReader

Message = dict[str, Any]
Open = Callable[..., OpticalMemory]


@pytest.fixture
def open_memory(tmp_path: Path) -> Open:
    def open_again(name: str = "memory", **changes: Any) -> OpticalMemory:
        """Another memory of the same session, as another process would open it."""
        options = {"reader": TemplateReader(), "background": False} | changes
        return OpticalMemory("chat", store=f"sqlite:///{tmp_path / name}.db", **options)

    return open_again


def user(text: str, **fields: Any) -> Message:
    return {"role": "user", "content": text, **fields}


def assistant(text: str, **fields: Any) -> Message:
    return {"role": "assistant", "content": text, **fields}


def talk(n: int, **fields: Any) -> list[Message]:
    messages: list[Message] = []
    for i in range(n):
        messages.append(user(f"Where did we put object{i}, please?", **fields))
        messages.append(assistant(f"The object{i} lies in drawer{i}.", **fields))
    return messages


def texts(memory: OpticalMemory, ids: list[str]) -> list[str]:
    """The texts of these turns as the store has them."""
    return [memory._archive.snapshot().turns[key].text or "" for key in keys(memory, ids)]


def keys(memory: OpticalMemory, ids: list[str]) -> list[str]:
    return [memory._archive.snapshot().keys[id] for id in ids]


def answers(memory: OpticalMemory, query: str, word: str) -> bool:
    """True if a recalled text has this word, or the text of the context has it."""
    recalled = any(word in recollection.text for recollection in memory.recall(query, k=9))
    messages = memory.context(query, budget=2_000).to_messages()
    return recalled or any(word in str(message["content"]) for message in messages)


def fill_pages(memory: OpticalMemory) -> None:
    """Seal everything that there is behind a long turn."""
    memory.remember([Turn("user", "Filler about gardens and soil. " * 60) for _ in range(4)])
    memory.seal()


# ---- lists that grow -----------------------------------------------------------------------------


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


# ---- forms of messages ---------------------------------------------------------------------------


def test_every_form_that_the_loaders_read_is_taken(open_memory: Open):
    human = {"type": "human", "data": {"content": "Is the boiler on?", "id": None}}
    dumped = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {"content": "It is on."},
    }
    forms = [human, dumped, {"from": "human", "value": "Good."}, Turn("assistant", "Bye.")]
    memory = open_memory()
    ids = memory.sync(forms)
    assert texts(memory, ids) == ["Is the boiler on?", "It is on.", "Good.", "Bye."]
    assert memory.sync([*forms, user("Bye.")])[:4] == ids


def test_langchain_messages_are_taken_as_they_are(open_memory: Open):
    messages = pytest.importorskip("langchain_core.messages")
    chat = [messages.HumanMessage("Is the boiler on?"), messages.AIMessage("It is on.")]
    memory = open_memory()
    ids = memory.sync(chat)
    assert texts(memory, ids) == ["Is the boiler on?", "It is on."]
    assert memory.sync([*chat, messages.HumanMessage("Good.")])[:2] == ids


def test_results_inside_of_a_message_are_turns_of_their_own(open_memory: Open):
    call = {"type": "tool_use", "id": "c1", "name": "ping", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "up"}
    messages = [
        user("Is it up?"),
        assistant([call]),  # type: ignore[arg-type]
        user([result, {"type": "text", "text": "Be brief."}]),  # type: ignore[arg-type]
    ]
    memory = open_memory()
    ids = memory.sync(messages)
    assert len(ids) == 4
    assert memory.sync([*messages, assistant("Yes.")])[:4] == ids


@pytest.mark.parametrize("wrong", ["text", 3, None, {"role": "user", "content": "a"}])
def test_a_value_that_is_no_list_is_refused(open_memory: Open, wrong: Any):
    with pytest.raises(InputError, match="list of messages"):
        open_memory().sync(wrong)


def test_a_message_that_cannot_be_read_is_named_and_nothing_is_written(open_memory: Open):
    memory = open_memory()
    with pytest.raises(InputError, match=r"messages\[1\]"):
        memory.sync([user("a"), {"role": "robot", "content": "b"}])
    assert memory.stats().turns == 0


# ---- edits and other ways ------------------------------------------------------------------------


def test_the_same_id_with_other_content_is_an_edit(open_memory: Open):
    memory = open_memory()
    memory.sync([user("The code is 4417.", id="m1"), assistant("Noted.", id="m2")])
    memory.sync([user("The code is 9921.", id="m1"), assistant("Noted.", id="m2")])
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


# ---- cut lists -----------------------------------------------------------------------------------


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


# ---- other processes, and forgetting -------------------------------------------------------------


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


def test_old_turns_stay_hidden_when_the_index_is_made_again(open_memory: Open):
    memory = open_memory(keep_turns=0)
    memory.sync([*talk(2), user("Take the blue boat.")])
    fill_pages(memory)
    memory.sync([*talk(2), user("Take the red train.")])
    snapshot = memory._archive.snapshot()
    indexed = set(rebuild(snapshot).ordinals.tolist())
    assert len(indexed) == len(snapshot.turns) - 1


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


# ---- properties ----------------------------------------------------------------------------------

WORDS = st.sampled_from(["ok", "yes", "no", "The boat is blue.", "The train is red.", "Why?"])
LISTS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), WORDS), max_size=8)


@settings(max_examples=40, deadline=None)
@given(lists=st.lists(LISTS, min_size=1, max_size=5), keep=st.integers(0, 8))
def test_after_any_lists_the_last_is_there_in_its_order(
    lists: list[list[tuple[str, str]]], keep: int, tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.mktemp("sync") / "m.db"
    options: Any = {"reader": TemplateReader(), "background": False}
    memory = OpticalMemory("s", store=f"sqlite:///{path}", **options)
    messages: list[Message] = []
    ids: list[str] = []
    for pairs in lists:
        messages = [*messages[:keep], *({"role": role, "content": text} for role, text in pairs)]
        ids = memory.sync(copy.deepcopy(messages))
        assert texts(memory, ids) == [message["content"] for message in messages]
        assert len(set(ids)) == len(ids)
        assert keys(memory, ids) == sorted(keys(memory, ids))
    assert OpticalMemory("s", store=f"sqlite:///{path}", **options).sync(messages) == ids


@given(old=st.lists(st.sampled_from("abcde"), max_size=12), new=st.lists(st.sampled_from("abcde")))
def test_alignment_pairs_equal_items_in_order(old: list[str], new: list[str]):
    pairs = sorted(align(old, new).items())
    assert all(new[i] == old[place] for i, place in pairs)
    assert all(a[1] < b[1] for a, b in itertools.pairwise(pairs))
    assert align(old, old) == {i: i for i in range(len(old))}


# ---- costs ---------------------------------------------------------------------------------------


def test_a_list_costs_by_what_is_new(open_memory: Open):
    def cpu_ms(memory: OpticalMemory) -> float:
        messages = json.loads(json.dumps(chat))
        start = time.process_time()
        memory.sync(messages)
        return (time.process_time() - start) * 1_000

    chat = talk(1_000)
    memory = open_memory()
    memory.sync(chat)
    times: list[float] = []
    for n in range(4):
        chat.append(user(f"One more about {n}."))
        times.append(cpu_ms(memory))
    assert min(times) < 40  # 6 ms on a quiet machine
    assert cpu_ms(open_memory()) < 2_000  # 120 ms
