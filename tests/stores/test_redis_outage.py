"""Redis that is down, hangs or refuses: one deadline, then nothing; and a commit without its
answer.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from support.valkey_server import ALWAYS, Server, running, seconds_until_store_error

import optical_memory
from optical_memory.errors import StoreError
from optical_memory.stores import Put, RedisStore, Version

ROOT = Path(optical_memory.__file__).parents[1]


@pytest.fixture
def server() -> Iterator[Server]:
    with running(**ALWAYS) as server:
        yield server


def test_a_commit_whose_answer_was_lost_is_written_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(server.url) as client:
        execute = client.execute_command
        losses = [redis.ConnectionError("the answer was lost")]

        def lose_the_first_answer(*args: object, **options: object) -> object:
            answer = execute(*args, **options)
            if losses:
                raise losses.pop()
            return answer

        monkeypatch.setattr(client, "execute_command", lose_the_first_answer)
        store = RedisStore(client)
        version = store.commit("alice", [Put("turn", "1", b"x")], expect=Version())
        assert losses == []
        assert version.number == 1
        assert store.version("alice") == version
        losses.append(redis.ConnectionError("the answer was lost"))
        successor = store.commit("alice", [Put("turn", "2", b"y")], expect=version)
        assert losses == []
        assert store.version("alice") == successor == Version(version.epoch, 2)


def test_a_server_that_is_down_costs_one_deadline_and_then_nothing(server: Server) -> None:
    with closing(RedisStore(server.url, cooldown=1.0)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        server.stop()
        assert seconds_until_store_error(store) < 2.0
        assert max(seconds_until_store_error(store) for _ in range(20)) < 0.1
        server.start()
        time.sleep(1.0)
        assert store.get("alice", "turn", "1") == b"x"
        assert store.get("alice", "turn", "1") == b"x"


@pytest.mark.parametrize(
    "own_client", [False, True], ids=["url", "client with redis-py's ten retries"]
)
def test_a_server_that_hangs_costs_one_deadline_and_then_nothing(
    server: Server, own_client: bool
) -> None:
    client = redis.Redis.from_url(server.url)
    with closing(RedisStore(client if own_client else server.url, cooldown=0.5)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        server.freeze()
        try:
            assert 1.4 < seconds_until_store_error(store) < 2.0
            assert seconds_until_store_error(store) < 0.1
        finally:
            server.thaw()
        time.sleep(0.6)
        assert store.get("alice", "turn", "1") == b"x"
    client.close()


ASK = """
import sys
import redis
from optical_memory.errors import StoreError
from optical_memory.stores import RedisStore
store = RedisStore(redis.Redis.from_url(sys.argv[1]), deadline=0.2)
try:
    store.version("alice")
except StoreError:
    print("no answer", flush=True)
"""


def test_a_server_that_hangs_does_not_hang_the_end_of_the_program(server: Server) -> None:
    """The client's timeout is far longer than the test's, so the thread still waits at the end."""
    url = f"{server.url}?socket_timeout=1000"
    server.freeze()
    try:
        shell = subprocess.run(
            [sys.executable, "-c", ASK, url], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert (shell.stdout, shell.stderr, shell.returncode) == ("no answer\n", "", 0)
    finally:
        server.thaw()


def test_one_call_tries_the_breaker_while_the_others_fail_and_none_of_them_waits(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(RedisStore(server.url, deadline=0.6, cooldown=0.3)) as store:
        server.stop()
        seconds_until_store_error(store)
        time.sleep(0.35)
        guard = store._client._guard
        probe = guard._probe
        probes: list[float] = []

        def count() -> object:
            probes.append(time.monotonic())
            return probe()

        monkeypatch.setattr(guard, "_probe", count)
        waits: list[float] = []
        threads = [
            threading.Thread(target=lambda: waits.append(seconds_until_store_error(store)))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(probes) == 1
        assert max(waits) < 0.2


def test_a_short_outage_is_ridden_out_within_the_deadline(server: Server) -> None:
    with closing(RedisStore(server.url)) as store:
        version = store.commit("alice", [Put("turn", "1", b"x")])
        server.stop()
        restart = threading.Timer(0.4, server.start)
        restart.start()
        successor = store.commit("alice", [Put("turn", "2", b"y")], expect=version)
        assert successor == Version(version.epoch, 2)
        restart.join()


def test_a_refusal_is_a_store_error_at_once_and_opens_no_breaker(
    redis_url: str, prefix: str
) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        client.set(store._key("alice", "turn"), "a string, not a hash")
        start = time.monotonic()
        with pytest.raises(StoreError, match="WRONGTYPE") as failure:
            store.get("alice", "turn", "1")
        assert time.monotonic() - start < 0.5
        assert isinstance(failure.value.__cause__, redis.ResponseError)
        assert store.version("alice") == Version()
        store.drop("alice")


def test_a_wrong_password_is_a_store_error_at_once_each_time(server: Server) -> None:
    start = time.monotonic()
    with closing(RedisStore(f"unix://nobody:wrong@{server.socket}")) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match="password"):
                store.version("alice")
    assert time.monotonic() - start < 0.5
