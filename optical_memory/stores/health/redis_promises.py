"""What is promised with the settings of a Redis server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from optical_memory.stores.health.report import (
    DEADLINE,
    DURABLE,
    ENCRYPTED,
    EVICTION,
    PRIVATE,
    RESTART,
    SCRUBBED,
    Promise,
)
from optical_memory.stores.scrubbing.server_files import LARGE_BYTES
from optical_memory.stores.turn_time import TURN_SECONDS

__all__ = ["promises"]

ROUND_TRIPS = 3
"""A turn asks for the session, for pictures or blobs, and writes: so many round trips must fit."""


class _Settings(Protocol):
    @property
    def has_log(self) -> bool: ...
    @property
    def fsync(self) -> str | None: ...
    @property
    def has_snapshots(self) -> bool | None: ...
    @property
    def policy(self) -> str: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def used_bytes(self) -> int: ...
    @property
    def user(self) -> str | None: ...
    @property
    def forbidden(self) -> Sequence[str] | None: ...
    @property
    def seconds(self) -> float: ...


def promises(settings: _Settings, *, is_local: bool, has_tls: bool) -> list[Promise]:
    """The promises, in the order of `PROMISES`."""
    return [
        _durable(settings),
        _restart(settings),
        _eviction(settings),
        _scrubbed(settings),
        _private(settings, is_local=is_local, has_tls=has_tls),
        Promise(
            ENCRYPTED,
            "no",
            "the server keeps what it is given",
            "give the memory a key: `key=` or --key-file",
        ),
        _deadline(settings),
    ]


def _durable(settings: _Settings) -> Promise:
    if not settings.has_log:
        return Promise(
            DURABLE,
            "no",
            "no append-only file: a crash loses what came after the last snapshot",
            "CONFIG SET appendonly yes, appendfsync always",
        )
    if settings.fsync == "always":
        return Promise(DURABLE, "yes", "appendfsync always")
    if settings.fsync == "everysec":
        return Promise(
            DURABLE,
            "within 1 s",
            "appendfsync everysec: a power cut may cost the last second",
            "CONFIG SET appendfsync always, or RedisStore(fsync=True)",
        )
    if settings.fsync == "no":
        return Promise(
            DURABLE,
            "no",
            "appendfsync no: the system writes when it likes, often after 30 s",
            "CONFIG SET appendfsync always",
        )
    return Promise(
        DURABLE, "unknown", "the server does not tell appendfsync", "ask who runs the server"
    )


def _restart(settings: _Settings) -> Promise:
    if settings.has_log:
        return Promise(RESTART, "yes", "the append-only file is read")
    if settings.has_snapshots is False:
        return Promise(
            RESTART, "no", "neither append-only file nor snapshots", "CONFIG SET appendonly yes"
        )
    return Promise(
        RESTART,
        "in part",
        "what came after the last snapshot is lost",
        "CONFIG SET appendonly yes",
    )


def _eviction(settings: _Settings) -> Promise:
    if settings.policy == "noeviction":
        return Promise(EVICTION, "yes", "noeviction: a full server refuses what is new")
    if settings.policy.startswith("volatile-"):
        return Promise(EVICTION, "yes", f"{settings.policy}: only cached tokens have a term")
    if settings.policy == "unknown":
        return Promise(
            EVICTION, "unknown", "the server does not tell its policy", "ask who runs the server"
        )
    when = "when memory is full" if settings.max_bytes else "as soon as maxmemory is set"
    return Promise(
        EVICTION,
        "no",
        f"{settings.policy}: records go {when}",
        "CONFIG SET maxmemory-policy volatile-lru",
    )


def _scrubbed(settings: _Settings) -> Promise:
    if settings.used_bytes > LARGE_BYTES:
        return Promise(
            SCRUBBED,
            "no",
            "the server is large, so its files are not written anew",
            "run BGREWRITEAOF and BGSAVE after `forget`",
        )
    return Promise(
        SCRUBBED,
        "in part",
        "`forget` asks the server to write its files anew; replicas and backups are not reached",
        "write backups anew yourself",
    )


def _private(settings: _Settings, *, is_local: bool, has_tls: bool) -> Promise:
    is_open = settings.user == "default"
    if is_local or has_tls:
        route = "this machine" if is_local else "TLS"
        if not is_open:
            return Promise(PRIVATE, "yes", f"{route}, a user of its own")
        return Promise(
            PRIVATE,
            "in part",
            f"{route}, the user `default`: other programs of the server may read",
            "give this program a user of its own (ACL SETUSER)",
        )
    return Promise(
        PRIVATE, "no", "neither TLS nor this machine: the network can read along", "use rediss://"
    )


def _deadline(settings: _Settings) -> Promise:
    needed = ROUND_TRIPS * settings.seconds
    if needed < TURN_SECONDS:
        return Promise(DEADLINE, "yes", "a turn that waits longer goes on without memory")
    return Promise(
        DEADLINE,
        "in part",
        f"turns end in time, but {ROUND_TRIPS} round trips take {needed:.1f} s: without memory",
        "move the server nearer",
    )
