"""A store in plain Redis or Valkey (6 or newer, no modules), alone or as a Cluster.

Keys of a session share one hash tag: `{prefix:session}:meta` (version), `:commits` (the last commit
tokens), one hash per kind of record, `:blob:<key>` and `:blobs` (which blobs there may be). Blobs
alone have a TTL, so `volatile-lru` evicts nothing else. A commit is one server-side script: one
round trip, atomic in memory and in the append-only file, and never a retry because a neighbour
wrote in between, as WATCH would ask for. It carries a token, so asking twice writes once. How
durable a commit is, the server's own persistence decides: with `appendfsync everysec` a power cut
may cost the last second, with `always` or `fsync=True` nothing; `check` names what would lose
records.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    RedisClusterException,
    TryAgainError,
)
from redis.retry import Retry

from optical_memory.errors import Conflict, StoreError
from optical_memory.stores import redis_health
from optical_memory.stores.base import BLOB_TTL, Delete, Kind, Put, from_bytes, to_bytes
from optical_memory.stores.guard import Guard

__all__ = ["RedisStore"]

T = TypeVar("T")
FORMAT: Final = 1
_KINDS: Final = ("session", "turn", "page", "picture")
_TRANSIENT = (
    redis.ConnectionError,
    redis.TimeoutError,
    ClusterDownError,
    TryAgainError,
    RedisClusterException,
    OSError,
)
_PERMANENT = (AuthenticationError, AuthorizationError)
_SWEEP = 10  # times the deadline, for the calls that walk all keys and are in no agent's turn

# KEYS: meta, commits, then the hash of each change. ARGV: token, expected version or "", format;
# op, key, value each.
_COMMIT = """
local format = tonumber(redis.call('HGET', KEYS[1], 'format') or ARGV[3])
if format > tonumber(ARGV[3]) then return {-1, format} end
for _, entry in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local token, version = string.match(entry, '^(%S+) (%d+)$')
  if token == ARGV[1] then return {1, tonumber(version)} end
end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if ARGV[2] ~= '' and tonumber(ARGV[2]) ~= version then return {0, version} end
redis.call('HSET', KEYS[1], 'version', version + 1, 'format', ARGV[3])
redis.call('LPUSH', KEYS[2], ARGV[1] .. ' ' .. (version + 1))
redis.call('LTRIM', KEYS[2], 0, 31)
for i = 3, #KEYS do
  local at = 4 + 3 * (i - 3)
  if ARGV[at] == 'put' then redis.call('HSET', KEYS[i], ARGV[at + 1], ARGV[at + 2])
  else redis.call('HDEL', KEYS[i], ARGV[at + 1]) end
end
return {1, version + 1}
"""

# KEYS: blobs, then each blob. ARGV: ttl, then each value.
_PUT_BLOBS = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), KEYS[i])
  redis.call('SET', KEYS[i], ARGV[i], 'EX', ARGV[1])
end
return #KEYS - 1
"""

# KEYS: blobs, then the keys to remove beside every blob.
_DROP = """
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('DEL', key) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
return 1
"""


