"""A server that evicts, is full, or lost its data: acknowledged turns that are gone are told of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import redis
from support.raw_records import raw_turns
from support.secret_turn import assert_no_trace, said
from support.valkey_server import ALWAYS, Server, running

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import SessionLost, StoreError
from optical_memory.testing import TemplateReader, turn_texts

IDS = [f"m{n}" for n in range(40)]


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with running(**ALWAYS) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server with a session on pages, as a new process finds it."""
    with closing(client_of(shared_server)) as client:
        client.flushall()
    with closing(memory_at(shared_server)) as memory:
        memory.remember(said())
        memory.flush()
    yield shared_server
    with closing(client_of(shared_server)) as client:
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")


def client_of(server: Server) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def memory_at(server: Server) -> OpticalMemory:
    return OpticalMemory(
        "alice", store=server.url, reader=TemplateReader(), background=False, keep_turns=3
    )


def evict(server: Server, kind: str) -> None:
    """As a server does that has no memory left: a key goes, and all records in it."""
    with closing(client_of(server)) as client:
        client.delete(f"{{optical:alice}}:{kind}")


# ---- eviction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["turn", "page"])
@pytest.mark.parametrize("is_known", [True, False], ids=["memory in use", "new memory"])
def test_evicted_turns_are_told_at_the_next_use_of_each_memory(
    server: Server, kind: str, is_known: bool
):
    with closing(memory_at(server)) as memory, closing(memory_at(server)) as neighbour:
        for known in (memory, neighbour):
            if is_known:
                known.recall("shelf")
        evict(server, kind)
        for known in (memory, neighbour):
            with pytest.raises(SessionLost, match=r"\d+ acknowledged turns .* are gone"):
                known.recall("shelf")
            assert known.stats().lost_turns >= 30
            assert known.check() != []


@pytest.mark.parametrize("kind", ["turn", "page", "session", "index", "commits", "log", "meta"])
@pytest.mark.parametrize("is_known", [True, False], ids=["memory in use", "new memory"])
def test_no_turn_that_is_still_there_is_written_over_after_an_eviction(
    server: Server, kind: str, is_known: bool
):
    with closing(memory_at(server)) as memory:
        if is_known:
            memory.recall("shelf")
        evict(server, kind)
        turns_left = raw_turns(server.url, "alice")
        with suppress(SessionLost):
            memory.remember([])
        assert memory.remember(Turn("user", "after the loss", id="new")) == ["new"]
        turns = raw_turns(server.url, "alice")
        assert set(turns) == {*turns_left, "new"}
        assert turns["new"]["ordinal"] == 40
        memory.check(repair=True)
        with suppress(SessionLost):
            memory.check(repair=True)
        assert [p for p in memory.check() if "the store lost" not in p] == []
        assert memory.recall("after the loss")[0].text == "after the loss"


def test_after_a_repair_nobody_is_told_again_but_by_the_counts(server: Server):
    with closing(memory_at(server)) as memory:
        evict(server, "turn")
        assert any("40 acknowledged turns" in problem for problem in memory.check(repair=True))
    with closing(memory_at(server)) as memory:
        assert memory.check() == ["the store lost 40 turns that it had acknowledged"]
        assert memory.stats().lost_turns == 40
        assert memory.remember(Turn("user", "shelf of an old turn", id="m3")) == ["m3"]


def test_a_log_of_changes_that_was_evicted_hides_no_change(server: Server):
    with closing(memory_at(server)) as memory, closing(memory_at(server)) as neighbour:
        assert memory.stats().turns == 40
        neighbour.remember(Turn("user", "of another process", id="n1"))
        evict(server, "log")
        assert memory.stats().turns == 41
        neighbour.remember(Turn("user", "of another process", id="n2"))
        evict(server, "log")
        neighbour.remember(Turn("user", "of another process", id="n3"))
        assert memory.stats().turns == 43


def test_a_server_that_really_evicts_loses_nothing_without_a_word():
    """Many sessions in too little memory: each session is whole, or its loss is told."""
    with running(**ALWAYS) as server, closing(client_of(server)) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        used = client.info("memory")["used_memory"]
        n_silent = 0
        n_told = 0
        with closing(memory_at(server)) as memory:
            sessions = [memory.open(f"s{n}") for n in range(30)]
            for session in sessions:
                session.remember(said())
                if session is sessions[9]:
                    grown = client.info("memory")["used_memory"] - used
                    client.config_set("maxmemory", used + grown // 2)
            for session in sessions:
                try:
                    session.recall("shelf")
                    n_silent += list(turn_texts(session)) != IDS
                except SessionLost:
                    n_told += 1
            assert n_silent == 0
            assert n_told > 0
            problems = memory.store.check()
            assert any("allkeys-lru may evict records" in problem for problem in problems)
            assert any("has evicted" in problem for problem in problems)


# ---- a full memory -------------------------------------------------------------------------------


def test_on_a_server_without_memory_nothing_is_remembered_and_everything_else_works(
    server: Server,
):
    with closing(memory_at(server)) as memory, closing(client_of(server)) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(StoreError, match="maxmemory"):
            memory.remember(Turn("user", "one more", id="new"))
        assert list(raw_turns(server.url, "alice")) == IDS
        assert "shelf 57" in memory.recall("shelf of Topic19")[0].text
        assert memory.check() == []
        assert memory.forget(turn="m5") == 1
        assert_no_trace(server.url)
        memory.forget(page=memory.pages()[0].id)
        assert memory.check() == []
        memory.forget(session=True)
        assert client.keys() == []


# ---- a server that comes back --------------------------------------------------------------------


def test_a_server_that_comes_back_without_its_last_turns_is_told_of():
    with running(appendonly="no", save="") as server, closing(memory_at(server)) as memory:
        memory.remember(said())
        with closing(client_of(server)) as client:
            client.save()
        memory.remember(Turn("user", "after the snapshot", id="late"))
        server.stop()
        server.start()
        with pytest.raises(SessionLost, match="1 acknowledged turns"):
            memory.recall("snapshot")
        assert list(raw_turns(server.url, "alice")) == IDS
        assert memory.stats().lost_turns == 1
        assert memory.check()[-1:] == ["the store lost 1 turns that it had acknowledged"]
        memory.remember(Turn("user", "after the snapshot", id="late"))
        assert list(turn_texts(memory)) == [*IDS, "late"]
