"""A turn ends in time, whatever the store does: far away, frozen, locked, or held by a thread."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.late_server import late_door
from support.valkey_server import Server, running

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError, StoreError, StoreTimeout
from optical_memory.stores import SQLiteStore
from optical_memory.stores.base import Kind, Version
from optical_memory.stores.turn_time import spend, time_left, turn_time
from optical_memory.testing import TemplateReader

TURN = 2.5
"""The longest turn (seconds): two for the store, and what a busy machine needs for the rest."""

AT_ONCE = 0.05

WORDS = "the harbour pilot asked for berth"


def letters(n: int) -> list[Turn]:
    return [Turn("user", f"letter {i}: {WORDS} {i}", id=f"m{i}") for i in range(n)]


def memory_at(url: str, **settings: object) -> OpticalMemory:
    settings = {"background": False, "keep_turns": 2, "reader": TemplateReader(), **settings}
    return OpticalMemory("log", store=url, **settings)  # type: ignore[arg-type]


def seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def seconds_to_fail(work: Callable[[], object]) -> float:
    def attempt() -> None:
        with pytest.raises(StoreError):
            work()

    return seconds(attempt)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with a session on pages, of which no tokens are cached."""
    with running() as server:
        with memory_at(server.url) as memory:
            memory.remember(letters(100))
            memory.flush()
            memory.store.drop_blobs("log")
        yield server


# ---- a server that is far away -------------------------------------------------------------------


def test_a_first_recall_and_a_first_turn_end_in_time_if_each_round_trip_takes_0_3_s(
    server: Server,
) -> None:
    with late_door(server.socket, 0.3) as door:
        with closing(memory_at(door.url)) as memory:
            assert seconds(lambda: memory.recall("berth 7")) < TURN
        with closing(memory_at(door.url)) as memory:
            assert seconds(lambda: memory.remember(Turn("user", "berth 101"))) < TURN
            assert seconds(lambda: memory.context("berth 7")) < TURN


def test_a_session_is_opened_in_one_round_trip_and_looked_at_in_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[object] = []
    with closing(memory_at(server.url)) as memory:
        client = memory.store._client  # type: ignore[attr-defined]
        ask = client.ask

        def count(*command: object, **options: object) -> object:
            questions.append(command[0])
            return ask(*command, **options)

        monkeypatch.setattr(client, "ask", count)
        memory.pages()
        assert len(questions) == 1
        memory.pages()
        assert len(questions) == 2
        memory.remember(Turn("user", "one more"))
        assert len(questions) == 4, "what is new, and the commit"
        memory.recall("berth 4")
        # what is new; cached tokens, pictures, tokens for the cache; what is new, twice
        assert len(questions) == 10


def test_a_recall_with_a_deadline_gives_what_it_has_and_says_that_it_is_not_all(
    server: Server,
) -> None:
    with late_door(server.socket, 0.0) as door, closing(memory_at(door.url)) as memory:
        memory.remember(Turn("user", f"{WORDS} in hand", id="open"))
        whole = memory.recall("harbour pilot berth", k=5)
        assert (whole.is_complete, whole.n_unread, len(whole)) == (True, 0, 5)
        memory.store.drop_blobs("log")
        memory._page_reader.drop_readings()
        door.delay = 0.3
        partial = []
        took = seconds(
            lambda: partial.append(memory.recall("harbour pilot berth", k=5, deadline=0.5))
        )
        assert took < 0.5 + 0.5
        (passages,) = partial
        assert not passages.is_complete
        assert passages.n_unread == 4
        assert [passage.turns for passage in passages] == [("open",)]


def test_a_recall_with_a_deadline_says_so_if_it_has_nothing(server: Server) -> None:
    with late_door(server.socket, 0.3) as door, closing(memory_at(door.url)) as memory:
        passages = memory.recall("berth", deadline=0.1)
        assert (list(passages), passages.is_complete) == ([], False)
        for deadline in (0, math.nan, 10**400, "1"):
            with pytest.raises(InputError, match="deadline must be above 0"):
                memory.recall("berth", deadline=deadline)


