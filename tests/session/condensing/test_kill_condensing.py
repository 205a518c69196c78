"""Kill -9 while pages are condensed: the session checks clean, every turn is there, and so is every
fact.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from support.condensed_pages import exact_reader, sentences, turn_bodies
from support.killed_writers import nursery

from optical_memory import OpticalMemory, Turn
from optical_memory.stores.private_server import private_server

CAPACITY = 130
N_FILLED = 150
MOST_TURNS = 300
"""So many turns can be condensed to the capacity without losing a page."""

CODE = f"""
def turn(n):
    fact = f"The parcel {{n}} waits in locker QX{{1000 + n * 37}}." if n % 9 == 0 else "So be it."
    return Turn("user", "We talk of this and that again. The weather is as it was. " + fact,
                id=f"m{{n}}")

def settings():
    return {{"reader": TemplateReader(reads_cells=True), "capacity": {CAPACITY}, "semantic": None}}

def rest(memory):
    memory.fade()
"""

N_KILLS = int(os.environ.get("OPTICAL_MEMORY_KILLS", "50"))
"""Writers on SQLite that are killed; `make test-faults` kills 200."""


def text_of(n: int) -> str:
    fact = f"The parcel {n} waits in locker QX{1000 + n * 37}." if n % 9 == 0 else "So be it."
    return f"We talk of this and that again. The weather is as it was. {fact}"


def assert_sound(url: str, n_acknowledged: int) -> list[str]:
    """No turn is lost, none says what it did not say, each fact is found.

    Gives the form of each page: "condensing" between its sealing and its certificate.
    """
    settings = {"reader": exact_reader(), "capacity": CAPACITY, "semantic": None, "keep_turns": 2}
    memory = OpticalMemory("alice", store=url, background=False, **settings)  # type: ignore[arg-type]
    try:
        assert memory.check() == []
        stats = memory.stats()
        assert stats.turns >= n_acknowledged
        assert stats.forgotten == []
        assert stats.lost_turns == 0
        open_turns = {turn.id for turn in memory._archive.snapshot().open_turns()}
        for id, text in turn_bodies(memory).items():
            if id not in open_turns:
                assert set(sentences(text)) <= set(sentences(text_of(int(id[1:]))))
        for n in range(0, n_acknowledged, 45):
            fact = f"The parcel {n} waits in locker QX{1000 + n * 37}."
            assert fact in memory.recall(f"locker QX{1000 + n * 37}", 1)[0].text
        return ["condensing" if p.n_pages > 1 and p.has_text else p.form for p in memory.pages()]
    finally:
        memory.close()


def fill(url: str) -> None:
    """Certified pages of far more tokens than the capacity: the next writer must condense them."""
    settings = {"reader": exact_reader(), "semantic": None, "keep_turns": 0}
    with OpticalMemory("alice", store=url, background=False, **settings) as memory:  # type: ignore[arg-type]
        memory.remember([Turn("user", text_of(n), id=f"m{n}") for n in range(N_FILLED)])
        memory.flush()
        assert memory.stats().visual_tokens > 2 * CAPACITY


def kill_condensing_writers(urls: list[str]) -> Counter[str]:
    """Kill a writer on each of these filled stores; a store may come again.

    Gives how many pages had each form after all kills.
    """
    chance = random.Random(7)
    forms: Counter[str] = Counter()
    with nursery(CODE, MOST_TURNS) as writers:
        for url in urls:
            n_acknowledged = writers.write_and_die(url, chance.uniform(0, 0.5))
            forms.update(assert_sound(url, n_acknowledged))
    assert forms["condensed"], "no writer was killed after it had condensed"
    return forms


@pytest.mark.slow
def test_nothing_is_lost_when_writers_that_condense_on_sqlite_are_killed(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/filled.db")
    urls: list[str] = []
    for n in range(max(1, N_KILLS // 4)):
        shutil.copy(tmp_path / "filled.db", tmp_path / f"{n}.db")
        urls += [f"sqlite:///{tmp_path}/{n}.db"] * 4
    forms = kill_condensing_writers(urls)
    # With few kills it is a matter of luck whether any comes in between.
    assert N_KILLS < 200 or forms["condensing"]


def test_nothing_is_lost_when_4_writers_that_condense_on_valkey_are_killed(tmp_path: Path) -> None:
    with private_server(tmp_path) as url:
        fill(url)
        kill_condensing_writers([url] * 4)
