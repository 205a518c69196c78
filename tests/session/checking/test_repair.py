"""Repair mends what can be mended, says what cannot, and makes no text wrong."""

from __future__ import annotations

import random

import pytest
from support.damage.flips import flipped
from support.damage.observe import lies, look
from support.damage.sessions import SESSION, Sample, sample

from optical_memory import OpticalMemory, Turn
from optical_memory.stores import Delete, Put, Store, open_store
from optical_memory.stores.base import Change
from optical_memory.testing import TemplateReader

N_LIVES = 6
"""Random damages of each shape."""


def some_damage(whole: Sample, rnd: random.Random) -> list[Change]:
    """A few records that are gone, cut short, flipped, exchanged, or under a wrong key."""
    changes: list[Change] = []
    for put in rnd.sample(whole.records, rnd.randint(1, 5)):
        other = rnd.choice([p for p in whole.records if p.kind == put.kind])
        changes.append(
            rnd.choice(
                [
                    Delete(put.kind, put.key),
                    Put(put.kind, put.key, put.value[: len(put.value) // 2]),
                    Put(put.kind, put.key, flipped(put.value, rnd.randrange(8 * len(put.value)))),
                    Put(put.kind, put.key, other.value),
                    Put(put.kind, put.key + "x", put.value),
                ]
            )
        )
    return changes


@pytest.mark.parametrize("shape", ["pages", "text", "condensed", "stubs"])
def test_repair_of_any_damage_is_done_once_and_tells_no_lie(file_url: str, shape: str) -> None:
    store = open_store(file_url)
    whole = sample(store, shape)
    base = look(whole.opened())
    for seed in range(N_LIVES):
        damage = some_damage(whole, random.Random(f"{shape} {seed}"))
        store.commit(SESSION, damage)
        places = [(change.kind, change.key) for change in damage]
        memory = whole.opened()
        told = memory.check(repair=True)
        again = memory.check(repair=True)
        assert told, places
        assert again == memory.check(), places
        assert not [sentence for sentence in again if "repair" in sentence], places
        assert lies(whole, base, look(whole.opened())) == [], places
        whole.restore()
    store.close()


def test_turns_that_a_host_took_back_are_no_loss(store: Store) -> None:
    memory = OpticalMemory(
        "alice", store=store, reader=TemplateReader(), background=False, keep_turns=3
    )
    messages = [Turn("user", f"message {i}", id=f"m{i}") for i in range(12)]
    memory.sync(messages)
    memory.sync(messages[:9])
    assert memory.check() == []
    memory.sync([*messages[:3], *messages[5:9], Turn("user", "new", id="n")])
    assert memory.check() == []
    store.commit("alice", [Delete("turn", "000000001")])
    assert "the turns are not numbered without gaps" in memory.check(repair=True)
    assert memory.check() == ["the store lost 1 turns that it had acknowledged"]


def test_a_damaged_part_of_the_index_is_made_again(store: Store) -> None:
    whole = sample(store, "pages")
    base = look(whole.opened())
    (part,) = [put for put in whole.records if put.kind == "index"]
    store.commit(SESSION, [Put("index", part.key, flipped(part.value, 999))])
    memory = whole.opened()
    assert not memory.recall("plums from Tirana", 3)
    (told,) = memory.check(repair=True)
    assert "part 000000000 of the search index is damaged" in told
    assert memory.check() == []
    assert whole.opened().recall("plums from Tirana", 3)
    assert lies(whole, base, look(whole.opened())) == []


def test_a_damaged_record_under_no_ones_key_is_removed(store: Store) -> None:
    whole = sample(store, "pages")
    store.commit(SESSION, [Put("page", "abc", b"{"), Put("turn", "x1", b"{")])
    memory = whole.opened()
    assert len(memory.check()) == 2
    memory.check(repair=True)
    assert memory.check() == []
    assert store.get(SESSION, "page", "abc") is None
