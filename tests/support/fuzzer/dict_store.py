"""A store in a dictionary: what a case puts into it costs microseconds."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.stores.base import Change, Delete, Kind, Version, conflict, new_epoch

__all__ = ["DictStore"]

Records = dict[tuple[Kind, str], bytes]


class DictStore:
    """The records and blobs of each session, in this process alone."""

    def __init__(self) -> None:
        self.records: dict[str, Records] = {}
        self.blobs: dict[str, dict[str, bytes]] = {}
        self._versions: dict[str, Version] = {}

    def version(self, session: str) -> Version:
        return self._versions.get(session, Version())

    def get(self, session: str, kind: Kind, key: str) -> bytes | None:
        return self.records.get(session, {}).get((kind, key))

    def scan(self, session: str, kind: Kind) -> list[tuple[str, bytes]]:
        records = self.records.get(session, {})
        return sorted((key, value) for (kind_, key), value in records.items() if kind_ == kind)

    def changes(self, session: str, since: Version) -> list[Change] | None:
        return [] if since == self.version(session) else None

    def commit(
        self, session: str, changes: Sequence[Change], expect: Version | None = None
    ) -> Version:
        version = self.version(session)
        if expect is not None and expect != version:
            raise conflict(session, version, expect)
        records = self.records.setdefault(session, {})
        for change in changes:
            if isinstance(change, Delete):
                records.pop((change.kind, change.key), None)
            else:
                records[change.kind, change.key] = change.value
        self._versions[session] = Version(version.epoch or new_epoch(), version.number + 1)
        return self._versions[session]

    def sessions(self) -> list[str]:
        return sorted(self._versions)

    def drop(self, session: str) -> None:
        self.records.pop(session, None)
        self.blobs.pop(session, None)
        self._versions.pop(session, None)

    def get_blobs(self, session: str, keys: Sequence[str]) -> list[bytes | None]:
        return [self.blobs.get(session, {}).get(key) for key in keys]

    def put_blobs(self, session: str, blobs: dict[str, bytes], ttl: int | None = None) -> None:
        self.blobs.setdefault(session, {}).update(blobs)

    def drop_blobs(self, session: str, keys: Sequence[str] | None = None) -> None:
        blobs = self.blobs.get(session, {})
        for key in list(blobs) if keys is None else keys:
            blobs.pop(key, None)

    def scrub(self) -> None:
        return None

    def check(self) -> list[str]:
        return []

    def close(self) -> None:
        return None

    def copy(self) -> DictStore:
        """Another store with the same content."""
        store = DictStore()
        store.records = {session: dict(records) for session, records in self.records.items()}
        store.blobs = {session: dict(blobs) for session, blobs in self.blobs.items()}
        store._versions = dict(self._versions)
        return store
