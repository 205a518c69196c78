"""The store contract: durable records of a session under one version number, and a cache of blobs
that may vanish.

Records are bytes under (session, kind, key); the memory gives them meaning, the store gives them
durability. Promises every store keeps, held by one contract suite:

* `commit` is atomic and durable before it returns: all changes or none, and after a crash the same.
* Every commit raises the session's version by one. With `expect`, a commit against any other
  version raises `Conflict` and writes nothing, so two processes may share a session.
* `scan` gives the records of a kind in key order, as of one moment.
* Blobs are a cache: any may be gone at any time, and that is never an error.

A `commit` that raises for lack of an answer may still have been applied; `version` tells, and with
`expect` it can never be applied twice or over another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

__all__ = ["BLOB_TTL", "Delete", "Kind", "Put", "Store", "from_bytes", "to_bytes"]

BLOB_TTL: Final = 7 * 24 * 3600
"""How long a blob is cached unless told otherwise (seconds)."""

Kind = Literal["session", "turn", "page", "picture"]


@dataclass(frozen=True, slots=True)
class Put:
    """Write one record."""

    kind: Kind
    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one record; removing what is not there is not an error."""

    kind: Kind
    key: str


def to_bytes(name: str) -> bytes:
    """The bytes of a session name or key; byte order is code-point order, and lone surrogates
    survive.
    """
    return name.encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


class Store(Protocol):
    """Durable records and a token cache. Every method may raise `StoreError`; all are thread-safe."""

    def version(self, session: str) -> int:
        """The session's version; 0 when it was never written."""
        ...

    def get(self, session: str, kind: Kind, key: str) -> bytes | None: ...

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        """All records of a kind in key order."""
        ...

    def commit(
        self, session: str, changes: Sequence[Put | Delete], expect: int | None = None
    ) -> int:
        """Apply all changes or none, durably; return the new version. Raises `Conflict` unless it
        was `expect`.
        """
        ...

    def sessions(self) -> list[str]: ...

    def drop(self, session: str) -> None:
        """Remove a session's every record and blob, beyond recovery."""
        ...

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """Cached blobs in the order asked for, None where absent; one round trip."""
        ...

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """Cache blobs; `ttl` in seconds, `BLOB_TTL` if None. Raises `ValueError` unless it is
        positive.
        """
        ...

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """Drop these blobs, or all of the session's."""
        ...

    def scrub(self) -> None:
        """Wait until what was deleted is in no file of the store's own any more. Raises
        `StoreError` if it still is.
        """
        ...

    def check(self) -> list[str]:
        """Problems found in the store itself (a corrupt file, a full disk, no persistence), one
        sentence each.
        """
        ...

    def close(self) -> None: ...
