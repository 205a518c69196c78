"""Settings of a Redis server that would lose records. Only reads settings."""

from __future__ import annotations

from typing import Any

import redis

__all__ = ["has_snapshots", "problems"]


def problems(client: redis.Redis | redis.RedisCluster) -> list[str]:
    """Problems of every server that holds records, one sentence each. Raises redis-py's errors."""
    if isinstance(client, redis.Redis):
        return _server_problems(client)
    cluster: Any = client  # redis-py types neither its list of nodes nor their clients
    sentences = []
    for node in cluster.get_primaries():
        server = cluster.get_redis_connection(node)
        sentences += [f"{node.name}: {sentence}" for sentence in _server_problems(server)]
    return sentences


def _server_problems(client: redis.Redis) -> list[str]:
    try:
        return _setting_problems(client)
    except redis.ResponseError as error:
        sentence = (
            f"the server does not tell its settings ({error}): allow its user the command INFO, or "
            "see for yourself that it loses no records."
        )
        return [sentence]


def _setting_problems(client: redis.Redis) -> list[str]:
    sentences = _persistence_problems(client.info("persistence"), has_snapshots(client))
    policy = client.info("memory").get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and not policy.startswith("volatile-"):
        sentences.append(
            f"maxmemory-policy {policy} may evict records: use noeviction or volatile-lru."
        )
        n_evicted = client.info("stats").get("evicted_keys", 0)
        if n_evicted:
            sentences.append(f"the server has evicted {n_evicted} keys since it started.")
    return sentences


def _persistence_problems(info: dict[str, Any], has_snapshots: bool | None) -> list[str]:
    sentences = []
    if not info.get("aof_enabled"):
        sentences.append(
            "neither AOF nor RDB is on: a restart loses every record; set appendonly yes."
            if has_snapshots is False
            else "AOF is off: a crash loses all records since the last snapshot; "
            "set appendonly yes."
        )
    elif info.get("aof_last_write_status") not in (None, "ok"):
        sentences.append(
            "the last write of the append-only file failed: see the server's log and its disk."
        )
    if info.get("rdb_last_bgsave_status") not in (None, "ok"):
        sentences.append("the last snapshot failed: see the server's log and its disk.")
    return sentences


def has_snapshots(client: redis.Redis) -> bool | None:
    """Whether RDB snapshots are on; None if the server, like managed servers, forbids it."""
    try:
        return bool(client.config_get("save").get("save"))
    except redis.ResponseError:
        return None
