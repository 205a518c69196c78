"""A session read from its store: all of it, or what changed since a snapshot.

A store that is far away is asked once (`BatchStore`); any other a few times, until no writer came
between.
"""

from __future__ import annotations

from optical_memory.session.snapshot import RECORD_KINDS, Snapshot
from optical_memory.stores.base import BatchStore, Kind, Store, Version, is_batch

__all__ = ["read_session"]


def read_session(
    store: Store,
    session: str,
    previous: Snapshot | None,
    *,
    is_doubtful: bool = False,
    with_index: bool = False,
) -> Snapshot:
    """The session as it is now; `previous` itself if nothing was written since.

    With `is_doubtful` a new snapshot is made all the same. With `with_index` a store that is far
    away gives the index in the same round trip, and not when it is asked for. Raises `StoreError`.
    """
    if is_batch(store):
        return _read_at_once(store, session, previous, is_doubtful, with_index)
    version = store.version(session)
    if previous is not None and version == previous.version and not is_doubtful:
        return previous
    while True:
        snapshot = _read_at(store, session, version, previous)
        version_after = store.version(session)
        if version_after == version:
            return snapshot
        version = version_after


def _read_at_once(
    store: BatchStore, session: str, previous: Snapshot | None, is_doubtful: bool, with_index: bool
) -> Snapshot:
    if previous is not None:
        version, changes = store.changes_since(session, previous.version)
        if version == previous.version and not is_doubtful:
            return previous
        if changes is not None:
            return previous.after(changes, version)
    if not with_index:
        version, records = store.load(session, tuple(RECORD_KINDS))
        return Snapshot.of(records, version, lambda: store.scan(session, "index"))
    version, records = store.load(session, (*RECORD_KINDS, "index"))
    index = records.pop("index")
    snapshot = Snapshot.of(records, version, lambda: index)
    len(snapshot.index)  # takes the index in now, so that later changes are made to it
    return snapshot


def _read_at(store: Store, session: str, version: Version, previous: Snapshot | None) -> Snapshot:
    """The session as of `version`, if nobody writes meanwhile."""
    if previous is not None:
        changes = store.changes(session, previous.version)
        if changes is not None:
            return previous.after(changes, version)
    records: dict[Kind, list[tuple[str, bytes]]] = {
        kind: store.scan(session, kind) for kind in RECORD_KINDS
    }
    return Snapshot.of(records, version, lambda: store.scan(session, "index"))