def test_a_deadline_holds_over_a_store_that_knows_no_turns(tmp_path: Path) -> None:
    class FarStore(SQLiteStore):
        """Each call to read takes a while; the store of another program does not look at turns."""

        delay = 0.0

        def version(self, session: str) -> Version:
            time.sleep(self.delay)
            return super().version(session)

        def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
            time.sleep(self.delay)
            return super().scan(session, kind)

    with closing(FarStore(tmp_path / "memory.db")) as store:
        OpticalMemory("s", store=store, background=False).remember(Turn("user", "A berth."))
        memory = OpticalMemory("s", store=store, background=False)
        store.delay = 0.2
        start = time.monotonic()
        passages = memory.recall("berth", deadline=0.3)
        assert time.monotonic() - start < 0.8
        assert (list(passages), passages.is_complete) == ([], False)
        store.delay = 0.0
        assert memory.recall("berth", deadline=5.0)[0].text == "A berth."


def test_a_session_that_takes_too_long_to_read_is_there_for_a_later_turn(server: Server) -> None:
    with late_door(server.socket, 0.6) as door, closing(memory_at(door.url)) as memory:
        memory.deadline = 0.2
        with pytest.raises(StoreTimeout):
            memory.pages()
        time.sleep(0.8)
        door.delay = 0.0
        assert len(memory.pages()) > 1


# ---- a server that hangs -------------------------------------------------------------------------


@pytest.mark.parametrize("is_known", [False, True], ids=["a new memory", "a memory in use"])
def test_a_server_that_hangs_costs_one_turn_its_time_and_the_next_turns_nothing(
    server: Server, is_known: bool
) -> None:
    with closing(memory_at(server.url)) as memory:
        if is_known:
            memory.recall("berth 3")
        turn = Turn("user", "is anybody there?")
        server.freeze()
        try:
            assert seconds_to_fail(lambda: memory.remember(turn)) < TURN
            works = [
                lambda: memory.recall("berth"),
                lambda: memory.remember(turn),
                lambda: memory.context("berth"),
            ]
            assert max(map(seconds_to_fail, works * 3)) < AT_ONCE
            assert not memory.recall("berth", deadline=1.0).is_complete
            time.sleep(5.0)  # the time after which the server is asked again
            assert max(map(seconds_to_fail, works)) < AT_ONCE
        finally:
            server.thaw()
        time.sleep(0.5)
        memory.remember(turn)
        assert memory.recall("anybody there")[0].text == "is anybody there?"


# ---- a file that is locked -----------------------------------------------------------------------


def test_a_turn_on_a_locked_file_ends_in_time_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with memory_at(f"sqlite:///{path}") as memory, closing(sqlite3.connect(path)) as other:
        memory.remember(letters(3))
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(StoreTimeout, match="locked"):
            memory.remember(Turn("user", "berth 9", id="m9"))
        assert 1.5 < time.monotonic() - start < TURN
        assert len(memory.recall("berth")) == 3
        other.rollback()
        assert memory.remember(Turn("user", "berth 9", id="m9")) == ["m9"]


def test_a_turn_waits_no_longer_for_a_thread_that_waits_for_the_store(tmp_path: Path) -> None:
    with memory_at(f"sqlite:///{tmp_path}/memory.db") as memory:
        memory.remember(letters(2))
        memory.deadline = 0.2
        has_lock = threading.Event()
        is_over = threading.Event()

        def hold() -> None:
            with memory._archive._lock:
                has_lock.set()
                is_over.wait(10)

        thread = threading.Thread(target=hold)
        thread.start()
        has_lock.wait(10)
        assert seconds_to_fail(lambda: memory.remember(Turn("user", "x"))) < 1.0
        is_over.set()
        thread.join()
        assert memory.remember(Turn("user", "x")) == ["t2"]


# ---- the time itself -----------------------------------------------------------------------------


def test_a_turn_inside_a_turn_shares_its_time_and_work_costs_nothing() -> None:
    assert time_left() is None
    with turn_time(2.0), turn_time(5.0):
        time.sleep(0.05)
        assert time_left() == 2.0
        with turn_time(0.5):
            spend(0.4)
            assert time_left() == pytest.approx(0.1)
        assert time_left() == pytest.approx(1.6)
        with turn_time(1.0, by_clock=True):
            time.sleep(0.05)
            assert 0 < (time_left() or 0) < 0.96
        spend(9.0)
        assert time_left() == 0.0
    assert time_left() is None
