"""Real servers in each setting: what is told of them, and what is promised with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from support.valkey_server import ALWAYS, Server, running

from optical_memory.errors import InputError
from optical_memory.stores import open_store, redis_scripts
from optical_memory.stores.health.examine import examine
from optical_memory.stores.health.redis_commands import COMMANDS
from optical_memory.stores.health.redis_promises import promises
from optical_memory.stores.health.redis_settings import SLOW_SECONDS, RedisSettings
from optical_memory.stores.health.report import (
    DEADLINE,
    DURABLE,
    EVICTION,
    PRIVATE,
    PROMISES,
    RESTART,
    Report,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose settings a test changes while it runs, as its owner would."""
    with running(**ALWAYS) as server:
        yield server


@pytest.fixture
def admin(server: Server) -> Iterator[redis.Redis]:
    """The owner of the server; afterwards its settings are the first again."""
    with redis.Redis.from_url(server.url) as client:
        yield client
        for name, value in (*ALWAYS.items(), ("save", ""), ("maxmemory", "0")):
            client.config_set(name, value)
        client.config_set("maxmemory-policy", "noeviction")


def answers(report: Report) -> dict[str, str]:
    return {promise.name: promise.answer for promise in report.promises}


def problems(report: Report) -> list[str]:
    return [finding.problem for finding in report.findings if finding.problem]


def values(report: Report) -> dict[str, str]:
    return {finding.name: finding.value for finding in report.findings}


def test_a_server_that_keeps_every_commit_has_no_problem(server: Server):
    report = examine(server.url)
    assert problems(report) == []
    assert [promise.name for promise in report.promises] == list(PROMISES)
    held = answers(report)
    assert (held[DURABLE], held[RESTART], held[EVICTION], held[DEADLINE]) == ("yes",) * 4
    told = values(report)
    assert told["append-only file"] == "on, fsync always"
    assert told["version"].startswith(("Valkey", "Redis"))
    assert told["user"] == "default, may do all that is needed"


@pytest.mark.parametrize(
    ("settings", "durable", "restart", "n_problems"),
    [
        ({"appendfsync": "everysec"}, "within 1 s", "yes", 0),
        ({"appendfsync": "no"}, "no", "yes", 0),
        ({"appendonly": "no", "save": "3600 1"}, "no", "in part", 1),
        ({"appendonly": "no", "save": ""}, "no", "no", 1),
    ],
)
def test_what_is_durable_follows_the_settings(
    server: Server,
    admin: redis.Redis,
    settings: dict[str, str],
    durable: str,
    restart: str,
    n_problems: int,
):
    for name, value in settings.items():
        admin.config_set(name, value)
    report = examine(server.url)
    assert (answers(report)[DURABLE], answers(report)[RESTART]) == (durable, restart)
    assert len(problems(report)) == n_problems
    promise = next(p for p in report.promises if p.name == DURABLE)
    assert "appendfsync always" in promise.improve


@pytest.mark.parametrize(
    ("policy", "answer"),
    [("allkeys-lru", "no"), ("allkeys-random", "no"), ("volatile-lru", "yes")],
)
def test_a_server_that_may_evict_records_says_so(
    server: Server, admin: redis.Redis, policy: str, answer: str
):
    admin.config_set("maxmemory", "100mb")
    admin.config_set("maxmemory-policy", policy)
    report = examine(server.url)
    assert answers(report)[EVICTION] == answer
    assert bool(problems(report)) == (answer == "no")
    assert values(report)["maxmemory"] == f"100 MiB, {policy}"


# ---- users ---------------------------------------------------------------------------------------


def test_every_command_of_the_stores_scripts_is_asked_for():
    text = Path(redis_scripts.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r"redis\.p?call\('([A-Z]+)'", text))
    assert len(used) > 10
    assert used <= set(COMMANDS)


def url_of(server: Server, user: str) -> str:
    return f"unix://{user}:a-password@{server.socket}"


def add_user(admin: redis.Redis, name: str, *rules: str) -> None:
    admin.execute_command("ACL", "SETUSER", name, "reset", "on", ">a-password", *rules)


