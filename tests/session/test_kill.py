"""Kill -9 while a memory remembers, seals and certifies: no acknowledged turn is lost, and the
session checks clean.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from support.killed_writers import nursery

from optical_memory import OpticalMemory
from optical_memory.stores.private_server import private_server
from optical_memory.testing import TemplateReader, turn_texts

CODE = r"""
def turn(n):
    return Turn("user", f"turn {n} keeps {n * n} and more: " + "so it goes. " * (n % 7), id=str(n))

def settings():
    return {"reader": TemplateReader(), "capacity": 10**6}

def rest(memory):
    pass
"""


def body_of(n: int) -> str:
    return f"turn {n} keeps {n * n} and more: " + "so it goes. " * (n % 7)


def assert_nothing_lost(url: str, n_acknowledged: int) -> list[str]:
    """Every acknowledged turn reads back word for word; gives the state of each page."""
    memory = OpticalMemory("alice", store=url, reader=TemplateReader(), background=False)
    try:
        assert memory.check() == []
        texts = turn_texts(memory)
        n_under_way = 3  # the batch that was being written may be there
        assert n_acknowledged <= len(texts) <= n_acknowledged + n_under_way
        assert texts == {str(n): body_of(n) for n in range(len(texts))}
        return [page.state for page in memory.pages()]
    finally:
        memory.close()


def kill_writers(urls: list[str], n_kills: int) -> None:
    """Kill writers in turn, several on each URL: every writer finds what dead writers left."""
    chance = random.Random(5)
    states: Counter[str] = Counter()
    with nursery(CODE) as writers:
        for n in range(n_kills):
            url = urls[n * len(urls) // n_kills]
            n_acknowledged = writers.write_and_die(url, chance.uniform(0, 0.25))
            states.update(assert_nothing_lost(url, n_acknowledged))
    assert states["sealed"], "no writer was killed between sealing and certifying"
    assert states["certified"], "no page was ever certified"


N_KILLS = int(os.environ.get("OPTICAL_MEMORY_KILLS", "50"))
"""Writers on SQLite that are killed; `make test-faults` kills 200."""


@pytest.mark.slow
def test_no_acknowledged_turn_is_lost_when_writers_on_sqlite_are_killed(tmp_path: Path) -> None:
    kill_writers([f"sqlite:///{tmp_path}/{n}.db" for n in range(N_KILLS // 5)], N_KILLS)


def test_no_acknowledged_turn_is_lost_when_20_writers_on_valkey_are_killed(tmp_path: Path) -> None:
    with private_server(tmp_path) as url:
        kill_writers([url], 20)
