"""A store in plain Redis or Valkey (6 or newer, no modules), alone or as a Cluster.

All keys of a session share one hash tag: `{prefix:session}:meta` (version and format), `:commits`
(the last commit tokens), `:log` (in which commit each record was last written), one hash per kind
of record, `:blob:<key>`, and `:blobs` (which blobs there may be). Only blobs have a TTL, so
`volatile-lru` evicts nothing else.

A commit is one server-side script: one round trip, atomic in memory and in the append-only file. It
is never tried again because a neighbour wrote in between, as WATCH would ask for. It carries a
token, so asking twice writes once.

The server's own persistence decides how durable a commit is. With `appendfsync everysec` a power
cut may cost the last second, with `always` or `fsync=True` nothing. `check` names settings that
would lose records.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final, get_args
from urllib.parse import quote, unquote

import redis

from optical_memory.errors import InputError, NewerFormat
from optical_memory.stores import redis_health
from optical_memory.stores.base import (
    BLOB_TTL,
    LOG_VERSIONS,
    Change,
    Kind,
    Version,
    conflict,
    from_bytes,
    is_logged,
    new_epoch,
    require_ttl,
    to_bytes,
)
from optical_memory.stores.erasures import is_erasing
from optical_memory.stores.redis_client import SWEEP, GuardedClient
from optical_memory.stores.redis_scripts import (
    CHANGES,
    COMMIT,
    CONFLICT,
    DROP,
    LOAD,
    NEWER_FORMAT,
    PUT_BLOBS,
    change_arguments,
    change_of,
    expectation,
)
from optical_memory.stores.scrubbing.server_files import SCRUB_SECONDS, rewrite_files
from optical_memory.stores.turn_time import time_left
from optical_memory.telemetry.event_table import FILES_NOT_REWRITTEN
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.store_calls import measure_calls

__all__ = ["RedisStore"]

SESSION_FORMAT: Final = 3
"""Rises when an older program must not write to a session any more.

