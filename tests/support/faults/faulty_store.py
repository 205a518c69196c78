"""A real store behind a fault point: each call of the contract is a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optical_memory.errors import StoreError
from optical_memory.stores import Store
from optical_memory.stores.base import Change, Kind, Version, is_batch
from support.faults.fault_point import FaultPoint

__all__ = [
    "FaultyBatchStore",
    "FaultyStore",
    "faulty",
]


class FaultyStore:
    """A store of which any call may fail. With `spoils` it spoils its cache as the contract allows.

    "drops" forgets every blob at once, "tears" cuts each in half, "swaps" gives one for another,
    and "fails" refuses every call of the cache but the removal of blobs.
    """

    def __init__(self, store: Store, point: FaultPoint, spoils: str = "") -> None:
        self._store = store
        self._point = point
        self._spoils = spoils

    def _step(self, name: str, *arguments: Any) -> Any:
        method: Callable[..., Any] = getattr(self._store, name)
        return self._point.step(name, lambda: method(*arguments))

    def version(self, session: str) -> Version:
        return self._step("version", session)

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        return self._step("get", session, kind, key)

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        return self._step("scan", session, kind)

    def keys(self, session: str, kind: Kind) -> list[str]:
        return self._step("keys", session, kind)

    def changes(self, session: str, since: Version) -> list[Change] | None:
        return self._step("changes", session, since)

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        return self._step("commit", session, changes, expect)

    def sessions(self) -> list[str]:
        return self._step("sessions")

    def drop(self, session: str) -> None:
        self._step("drop", session)

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        if self._spoils == "fails":
            raise StoreError("the cache is gone")
        blobs: list[bytes | None] = self._step("get_blobs", session, keys)
        return blobs

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        if self._spoils == "fails":
            raise StoreError("the cache is gone")
        self._step("put_blobs", session, self._spoilt(blobs), ttl)

    def _spoilt(self, blobs: dict[str, bytes]) -> dict[str, bytes]:
        if self._spoils == "drops":
            return {}
        if self._spoils == "tears":
            return {key: blob[: len(blob) // 2] for key, blob in blobs.items()}
        if self._spoils == "swaps":
            return dict(zip(blobs, reversed(list(blobs.values())), strict=True))
        return blobs

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        self._step("drop_blobs", session, keys)

    def scrub(self) -> None:
        self._step("scrub")

    def check(self) -> list[str]:
        return self._step("check")

    def close(self) -> None:
        self._store.close()


class FaultyBatchStore(FaultyStore):
    """The same for a store that is far away."""

    def changes_since(self, session: str, since: Version) -> tuple[Version, list[Change] | None]:
        return self._step("changes_since", session, since)

    def load(
        self, session: str, kinds: Sequence[Kind]
    ) -> tuple[Version, dict[Kind, list[tuple[str, bytes]]]]:
        return self._step("load", session, kinds)

    def get_many(self, session: str, kind: Kind, keys: Sequence[str]) -> list[bytes | None]:
        return self._step("get_many", session, kind, keys)


def faulty(store: Store, point: FaultPoint, spoils: str = "") -> FaultyStore:
    """The store behind this point, of the class that says as much as the store's own."""
    kind = FaultyBatchStore if is_batch(store) else FaultyStore
    return kind(store, point, spoils)