def test_a_user_with_the_rights_that_are_told_can_keep_a_session(
    server: Server, admin: redis.Redis
):
    rights = [f"+{name.lower()}" for name in COMMANDS]
    add_user(admin, "keeper", "~{optical:*", *rights, "+info", "+acl|whoami", "+config|get")
    report = examine(url_of(server, "keeper"))
    assert problems(report) == []
    assert answers(report)[PRIVATE] == "yes"
    store = open_store(url_of(server, "keeper"))
    exercise(store)
    store.close()


def exercise(store: Any) -> None:
    """Every call of a store."""
    from optical_memory.stores import Put

    version = store.commit("alice", [Put("turn", "1", b"x")])
    store.put_blobs("alice", {"k": b"v"})
    assert store.get_blobs("alice", ["k"]) == [b"v"]
    assert store.scan("alice", "turn") == [("1", b"x")]
    assert store.keys("alice", "turn") == ["1"]
    assert store.get("alice", "turn", "1") == b"x"
    assert store.get_many("alice", "turn", ["1"]) == [b"x"]
    assert store.changes("alice", version) == []
    assert store.load("alice", ["turn"])[0] == version
    assert "alice" in store.sessions()
    store.drop_blobs("alice", ["k"])
    store.drop("alice")


@pytest.mark.parametrize("command", ["hset", "del", "zadd", "hgetall", "scan"])
def test_a_command_that_is_forbidden_is_named(server: Server, admin: redis.Redis, command: str):
    add_user(admin, "limited", "~*", "+@all", f"-{command}")
    (problem,) = problems(examine(url_of(server, "limited")))
    assert f"may not give {command.upper()}:" in problem
    assert f"+{command}" in problem


def test_a_user_who_may_not_reach_our_keys_is_told(server: Server, admin: redis.Redis):
    add_user(admin, "stranger", "~other:*", "+@all")
    (problem,) = problems(examine(url_of(server, "stranger")))
    assert "HSET" in problem
    assert "~{optical:*" in problem


def test_a_user_who_may_ask_nothing_gets_unknown_and_no_false_promise(
    server: Server, admin: redis.Redis
):
    add_user(admin, "blind", "~*", "+ping", "+eval")
    report = examine(url_of(server, "blind"))
    assert answers(report)[EVICTION] == "unknown"
    assert answers(report)[DURABLE] != "yes"


def test_nothing_of_the_password_is_told(server: Server, admin: redis.Redis):
    add_user(admin, "limited", "~*", "+@all", "-info")
    assert "a-password" not in str(examine(url_of(server, "limited")))
    assert "a-password" not in str(examine("redis://limited:a-password@127.0.0.1:1/0"))


# ---- servers that are not there ------------------------------------------------------------------


def test_a_server_that_is_not_there_is_a_problem_and_promises_nothing():
    report = examine("redis://127.0.0.1:1/0")
    assert len(problems(report)) == 1
    assert not report.promises


def test_a_server_that_hangs_is_told_within_its_deadline(server: Server):
    server.freeze()
    try:
        (problem,) = problems(examine(server.url))
    finally:
        server.thaw()
    assert "cannot be asked" in problem


def test_the_url_of_no_store_is_refused():
    with pytest.raises(InputError):
        examine("ftp://example")


def settings(**fields: Any) -> RedisSettings:
    usual: dict[str, Any] = {
        "version": "Redis 7",
        "has_log": True,
        "fsync": "always",
        "has_snapshots": True,
        "policy": "noeviction",
        "max_bytes": 0,
        "used_bytes": 0,
        "is_cluster": False,
        "cluster_state": None,
        "user": "app",
        "forbidden": (),
        "seconds": 0.001,
    }
    return RedisSettings(**usual | fields)


@pytest.mark.parametrize(
    ("is_local", "has_tls", "user", "answer"),
    [
        (True, False, "app", "yes"),
        (True, False, "default", "in part"),
        (False, True, "app", "yes"),
        (False, False, "app", "no"),
    ],
)
def test_who_may_read_along(is_local: bool, has_tls: bool, user: str, answer: str):
    told = promises(settings(user=user), is_local=is_local, has_tls=has_tls)
    assert {promise.name: promise.answer for promise in told}[PRIVATE] == answer


def test_a_slow_server_keeps_the_deadline_without_memory():
    told = promises(settings(seconds=3 * SLOW_SECONDS), is_local=True, has_tls=False)
    assert {promise.name: promise.answer for promise in told}[DEADLINE] == "in part"