The epoch left it at 1: an older program keeps the field, and a session without the field has the
empty epoch. The index made it 2: an older program would leave in the index the words of a turn that
it forgets. Checksums made it 3: an older program would take every record with a sum for damaged,
and pass it over. A session of an older format becomes one of format 3 with the next commit.
"""

DEADLINE: Final = 1.5
"""Seconds. If a server hangs, an agent's turn may take 2.5 s in all: the rest is for its answers
without memory, which take some tenths of a second on a busy machine.
"""

_PATTERN_CHARACTERS = frozenset("{}*?[]\\")


@measure_calls("redis")
class RedisStore:
    """Durable records and cached blobs at a URL, or through a client of your own, which the store
    never closes.

    `prefix` starts every key. `ttl` is how long a blob lives by default, `deadline` how long a call
    may take with its retries, `cooldown` how long a server is left alone after a failure (all in
    seconds). With `fsync` every commit waits until the server's append-only file is on disk
    (WAITAOF, from Redis 7.2; not in a Cluster). With `scrub` the server writes its files anew after
    something was forgotten. Raises `InputError` for a prefix or a URL that
    cannot be used, and for `fsync` in a Cluster.
    """

    def __init__(
        self,
        client: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = "optical",
        ttl: int = BLOB_TTL,
        deadline: float = DEADLINE,
        cooldown: float = 5.0,
        fsync: bool = False,
        scrub: bool = True,
    ) -> None:
        self.prefix = prefix
        self._scrubs = scrub
        self._unscrubbed: list[str] = []  # sentences about files that may keep deleted records
        self._ttl = ttl
        self._fsync = fsync
        self._client = GuardedClient(client, deadline=deadline, cooldown=cooldown)
        if not prefix or set(prefix) & _PATTERN_CHARACTERS:
            raise InputError(f"prefix {prefix!r} must not be empty or have any of {{}}*?[]\\")
        if fsync and self._client.is_cluster:
            raise InputError(
                "fsync=True needs one server: a Cluster client cannot wait for its append-only file"
            )

    def version(self, session: str) -> Version:
        """The session's version; `Version()` if it was never written or was dropped."""
        epoch, number = self._client.ask("HMGET", self._key(session, "meta"), "epoch", "version")
        return _version(epoch, number)

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        """The value of a record; None if there is none."""
        value: bytes | None = self._client.ask("HGET", self._key(session, kind), to_bytes(key))
        return value

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        """All records of a kind in key order, as of one moment.

        It may take longer than a turn's deadline, as a large session is as much as 100 MB.
        """
        records: dict[bytes, bytes] = self._client.ask(
            "HGETALL", self._key(session, kind), patience=SWEEP
        )
        return sorted((from_bytes(key), value) for key, value in records.items())

    def keys(self, session: str, kind: Kind) -> list[str]:
        """The keys of all records of a kind, in any order."""
        keys: list[bytes] = self._client.ask("HKEYS", self._key(session, kind), patience=SWEEP)
        return [from_bytes(key) for key in keys]

    def changes(self, session: str, since: Version) -> list[Change] | None:
        """What was written after `since`, without pictures; None if the log does not say."""
        return self.changes_since(session, since)[1]

    def changes_since(self, session: str, since: Version) -> tuple[Version, list[Change] | None]:
        """The session's version, and what `changes` gives, as of one moment."""
        kinds = [kind for kind in get_args(Kind) if kind != "picture"]
        keys = [self._key(session, name) for name in ("meta", "log", *kinds)]
        epoch, number, is_known, *entries = self._client.ask(
            "EVAL", CHANGES, len(keys), *keys, since.epoch, since.number, *kinds
        )
        version = _version(epoch, number)
        if not is_known or not since.exists:
            return version, None
        pairs = zip(entries[::2], entries[1::2], strict=True)
        return version, [change_of(*pair) for pair in pairs]

    def load(
        self, session: str, kinds: Sequence[Kind]
    ) -> tuple[Version, dict[Kind, list[tuple[str, bytes]]]]:
        """The session's version and what `scan` gives of each kind, as of one moment.

        It may take as long as `scan`.
        """
        keys = [self._key(session, name) for name in ("meta", *kinds)]
        epoch, number, *hashes = self._client.ask("EVAL", LOAD, len(keys), *keys, patience=SWEEP)
        records: dict[Kind, list[tuple[str, bytes]]] = {}
        for kind, items in zip(kinds, hashes, strict=True):
            pairs = zip(map(from_bytes, items[::2]), items[1::2], strict=True)
            records[kind] = sorted(pairs)
        return _version(epoch, number), records

    def get_many(self, session: str, kind: Kind, keys: Sequence[str]) -> list[bytes | None]:
        """The values of records in the order of `keys`; None for each that is not there."""
        if not keys:
            return []
        hash_key = self._key(session, kind)
        values: list[bytes | None] = self._client.ask("HMGET", hash_key, *map(to_bytes, keys))
        return values

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        """Apply all changes or none in one round trip; return the new version.

        Raises `Conflict` unless the session is at `expect`, and `NewerFormat` if a newer version of
        this package wrote the session.
        """
        names = ("meta", "commits", "log", "index", "session", "turn", "page")
        keys = [self._key(session, name) for name in names]
        keys += [self._key(session, change.kind) for change in changes]
        arguments: list[Any] = [
            uuid.uuid4().hex,
            *expectation(expect),
            new_epoch(),
            SESSION_FORMAT,
            LOG_VERSIONS if is_logged(changes) else "",
            1 if is_erasing() else "",
        ]
        for change in changes:
            arguments += change_arguments(change)
        ask = self._client.ask_synced if self._fsync else self._client.ask
        status, epoch, number = ask("EVAL", COMMIT, len(keys), *keys, *arguments)
        if status == NEWER_FORMAT:
            raise NewerFormat(
                f"session {session!r} has format {number}, newer than {SESSION_FORMAT}; "
                "upgrade optical-memory"
            )
        version = _version(epoch, number)
        if status == CONFLICT and expect is not None:
            raise conflict(session, version, expect)
        return version

    def sessions(self) -> list[str]:
        """All sessions under the prefix. Walks all keys of the server: not for an agent's turn."""
        head = f"{{{self.prefix}:"
        tail = "}:meta"
        keys = self._client.call(
            lambda client: [
                _text(key) for key in client.scan_iter(match=f"{head}*{tail}", count=1000)
            ],
            SWEEP,
        )
        names = {key[len(head) : -len(tail)] for key in keys}  # SCAN may give a key twice
        return sorted(unquote(name, errors="surrogatepass") for name in names if ":" not in name)

    def drop(self, session: str) -> None:
        """Remove every record and blob of a session; this ends its epoch.

        Its files forget them when the server writes them anew (`scrub`).
        """
        names = "blobs", "meta", "commits", "log", *get_args(Kind)
        self._client.ask("EVAL", DROP, len(names), *(self._key(session, name) for name in names))

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """Cached blobs in the order asked for, None for each that is absent."""
        if not keys:
            return []
        blobs: list[bytes | None] = self._client.ask(
            "MGET", *(self._blob(session, key) for key in keys)
        )
        return blobs

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """Cache blobs for `ttl` seconds. Raises `InputError` if `ttl` is not positive."""
        seconds = self._ttl if ttl is None else ttl
        require_ttl(seconds)
        keys = [self._key(session, "blobs"), *(self._blob(session, key) for key in blobs)]
        self._client.ask("EVAL", PUT_BLOBS, len(keys), *keys, int(seconds), *blobs.values())

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """Drop these blobs, or all blobs of the session."""
        index = self._key(session, "blobs")
        if keys is None:
            self._client.ask("EVAL", DROP, 1, index)
        elif keys:
            self._client.ask("DEL", *(self._blob(session, key) for key in keys))
            self._client.ask("ZREM", index, *(self._blob(session, key) for key in keys))

    def scrub(self) -> None:
        """Have the server write its files anew, without what was deleted; waits `SCRUB_SECONDS`.

        If it cannot, the log and `check` say so: that is no error, because the records are gone.
        """
        seconds = time_left()
        limit = SCRUB_SECONDS if seconds is None else min(seconds, SCRUB_SECONDS)
        self._unscrubbed = rewrite_files(self._client, limit) if self._scrubs else []
        for sentence in self._unscrubbed:
            emit(FILES_NOT_REWRITTEN, reason=sentence)

    def check(self) -> list[str]:
        """Problems of the store itself, one sentence each."""
        if self._unscrubbed:
            self.scrub()
        return self._client.call(redis_health.problems, SWEEP) + self._unscrubbed

    def close(self) -> None:
        """Close the connections that this store opened."""
        self._client.close()

    def _key(self, session: str, name: str) -> bytes:
        """`{prefix:session}:name`.

        The session is percent-encoded, so that no name breaks the tag or meets another session's.
        """
        safe_name = quote(session, safe="@/ ,+=", errors="surrogatepass")
        return f"{{{self.prefix}:{safe_name}}}:{name}".encode()

    def _blob(self, session: str, key: str) -> bytes:
        return self._key(session, "blob:") + to_bytes(key)


def _version(epoch: bytes | None, number: bytes | int | None) -> Version:
    """A version from the fields of a meta hash, of which none or only the epoch may be absent."""
    return Version(from_bytes(epoch or b""), int(number)) if number else Version()


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode("ascii")
