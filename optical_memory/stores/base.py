"""The store contract: durable records of a session under one version, and a cache of blobs that may
vanish.

Records are bytes under (session, kind, key). The memory gives them meaning, the store makes them
durable. Every store keeps these promises, and one contract suite tests them:

* `commit` is atomic and durable before it returns: all changes or none, also after a crash.
* Every commit raises the number of the session's version by one. With `expect`, a commit against
  any other version raises `Conflict` and writes nothing, so two processes may share a session.
* A session that begins gets a new random epoch. If a session was dropped or lost and begins again,
  it has no version that it had before, so no process takes its old cache for the new session.
* `scan` gives the records of a kind in key order, as of one moment.
* `changes` gives everything written since a version, or None. The log behind it holds keys and
  never values, so content that was deleted or replaced is nowhere in it.
* Blobs are a cache: any blob may vanish at any time, and that is never an error.

If no answer comes, `commit` raises although the store may have applied it; `version` tells. With
`expect`, a commit is never applied twice or over another process's commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeGuard

from optical_memory.errors import Conflict, InputError
from optical_memory.turns import short_repr

__all__ = [
    "BLOB_TTL",
    "LOG_CHANGES",
    "LOG_VERSIONS",
    "BatchStore",
    "Change",
    "Delete",
    "Kind",
    "Put",
    "Store",
    "Version",
    "conflict",
    "from_bytes",
    "is_batch",
    "is_logged",
    "new_epoch",
    "record_keys",
    "require_ttl",
    "to_bytes",
]

BLOB_TTL: Final = 7 * 24 * 3600
"""How long a blob is cached unless the caller says otherwise (seconds)."""

LOG_VERSIONS: Final = 1024
"""A log of changes covers so many versions. A process that is further behind reads everything:
after a thousand commits that costs about as much.
"""

LOG_CHANGES: Final = 4096
"""A commit of more changes is not logged: reading everything costs no more than reading those."""

Kind = Literal["session", "turn", "page", "index", "picture"]


@dataclass(frozen=True, slots=True)
class Version:
    """How far a session is.

    `number` rises by one with every commit. `epoch` names this life of the session: a new random
    name each time the session begins. It is empty if an older program began the session.
    """

    epoch: str = ""
    number: int = 0

    @property
    def exists(self) -> bool:
        """False if the session was never written or was dropped."""
        return self.number > 0


@short_repr
@dataclass(frozen=True, slots=True)
class Put:
    """Write one record."""

    kind: Kind
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one record; it is no error if the record is not there."""

    kind: Kind
    key: str


Change = Put | Delete


class Store(Protocol):
    """Durable records and a token cache. Every method is thread-safe and may raise `StoreError`."""

    def version(self, session: str) -> Version:
        """The session's version; `Version()` if it was never written or was dropped."""
        ...

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        """The value of one record, None if it is not there."""
        ...

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        """All records of a kind in key order."""
        ...

    def changes(self, session: str, since: Version) -> list[Change] | None:
        """What was written after the version `since`, pictures left out, as of one moment.

        A record that was written is a `Put` of its present value, however often it was written. A
        record that is gone is a `Delete`; it may be one that was never there. None if the store
        cannot say: the session has another epoch, is older than `since`, or its log does not reach
        back so far. Then the caller reads the whole session.
        """
        ...

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        """Apply all changes or none, durably; return the new version.

        Raises `Conflict` unless the session is at exactly `expect`, epoch and number. With
        `expect=Version()` the session must not exist; with None any version will do.
        """
        ...

    def sessions(self) -> list[str]:
        """The names of all sessions that exist, sorted."""
        ...

    def drop(self, session: str) -> None:
        """Remove every record and blob of a session beyond recovery; this ends its epoch."""
        ...

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """Cached blobs in the order of `keys`, None if a blob is absent; one round trip."""
        ...

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """Cache blobs for `ttl` seconds, by default `BLOB_TTL`.

        Raises `InputError` if `ttl` is not positive.
        """
        ...

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """Drop these blobs, or all blobs of the session."""
        ...

    def scrub(self) -> None:
        """Wait until deleted bytes are in no file of the store's own.

        Raises `StoreError` if some are still there in the end.
        """
        ...

    def check(self) -> list[str]:
        """Problems of the store itself, one sentence each: a corrupt file, a full disk, no
        persistence.
        """
        ...

    def close(self) -> None:
        """Close files and connections that the store opened. A second call does nothing."""
        ...


class BatchStore(Store, Protocol):
    """A store that is far away: it answers in one round trip what `Store` asks in several."""

    def changes_since(self, session: str, since: Version) -> tuple[Version, list[Change] | None]:
        """The session's version, and what `changes` gives, as of one moment."""
        ...

    def load(
        self, session: str, kinds: Sequence[Kind]
    ) -> tuple[Version, dict[Kind, list[tuple[str, bytes]]]]:
        """The session's version, and what `scan` gives of each kind, as of one moment."""
        ...

    def get_many(self, session: str, kind: Kind, keys: Sequence[str]) -> list[bytes | None]:
        """The values of records in the order of `keys`, None for each that is not there."""
        ...


def is_batch(store: Store) -> TypeGuard[BatchStore]:
    """True for a store of a class that has the methods of `BatchStore`.

    A wrapper that only passes on unknown names is asked one thing at a time, through its methods.
    """
    return all(hasattr(type(store), name) for name in ("changes_since", "load", "get_many"))


def record_keys(store: Store, session: str, kind: Kind) -> list[str]:
    """The keys of all records of a kind; the store's class may have a method `keys` that is faster
    than `scan`.
    """
    keys_of = getattr(type(store), "keys", None)
    if keys_of is not None:
        return list(keys_of(store, session, kind))
    return [key for key, _ in store.scan(session, kind)]


# ---- shared by the stores ------------------------------------------------------------------------


def to_bytes(name: str) -> bytes:
    """The bytes of a session name or key.

    The order of the bytes is the order of the code points, and lone surrogates survive.
    """
    return name.encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> str:
    """The name or key that `to_bytes` turned into `data`."""
    return data.decode("utf-8", "surrogatepass")


def is_logged(changes: Sequence[Change]) -> bool:
    """True if a commit of these changes stands in the log of changes."""
    return len(changes) <= LOG_CHANGES


def new_epoch() -> str:
    """A random name for the life of a session that begins: 64 bits, so that none comes twice."""
    return secrets.token_hex(8)


def conflict(session: str, version: Version, expect: Version) -> Conflict:
    """The error of a commit that expects another version than the session has."""
    if not version.exists:
        state = "does not exist"
    elif expect.exists and expect.epoch != version.epoch:
        state = "was dropped or lost, and has begun again"
    else:
        state = f"is at version {version.number}, not {expect.number}"
    return Conflict(f"session {session!r} {state}; read it again and retry")


def require_ttl(seconds: int) -> None:
    """Raises `InputError` if a blob cannot live for so many seconds."""
    if seconds <= 0:
        raise InputError(f"ttl must be positive, not {seconds!r}")
