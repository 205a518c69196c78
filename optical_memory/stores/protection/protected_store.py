"""A store whose values are protected: wrapped when they are written, unwrapped when they are read.

It reads nothing for a turn whose time is over, however the raw store waits.

A value that does not unwrap becomes a `DamagedValue`, which no parser takes. Cached tokens that do
not unwrap are as good as absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optical_memory.stores.base import (
    BatchStore,
    Change,
    Kind,
    Put,
    Store,
    Version,
    is_batch,
    record_keys,
)
from optical_memory.stores.protection.base import BLOB, DamagedValue, Protection
from optical_memory.stores.turn_time import require_time

__all__ = [
    "ProtectedBatchStore",
    "ProtectedStore",
    "protected",
]


class ProtectedStore:
    """A `Store` around a raw store. `raw` is that store."""

    def __init__(self, raw: Store, protection: Protection) -> None:
        self.raw = raw
        self.protection = protection

    def version(self, session: str) -> Version:
        """As the raw store."""
        require_time()
        return self.raw.version(session)

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        """The value of one record, None if it is not there."""
        require_time()
        data = self.raw.get(session, kind, key)
        return None if data is None else self.protection.value_of(session, kind, key, data)

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        """All records of a kind in key order."""
        require_time()
        return self.protection.unwrap_all(session, kind, self.raw.scan(session, kind))

    def keys(self, session: str, kind: Kind) -> list[str]:
        """The keys of all records of a kind, in any order."""
        require_time()
        return record_keys(self.raw, session, kind)

    def changes(self, session: str, since: Version) -> list[Change] | None:
        """As the raw store, with the values unwrapped."""
        require_time()
        return self._unwrapped(session, self.raw.changes(session, since))

    def _unwrapped(self, session: str, changes: list[Change] | None) -> list[Change] | None:
        if changes is None:
            return None
        return [
            replace(change, value=self._value(session, change))
            if isinstance(change, Put)
            else change
            for change in changes
        ]

    def _value(self, session: str, write: Put) -> bytes:
        return self.protection.value_of(session, write.kind, write.key, write.value)

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        """As the raw store, with the values wrapped."""
        wrapped = [
            replace(change, value=self._wrap(session, change))
            if isinstance(change, Put)
            else change
            for change in changes
        ]
        return self.raw.commit(session, wrapped, expect)

    def _wrap(self, session: str, write: Put) -> bytes:
        return self.protection.wrap(session, write.kind, write.key, write.value)

    def sessions(self) -> list[str]:
        """As the raw store."""
        return self.raw.sessions()

    def drop(self, session: str) -> None:
        """As the raw store."""
        self.raw.drop(session)

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        """As the raw store; None for a blob that does not unwrap."""
        require_time()
        blobs = self.raw.get_blobs(session, keys)
        return [self._blob(session, *pair) for pair in zip(keys, blobs, strict=True)]

    def _blob(self, session: str, key: str, data: bytes | None) -> bytes | None:
        if data is None:
            return None
        value = self.protection.value_of(session, BLOB, key, data)
        return None if isinstance(value, DamagedValue) else value

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        """As the raw store, with the values wrapped."""
        wrap = self.protection.wrap
        wrapped = {key: wrap(session, BLOB, key, blob) for key, blob in blobs.items()}
        self.raw.put_blobs(session, wrapped, ttl)

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        """As the raw store."""
        self.raw.drop_blobs(session, keys)

    def scrub(self) -> None:
        """As the raw store."""
        self.raw.scrub()

    def check(self) -> list[str]:
        """As the raw store."""
        return self.raw.check()

    def close(self) -> None:
        """As the raw store."""
        self.raw.close()


class ProtectedBatchStore(ProtectedStore):
    """A `BatchStore` around a raw store that is far away."""

    raw: BatchStore

    def changes_since(self, session: str, since: Version) -> tuple[Version, list[Change] | None]:
        """As the raw store, with the values unwrapped."""
        require_time()
        version, changes = self.raw.changes_since(session, since)
        return version, self._unwrapped(session, changes)

    def load(
        self, session: str, kinds: Sequence[Kind]
    ) -> tuple[Version, Mapping[Kind, list[tuple[str, bytes]]]]:
        """As the raw store, with the values unwrapped."""
        require_time()
        version, records = self.raw.load(session, kinds)
        unwrap_all = self.protection.unwrap_all
        return version, {kind: unwrap_all(session, kind, pairs) for kind, pairs in records.items()}

    def get_many(self, session: str, kind: Kind, keys: Sequence[str]) -> list[bytes | None]:
        """As the raw store, with the values unwrapped."""
        require_time()
        values = self.raw.get_many(session, kind, keys)
        return [
            None if data is None else self.protection.value_of(session, kind, key, data)
            for key, data in zip(keys, values, strict=True)
        ]


def protected(store: Store, protection: Protection) -> ProtectedStore:
    """The store with this protection; a store that is far away stays a `BatchStore`."""
    if is_batch(store):
        return ProtectedBatchStore(store, protection)
    return ProtectedStore(store, protection)
