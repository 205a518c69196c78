"""Lives that sessions have had before a fault: every state that a page or a turn may be in."""

from __future__ import annotations

from typing import Any

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.stores import Store
from optical_memory.stores.base import Delete, Put
from optical_memory.testing import TemplateReader
from support.faults.places import Place
from support.faults.told import Told, sentence, turn

__all__ = [
    "LIVES",
    "NEXT",
    "N_LISTED",
    "listed",
    "open_memory",
    "prepare",
    "prepare_all",
]

N_LISTED = 20
"""Messages of the host's list in the life "listed"."""

NEXT = 70
"""The first turn that no life has."""

LONG = 12
"""A turn that stands on two pages."""


def open_memory(store: Store, **settings: Any) -> OpticalMemory:
    """A memory whose reader misreads the smaller rungs, so that trust has something to tell."""
    reader = TemplateReader(reads_cells=True, misread={"small": 0.01, "tiny": 0.03})
    common = {
        "reader": reader,
        "background": False,
        "semantic": None,
        "keep_turns": 2,
        "policy": ForgettingPolicy(condense=False),
    }
    return OpticalMemory("alice", store=store, **common | settings)  # type: ignore[arg-type]


def listed(n: int = N_LISTED) -> list[dict[str, str]]:
    """A host's list of messages without ids."""
    return [{"role": "user" if i % 2 else "assistant", "content": sentence(i)} for i in range(n)]


def _long_life(store: Store) -> Told:
    """Pages at several rungs, a sealed page, open turns, edits, a turn that was forgotten."""
    memory = open_memory(store)
    first = [turn(n, n_sentences=9 if n == LONG else 1) for n in range(28)]
    memory.remember(first)
    memory.flush()
    memory.fade(memory.stats().visual_tokens - 60)
    memory.remember(turn(7, 1))
    memory.supersede("m3", turn(28))
    memory.feedback("m2")
    memory.forget(turn="m9")
    more = [turn(n) for n in range(29, 36)]
    memory.remember(more)
    memory.flush()
    newest = [turn(n) for n in range(36, 58)]
    memory.close()
    memory = open_memory(store)  # its worker never runs, so that a page waits for its certificate
    memory.remember(newest)
    memory.seal()
    memory.recall(sentence(5), k=8)
    memory.recall(sentence(20), k=8)
    told = Told().add(*first, turn(7, 1), turn(28), *more, *newest)
    return told.without("m9")


def _listed_life(store: Store) -> Told:
    """A session that a host gives its whole list to."""
    with open_memory(store) as memory:
        memory.sync(listed())
        memory.flush()
    told = Told()
    for i in range(N_LISTED):
        told.versions[f"t{i}"] = [sentence(i)]
    return told


def _short_life(store: Store) -> Told:
    """A few open turns: most sessions are short."""
    turns = [turn(n) for n in range(3)]
    with open_memory(store) as memory:
        memory.remember(turns)
    return Told().add(*turns)


def _damaged_life(store: Store) -> Told:
    """A long life with a page that lacks a picture, and a picture of no page."""
    told = _long_life(store)
    picture = store.get("alice", "picture", "0000000/tiny") or b""
    store.commit(
        "alice", [Put("picture", "0000099/tiny", picture), Delete("picture", "0000006/small")]
    )
    told.is_damaged = True
    return told


def prepare_all(place: Place) -> dict[str, Told]:
    """`prepare`, and an export of the long life for those who restore it."""
    told = prepare(place)
    place.begin("long")
    store = place.store()
    with open_memory(store) as memory:
        memory.export(place.folder / "long.zip")
    store.close()
    return told


LIVES = {"long": _long_life, "listed": _listed_life, "short": _short_life, "damaged": _damaged_life}


def prepare(place: Place) -> dict[str, Told]:
    """Write every life, keep it, and give what was told in each."""
    told: dict[str, Told] = {}
    for name, live in LIVES.items():
        place.begin("")
        store = place.store()
        told[name] = live(store)
        with open_memory(store) as memory:
            assert bool(memory.check()) == told[name].is_damaged
        store.close()
        place.keep(name)
    return told
