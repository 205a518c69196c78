"""The settings of a Redis or Valkey server, and what is promised with them. Only reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import redis

from optical_memory.errors import StoreError
from optical_memory.stores.health.redis_commands import forbidden_commands
from optical_memory.stores.health.redis_promises import promises
from optical_memory.stores.health.report import Finding, Promise, Report
from optical_memory.stores.passwords import printable_url
from optical_memory.stores.redis_client import GuardedClient
from optical_memory.stores.redis_health import has_snapshots, problems

__all__ = ["RedisSettings", "examine_redis"]

PREFIX: Final = "optical"
"""The prefix of a store that is opened by its URL."""

N_PINGS: Final = 5
"""Round trips of which the median is told."""

PATIENCE: Final = 2
"""Deadlines that a server may take: a person waits three seconds, then hears of no answer."""

SLOW_SECONDS: Final = 0.3
"""With a slower server a turn of several round trips does not fit its 2 s."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """What a server says of itself; None where it does not say.

    `forbidden` has commands that the store needs and the user may not give.
    """

    version: str
    has_log: bool
    fsync: str | None
    has_snapshots: bool | None
    policy: str
    max_bytes: int
    used_bytes: int
    is_cluster: bool
    cluster_state: str | None
    user: str | None
    forbidden: Sequence[str] | None
    seconds: float


def examine_redis(url: str) -> Report:
    """The settings of the server at a URL, or of all primaries of a Cluster.

    A server that does not answer gives a finding with a problem. Raises `InputError` for a URL that
    redis-py cannot read.
    """
    client = GuardedClient(url, deadline=1.5, cooldown=5.0)
    try:
        servers = client.call(_read_servers, PATIENCE)
        sentences = client.call(_problems, PATIENCE)
    except StoreError as error:
        return Report(
            [Finding("server", printable_url(url), f"the server cannot be asked: {error}")]
        )
    finally:
        client.close()
    findings = [Finding("server", printable_url(url))]
    answers: list[Promise] = []
    for name, settings in servers:
        mark = f"{name}: " if len(servers) > 1 else ""
        findings += [Finding(mark + f.name, f.value, f.problem) for f in _findings(settings)]
        answers = _weakest(answers, promises(settings, **_route(url)))
    findings += [Finding("check", "problem", sentence) for sentence in sentences]
    return Report(findings, answers)


def _route(url: str) -> dict[str, bool]:
    """How the server is reached."""
    parts = urlsplit(url)
    scheme = parts.scheme.removesuffix("+cluster")
    is_local = scheme == "unix" or parts.hostname in ("127.0.0.1", "localhost", "::1")
    return {"is_local": is_local, "has_tls": scheme == "rediss"}


def _weakest(old: list[Promise], new: list[Promise]) -> list[Promise]:
    """Of each promise, the weaker answer: a Cluster promises as much as its weakest server."""
    order = ("yes", "within 1 s", "in part", "unknown", "no")
    if not old:
        return new
    pairs = zip(old, new, strict=True)
    return [max(pair, key=lambda promise: order.index(promise.answer)) for pair in pairs]


# ---- reading -------------------------------------------------------------------------------------


def _read_servers(client: Any) -> list[tuple[str, RedisSettings]]:
    if isinstance(client, redis.Redis):
        return [("server", _read(client))]
    nodes = client.get_primaries()
    return [(node.name, _read(client.get_redis_connection(node))) for node in nodes]


def _read(server: Any) -> RedisSettings:
    about: Any = _or_none(lambda: server.info()) or {}
    cluster: Any = None
    if about.get("cluster_enabled"):
        cluster = _or_none(lambda: server.execute_command("CLUSTER INFO"))
    seconds = []
    for _ in range(N_PINGS):
        begin = time.perf_counter()
        server.ping()
        seconds.append(time.perf_counter() - begin)
    return RedisSettings(
        version=_version(about),
        has_log=bool(about.get("aof_enabled")),
        fsync=_setting(server, "appendfsync"),
        has_snapshots=_or_none(lambda: has_snapshots(server)),
        policy=about.get("maxmemory_policy", "unknown"),
        max_bytes=int(about.get("maxmemory", 0)),
        used_bytes=int(about.get("used_memory", 0)),
        is_cluster=bool(about.get("cluster_enabled")),
        cluster_state=(cluster or {}).get("cluster_state"),
        user=_text(_or_none(lambda: server.execute_command("ACL WHOAMI"))),
        forbidden=forbidden_commands(server, f"{{{PREFIX}:doctor}}:meta"),
        seconds=median(seconds),
    )


def _problems(client: Any) -> list[str]:
    """The sentences of `check`; none if the user may not ask for the settings."""
    return _or_none(lambda: problems(client)) or []


def _or_none(ask: Callable[[], Any]) -> Any:
    """The answer; None if the user may not ask, or the server does not know the command."""
    try:
        return ask()
    except redis.ResponseError:
        return None


def _setting(server: redis.Redis, name: str) -> str | None:
    answer: Any = _or_none(lambda: server.config_get(name)) or {}
    return _text(answer.get(name))


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _version(about: dict[str, Any]) -> str:
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about['redis_version']}" if "redis_version" in about else "unknown"


# ---- findings ------------------------------------------------------------------------------------


def _findings(settings: RedisSettings) -> list[Finding]:
    log = f"on, fsync {settings.fsync or 'unknown'}" if settings.has_log else "off"
    snapshots = {True: "on", False: "off", None: "unknown"}[settings.has_snapshots]
    limit = "no limit" if not settings.max_bytes else f"{settings.max_bytes >> 20} MiB"
    return [
        Finding("version", settings.version),
        Finding("append-only file", log),
        Finding("snapshots", snapshots),
        Finding("maxmemory", f"{limit}, {settings.policy}"),
        _cluster_finding(settings),
        _user_finding(settings),
        _latency_finding(settings.seconds),
    ]


def _cluster_finding(settings: RedisSettings) -> Finding:
    if not settings.is_cluster:
        return Finding("cluster", "none")
    state = settings.cluster_state or "unknown"
    if state in ("ok", "unknown"):
        return Finding("cluster", state)
    return Finding("cluster", state, "the Cluster has slots that no server has: see CLUSTER INFO.")


def _user_finding(settings: RedisSettings) -> Finding:
    user = settings.user or "unknown"
    if settings.forbidden is None:
        return Finding("user", f"{user}; the server does not say what it may do")
    if not settings.forbidden:
        return Finding("user", f"{user}, may do all that is needed")
    names = ", ".join(settings.forbidden)
    rights = " ".join(f"+{name.lower()}" for name in settings.forbidden)
    problem = f"the user may not give {names}: add {rights} and ~{{{PREFIX}:* to its ACL"
    return Finding("user", user, problem)


def _latency_finding(seconds: float) -> Finding:
    value = f"{1000 * seconds:.1f} ms a round trip"
    if seconds <= SLOW_SECONDS:
        return Finding("latency", value)
    return Finding(
        "latency", value, "a turn of several round trips may not end in 2 s: move nearer."
    )
