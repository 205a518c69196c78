"""A memory in a forked child: it goes on, with threads, locks and connections of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader

PATIENCE = 30.0
"""Seconds after which a child hangs; a child takes less than one."""


def in_child(work: Callable[[], object]) -> int:
    """The exit status of a forked child that does `work`: 0 if all went well, -9 if it hung."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of processes with threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001  the parent is told by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def talk(first: int, n: int) -> list[Turn]:
    return [Turn("user", f"day {i}: the kiln reached cone {i}") for i in range(first, first + n)]


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return f"sqlite:///{tmp_path}/memory.db"


@pytest.fixture
def memory(url: str, request: pytest.FixtureRequest) -> Iterator[OpticalMemory]:
    name = f"fork {request.node.name}"
    with OpticalMemory(name, store=url, reader=TemplateReader(), keep_turns=2) as memory:
        memory.remember(talk(0, 40))
        memory.flush()
        yield memory
        memory.forget(session=True)


def test_a_child_remembers_recalls_flushes_and_closes(memory: OpticalMemory) -> None:
    def work() -> None:
        memory.remember(talk(40, 40))
        memory.flush()
        assert "cone 63" in memory.recall("kiln cone 63")[0].text
        memory.close()

    n_pages = len(memory.pages())
    assert in_child(work) == 0
    assert memory.stats().turns == 80
    assert len(memory.pages()) > n_pages
    memory.remember(talk(80, 3))
    memory.flush()
    assert memory.check() == []


def test_a_child_of_a_child_goes_on_too(memory: OpticalMemory) -> None:
    def work() -> None:
        memory.remember(talk(40, 1))
        assert in_child(lambda: (memory.remember(talk(41, 1)), memory.flush())) == 0
        memory.flush()

    assert in_child(work) == 0
    assert memory.stats().turns == 42


def test_a_child_does_not_wait_for_locks_that_threads_of_its_parent_hold(
    memory: OpticalMemory,
) -> None:
    locks = [
        memory._archive._lock,
        memory._host_list._lock,
        memory._finder._lock,
        memory._archive.snapshot().index._lock,
        memory._billing,
        memory._worker._state,
    ]
    has_locks = threading.Event()
    is_over = threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.__enter__()
        has_locks.set()
        is_over.wait(60)
        for lock in reversed(locks):
            lock.__exit__(None, None, None)

    def work() -> None:
        memory.sync([{"role": "user", "content": "the kiln is cold"}])
        memory.recall("kiln")
        memory.context("kiln")
        memory.flush()
        memory.stats()
        memory.close()

    thread = threading.Thread(target=hold)
    thread.start()
    has_locks.wait(10)
    try:
        assert in_child(work) == 0
    finally:
        is_over.set()
        thread.join()


def test_a_fork_in_the_middle_of_the_background_work_ends_in_both(memory: OpticalMemory) -> None:
    memory.remember(talk(40, 150))  # the worker begins
    time.sleep(0.05)
    assert in_child(memory.flush) == 0
    memory.flush()
    assert memory.check() == []
    assert memory.stats().turns == 190


# ---- files ---------------------------------------------------------------------------------------


def test_no_connection_lives_through_a_fork_and_both_open_the_file_again(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "memory.db")) as store:
        store.commit("a", [])
        connection = store._records._connection
        assert in_child(lambda: store.commit("a", [])) == 0
        assert store.version("a").number == 2
        assert store._records._connection is not connection
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")  # type: ignore[union-attr]


def test_a_store_that_was_closed_stays_closed_in_a_child(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "memory.db")
    store.close()
    assert in_child(lambda: store.commit("a", [])) == 1
