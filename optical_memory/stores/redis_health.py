"""What of a Redis server's own settings would lose records, one sentence each. Asks; changes
nothing.
"""

from __future__ import annotations

from typing import Any

import redis

__all__ = ["problems"]


def problems(client: redis.Redis | redis.RedisCluster) -> list[str]:
    """Problems of every server that holds records. Raises what redis-py raises."""
    if isinstance(client, redis.RedisCluster):
        nodes = [
            (f"{node.name}: ", client.get_redis_connection(node)) for node in client.get_primaries()
        ]  # type: ignore[no-untyped-call]
    else:
        nodes = [("", client)]
    return [where + sentence for where, node in nodes for sentence in _of_one(node)]


def _of_one(client: redis.Redis) -> list[str]:
    persistence: dict[str, Any] = client.info("persistence")
    memory: dict[str, Any] = client.info("memory")
    found = _persistence(persistence, _snapshots(client))
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and not policy.startswith("volatile-"):
        found.append(
            f"maxmemory-policy {policy} may evict records: use noeviction or volatile-lru."
        )
    return found


def _persistence(info: dict[str, Any], snapshots: bool | None) -> list[str]:
    found = []
    if not info.get("aof_enabled"):
        if snapshots is False:
            found.append(
                "neither AOF nor RDB is on: a restart loses every record; set appendonly yes."
            )
        else:
            found.append(
                "AOF is off: a crash loses all records since the last snapshot; set appendonly yes."
            )
    elif info.get("aof_last_write_status") not in (None, "ok"):
        found.append(
            "the last write of the append-only file failed: see the server's log and its disk."
        )
    if info.get("rdb_last_bgsave_status") not in (None, "ok"):
        found.append("the last snapshot failed: see the server's log and its disk.")
    return found


def _snapshots(client: redis.Redis) -> bool | None:
    """Whether RDB snapshots are on; None where the server forbids asking, as managed ones do."""
    try:
        return bool(client.config_get("save").get("save"))
    except redis.ResponseError:
        return None
