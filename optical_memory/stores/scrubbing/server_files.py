"""A Redis server writes its files anew, without what was deleted: append-only file and snapshot.

That is only asked for after something was forgotten. The server forks a child for it, which costs a
large server memory and time. So a server with more than `LARGE_BYTES` is left to its owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

import redis

from optical_memory.errors import StoreError
from optical_memory.stores.redis_health import has_snapshots

__all__ = [
    "LARGE_BYTES",
    "SCRUB_SECONDS",
    "rewrite_files",
]

T = TypeVar("T")

SCRUB_SECONDS: Final = 10.0
"""So long `forget` waits for a server's new files; a gigabyte takes about five seconds."""

LARGE_BYTES: Final = 4 << 30
"""A server with more in memory is asked for nothing: its owner chooses when it forks."""

LARGE = (
    "the server's files may keep deleted records until it writes them anew: it is large, so run "
    "BGREWRITEAOF or BGSAVE when it suits."
)

UNKNOWN = (
    "the server's files may keep deleted records until it writes them anew (BGREWRITEAOF or "
    "BGSAVE): it does not tell what it writes ({error})."
)

_PAUSE = 0.05  # seconds between two looks; a server starts and ends a child ten times a second


class _Guarded(Protocol):
    def call(self, attempt: Callable[[Any], T]) -> T: ...


def rewrite_files(client: _Guarded, seconds: float) -> list[str]:
    """Sentences about servers whose files may still have deleted bytes; none if all are new.

    Waits at most `seconds`. Raises `StoreError` if a server does not answer. A server that refuses
    to tell what it writes is no error: the deletion itself is done.
    """
    end = time.monotonic() + seconds
    sentences = []
    for number in range(client.call(lambda client: len(_servers(client)))):
        try:
            sentences += _rewrite_server(client, number, end)
        except StoreError as error:
            if not isinstance(error.__cause__, redis.ResponseError):
                raise
            sentences.append(UNKNOWN.format(error=error.__cause__))
    return sentences


def _servers(client: Any) -> list[Any]:
    """The servers that hold records: one, or the primaries of a Cluster."""
    if isinstance(client, redis.Redis):
        return [client]
    return [client.get_redis_connection(node) for node in client.get_primaries()]


def _rewrite_server(client: _Guarded, number: int, end: float) -> list[str]:
    def ask(question: Callable[[Any], T]) -> T:
        return client.call(lambda client: question(_servers(client)[number]))

    persistence = ask(lambda server: server.info("persistence"))
    jobs = []
    if persistence.get("aof_enabled"):
        jobs.append(("BGREWRITEAOF", "append-only file", "aof_last_bgrewrite_status"))
    if persistence.get("rdb_saves") or ask(has_snapshots):
        jobs.append(("BGSAVE", "snapshot", "rdb_last_bgsave_status"))
    if jobs and ask(lambda server: server.info("memory"))["used_memory"] > LARGE_BYTES:
        return [LARGE]
    sentences = []
    for job in jobs:
        sentences += _run(ask, end, *job)
    return sentences


def _run(ask: Callable[..., Any], end: float, command: str, file: str, status: str) -> list[str]:
    """Have a file written anew, by a child that begins after the deletion."""
    late = [f"the server's {file} may keep deleted records until it is written anew: {command}."]
    try:
        while not _begins(ask, command):
            if time.monotonic() > end:
                return late
            time.sleep(_PAUSE)
    except StoreError as error:
        if isinstance(error.__cause__, redis.ResponseError):
            return [f"{late[0]} This user may not run it: {error.__cause__}."]
        raise
    while _is_busy(ask):
        if time.monotonic() > end:
            return late
        time.sleep(_PAUSE)
    return [] if ask(lambda server: server.info("persistence")).get(status) == "ok" else late


def _begins(ask: Callable[..., Any], command: str) -> bool:
    """True if the server has begun; False if a child of its own has to end before."""
    if _is_busy(ask):
        return False
    try:
        ask(lambda server: server.execute_command(command))
    except StoreError as error:
        if "in progress" in str(error) or "child process" in str(error):
            return False
        raise
    return True


def _is_busy(ask: Callable[..., Any]) -> bool:
    """True while the server writes a file, or is about to."""
    persistence = ask(lambda server: server.info("persistence"))
    fields = (
        "aof_rewrite_in_progress",
        "aof_rewrite_scheduled",
        "rdb_bgsave_in_progress",
        "rdb_bgsave_scheduled",
    )
    return any(persistence.get(field) for field in fields)