class RedisStore:
    """Durable records and cached blobs at a URL, or through a client of your own, which is never
    closed here.

    `prefix` starts every key. `ttl` is a blob's life by default, `deadline` what one call may take
    with its retries, `cooldown` how long a failed server is left alone (all in seconds). `fsync`
    makes every commit wait until the server's append-only file is on disk (WAITAOF, from Redis 7.2;
    not in a Cluster).
    """

    def __init__(
        self,
        client: str | redis.Redis | redis.RedisCluster,
        *,
        prefix: str = "optical",
        ttl: int = BLOB_TTL,
        deadline: float = 2.0,
        cooldown: float = 5.0,
        fsync: bool = False,
    ) -> None:
        if not isinstance(client, (str, redis.Redis, redis.RedisCluster)):
            raise TypeError(
                f"need a URL or a synchronous redis-py client, not {type(client).__name__}"
            )
        if not prefix or set(prefix) & set("{}*?[]\\"):
            raise ValueError(f"prefix {prefix!r} must be given and have none of {{}}*?[]\\")
        self.prefix = prefix
        self._ttl = ttl
        self._fsync = fsync
        self._guard = Guard(
            deadline=deadline, cooldown=cooldown, transient=_TRANSIENT, permanent=_PERMANENT
        )
        self._url = client if isinstance(client, str) else None
        self._client = None if isinstance(client, str) else client
        self._opening = threading.Lock()
        if fsync and (isinstance(client, redis.RedisCluster) or "+cluster" in (self._url or "")):
            raise ValueError(
                "fsync=True needs one server: a Cluster client cannot wait for its append-only file"
            )

    def version(self, session: str) -> int:
        return int(self._ask("HGET", self._key(session, "meta"), "version") or 0)

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        value: bytes | None = self._ask("HGET", self._key(session, kind), to_bytes(key))
        return value

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        records: dict[bytes, bytes] = self._ask("HGETALL", self._key(session, kind))
        return [(from_bytes(key), value) for key, value in sorted(records.items())]

    def commit(
        self, session: str, changes: Sequence[Put | Delete], expect: int | None = None
    ) -> int:
        keys = [
            self._key(session, name)
            for name in ("meta", "commits", *(change.kind for change in changes))
        ]
        args: list[Any] = [uuid.uuid4().hex, "" if expect is None else expect, FORMAT]
        for change in changes:
            value = (
                ("put", change.key, change.value)
                if isinstance(change, Put)
                else ("del", change.key, b"")
            )
            args += [value[0], to_bytes(value[1]), value[2]]
        command = ("EVAL", _COMMIT, len(keys), *keys, *args)
        status, version = self._ask_synced(*command) if self._fsync else self._ask(*command)
        if status == 0:
            raise Conflict(
                f"session {session!r} is at version {version}, not {expect}; read again and retry"
            )
        if status < 0:
            raise StoreError(
                f"session {session!r} has format {version}, newer than {FORMAT}; upgrade optical-memory"
            )
        return int(version)

    def sessions(self) -> list[str]:
        """All sessions under the prefix. Walks the server's whole key space: not for an agent's
        turn.
        """
        head, tail = f"{{{self.prefix}:", "}:meta"
        found = self._call(
            lambda client: [
                _text(key) for key in client.scan_iter(match=f"{head}*{tail}", count=1000)
            ],
            _SWEEP,
        )
        names = {key[len(head) : -len(tail)] for key in found}  # SCAN may give a key twice
        return sorted(unquote(name, errors="surrogatepass") for name in names if ":" not in name)

    def drop(self, session: str) -> None:
        """Remove a session's every record and blob. The append-only file forgets at the server's
        next rewrite of it.
        """
        keys = [self._key(session, name) for name in ("blobs", "meta", "commits", *_KINDS)]
        self._ask("EVAL", _DROP, len(keys), *keys)

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        values: list[bytes | None] = self._ask("MGET", *(self._blob(session, key) for key in keys))
        return values

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        seconds = self._ttl if ttl is None else ttl
        if seconds <= 0:
            raise ValueError(f"ttl must be positive, not {ttl!r}")
        keys = [self._key(session, "blobs"), *(self._blob(session, key) for key in blobs)]
        self._ask("EVAL", _PUT_BLOBS, len(keys), *keys, int(seconds), *blobs.values())

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        index = self._key(session, "blobs")
        if keys is None:
            self._ask("EVAL", _DROP, 1, index)
        elif keys:
            self._ask("DEL", *(self._blob(session, key) for key in keys))
            self._ask("ZREM", index, *(self._blob(session, key) for key in keys))

    def scrub(self) -> None:
        """Nothing to wait for: the server's files are its own."""

    def check(self) -> list[str]:
        return self._call(redis_health.problems, _SWEEP)

    def close(self) -> None:
        if self._url is not None and self._client is not None:
            self._client.close()

    def _key(self, session: str, name: str) -> bytes:
        """`{prefix:session}:name`; the session is percent-encoded, so that no name breaks the tag
        or meets another.
        """
        return f"{{{self.prefix}:{quote(session, safe='@/ ,+=', errors='surrogatepass')}}}:{name}".encode()

    def _blob(self, session: str, key: str) -> bytes:
        return self._key(session, "blob:") + to_bytes(key)

    def _ask(self, *command: Any) -> Any:
        """One command, its answer as bytes whatever the client decodes."""
        return self._call(lambda client: client.execute_command(*command, NEVER_DECODE=True))

    def _ask_synced(self, *command: Any) -> Any:
        def attempt(client: Any) -> Any:
            pipe = client.pipeline(
                transaction=False
            )  # one connection: WAITAOF waits for its own writes
            pipe.execute_command(*command)
            pipe.execute_command("WAITAOF", 1, 0, int(self._guard.deadline * 1000))
            return pipe.execute()

        answer, (synced, _) = self._call(attempt)
        if not synced:
            raise StoreError(
                "Redis wrote the commit but did not confirm that it is on disk; is appendonly on?"
            )
        return answer

    def _call(self, attempt: Callable[[Any], T], patience: int = 1) -> T:
        try:
            return self._guard.call(lambda: attempt(self._open()), patience * self._guard.deadline)
        except (redis.RedisError, RedisClusterException, OSError) as error:
            raise StoreError(f"Redis said no: {error}") from error

    def _open(self) -> Any:
        with self._opening:
            if self._client is None:
                assert self._url is not None
                self._client = _connect(self._url, self._guard.deadline)
            return self._client


def _connect(url: str, deadline: float) -> redis.Redis | redis.RedisCluster:
    """Our own client: its timeouts are the deadline, and it leaves retries to the guard."""
    options: dict[str, Any] = {
        "socket_timeout": deadline,
        "socket_connect_timeout": deadline,
        "socket_read_size": 1 << 20,
    }
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        return redis.RedisCluster.from_url(f"{scheme.removesuffix('+cluster')}://{rest}", **options)
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode("ascii")
