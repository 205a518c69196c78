"""A session costs the same beside one other session and beside thousands.

What a turn asks of the store is counted: steps of SQLite's machine, of which it makes some for each
row that it looks at, and commands of the server. A busy machine changes no count.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from optical_memory import OpticalMemory, Turn
from optical_memory.session.records import SessionRecord, TurnRecord, put
from optical_memory.stores import Store
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import TemplateReader

N_FOREIGN = int(os.environ.get("OPTICAL_MEMORY_FOREIGN", "300"))
"""Foreign sessions; `make test-isolation` has 10,000."""

READER = TemplateReader()

Count = Callable[[], int]


def fill_foreign(store: Store, n: int) -> None:
    turn = TurnRecord.of(Turn("user", "The gate code of the shop is 4417#."), "t0", 0)
    changes = [put(SessionRecord(next_turn=1)), put(turn)]
    for i in range(n):
        store.commit(f"foreign {i}", changes)


def fill_own(store: Store) -> None:
    with open_memory(store) as memory:
        memory.remember(
            [Turn("user", f"The gate code of shop {i} is {i * 7}#.") for i in range(60)]
        )
        memory.flush()
        turn(store)  # what is read and written once


def open_memory(store: Store) -> OpticalMemory:
    return OpticalMemory("own", store=store, reader=READER, background=False, semantic=None)


def turn(store: Store) -> None:
    """A turn of an agent in a process that has just started."""
    with open_memory(store) as memory:
        memory.sync([Turn("user", f"The gate code of shop {i} is {i * 7}#.") for i in range(60)])
        memory.remember(Turn("user", "What is the gate code?"))
        memory.recall("gate code of shop 7")
        memory.context("gate code", 500)
        memory.stats()


def counted(store: Store, count: Count) -> int:
    """What a turn costs, the least of three: a pool or a cache may fill in one of them."""
    costs: list[int] = []
    for _ in range(3):
        start = count()
        turn(store)
        costs.append(count() - start)
    return min(costs)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Count:
    """How many steps SQLite's machine has made in this process."""
    n_steps: Counter[str] = Counter()
    connect = sqlite3.connect

    def count() -> int:
        n_steps["all"] += 1
        return 0

    def counting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_progress_handler(count, 1)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counting)
    return lambda: n_steps["all"]


@pytest.mark.timeout(3600)
def test_a_turn_looks_at_as_much_of_a_file_and_takes_as_long(tmp_path: Path, steps: Count):
    def cpu_time() -> int:
        return time.process_time_ns()

    n_steps: list[int] = []
    seconds: list[float] = []
    for n in (1, N_FOREIGN):
        store = SQLiteStore(tmp_path / f"{n}.db")
        fill_foreign(store, n)
        fill_own(store)
        n_steps.append(counted(store, steps))
        seconds.append(min(counted(store, cpu_time) for _ in range(3)) / 1e9)
        store.close()
    print(f"SQLite: {n_steps} steps, {seconds} s of processor time, {N_FOREIGN} foreign sessions")
    assert n_steps[1] <= 1.1 * n_steps[0]
    assert seconds[1] <= 1.5 * seconds[0]


@pytest.mark.timeout(3600)
def test_a_turn_asks_a_server_the_same_beside_one_session_and_beside_thousands(
    redis_url: str, prefix: str
):
    store = RedisStore(redis_url, prefix=prefix, deadline=10.0)
    client = redis.Redis.from_url(redis_url)

    def commands() -> int:
        stats = client.info("commandstats")
        names = [name for name in stats if "info" not in name and "ping" not in name]
        return sum(stats[name]["calls"] for name in names)

    fill_foreign(store, 1)
    fill_own(store)
    scans = calls_of(client, "scan")
    alone = counted(store, commands)
    fill_foreign(store, N_FOREIGN)
    crowded = counted(store, commands)
    assert calls_of(client, "scan") == scans  # nobody walks the keys of a server in a turn
    print(f"Redis: {alone} and {crowded} commands, {N_FOREIGN} foreign sessions")
    assert abs(crowded - alone) <= 2
    for session in store.sessions():
        store.drop(session)
    store.close()


def calls_of(client: Any, command: str) -> int:
    calls: int = client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]
    return calls
