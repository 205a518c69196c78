"""Redis and the disk: commits that wait for it, settings that lose records, and data that outlives
its server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from support.valkey_server import ALWAYS, Server, running, seconds_until_store_error

from optical_memory.errors import InputError, StoreError
from optical_memory.stores import Put, RedisStore
from optical_memory.stores.private_server import private_server


@pytest.fixture
def server() -> Iterator[Server]:
    with running(**ALWAYS) as server:
        yield server


def test_a_commit_may_wait_for_the_disk(server: Server) -> None:
    with closing(RedisStore(server.url, fsync=True)) as store:
        version = store.commit("alice", [Put("turn", "1", b"x")])
        assert (version.number, store.version("alice")) == (1, version)
    with (
        running(appendonly="no", save="") as volatile,
        closing(RedisStore(volatile.url, fsync=True)) as store,
        pytest.raises(StoreError, match="appendonly"),
    ):
        store.commit("alice", [Put("turn", "1", b"x")])
    with pytest.raises(InputError, match="Cluster"):
        RedisStore("redis+cluster://127.0.0.1:1", fsync=True)
    RedisStore("redis://alice:+cluster@127.0.0.1:1", fsync=True).close()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"appendonly": "no", "save": ""}, "neither AOF nor RDB is on"),
        ({"appendonly": "no", "save": "3600 1"}, "since the last snapshot"),
        (
            {**ALWAYS, "maxmemory-policy": "allkeys-lru"},
            "maxmemory-policy allkeys-lru may evict records",
        ),
        ({**ALWAYS, "maxmemory-policy": "volatile-lru"}, None),
    ],
    ids=["volatile", "snapshots", "evicting", "sound"],
)
def test_check_names_settings_that_lose_records(
    config: dict[str, str], sentence: str | None
) -> None:
    with running(**config) as server, closing(RedisStore(server.url)) as store:
        problems = store.check()
    assert len(problems) == (sentence is not None)
    assert sentence is None or sentence in problems[0]


def test_check_works_where_the_server_forbids_config() -> None:
    with running(appendonly="no", save="") as server:
        with redis.Redis.from_url(server.url) as client:
            client.acl_setuser(
                "u", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"]
            )
        with closing(RedisStore(f"unix://u:x@{server.socket}")) as store:
            assert [problem[:10] for problem in store.check()] == ["AOF is off"]


def test_a_private_server_keeps_its_data_between_runs(tmp_path: Path) -> None:
    with private_server(tmp_path) as url, closing(RedisStore(url)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        assert store.check() == []
    assert seconds_until_store_error(RedisStore(url, deadline=0.2)) < 0.5
    with private_server(tmp_path) as url, closing(RedisStore(url)) as store:
        assert store.get("alice", "turn", "1") == b"x"


def test_what_was_dropped_leaves_the_append_only_file_when_the_server_rewrites_it(
    server: Server,
) -> None:
    with closing(RedisStore(server.url)) as store, redis.Redis.from_url(server.url) as client:
        store.commit("alice", [Put("turn", "1", b"gate code 4711")])
        store.put_blobs("alice", {"a": b"tokens of a page"})
        store.drop("alice")
        client.bgrewriteaof()
        while (
            client.info("persistence")["aof_rewrite_in_progress"]
            or client.info("persistence")["aof_rewrites"] == 0
        ):
            time.sleep(0.02)
    paths = [path for path in server.socket.parent.rglob("*") if path.is_file()]
    data = b"".join(path.read_bytes() for path in paths)
    assert b"appendonly" in data
    assert b"gate code 4711" not in data
    assert b"tokens of a page" not in data


def test_a_private_server_in_a_path_with_spaces_says_why_not(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no spaces"), private_server(tmp_path / "my data"):
        pass
