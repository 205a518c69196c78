"""One session in a store, as typed records: a cached snapshot, and atomic changes that survive a race with others.

Every change is a function from the snapshot to a list of writes. If another process wrote first, nothing was written;
the snapshot is read anew and the function runs again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optical_memory.errors import Conflict
from optical_memory.records import PageRecord, SessionRecord, TurnRecord, load
from optical_memory.stores.base import Delete, Put, Store

__all__ = ["Archive", "Change", "Snapshot", "put"]

Change = Put | Delete
TRIES = 50


@dataclass
class Snapshot:
    """A session as of one version. Treat as read-only: `Archive` alone keeps it up to date."""

    version: int = 0
    session: SessionRecord = field(default_factory=SessionRecord)
    turns: dict[str, TurnRecord] = field(default_factory=dict)  # by key, in order
    pages: dict[str, PageRecord] = field(default_factory=dict)  # by id, in order
    keys: dict[str, str] = field(default_factory=dict)  # turn id -> key of its latest record

    def open_turns(self) -> list[TurnRecord]:
        """Turns with text that stands on no sealed page yet, oldest first."""
        found: list[TurnRecord] = []
        for record in reversed(self.turns.values()):
            if record.sealed:
                break
            if not record.forgotten:
                found.append(record)
        return found[::-1]

    def turn(self, id: str) -> TurnRecord | None:
        key = self.keys.get(id)
        return None if key is None else self.turns[key]

    def apply(self, changes: Sequence[Change], version: int) -> None:
        for change in changes:
            self._apply(change)
        self.version = version

    def _apply(self, change: Change) -> None:
        if isinstance(change, Delete):
            if change.kind == "turn" and (gone := self.turns.pop(change.key, None)):
                self.keys.pop(gone.id, None)
            elif change.kind == "page":
                self.pages.pop(change.key, None)
        elif change.kind == "session":
            self.session = load(SessionRecord, change.value)
        elif change.kind == "turn":
            self.turns[change.key] = record = load(TurnRecord, change.value)
            self.keys[record.id] = change.key
        elif change.kind == "page":
            self.pages[change.key] = load(PageRecord, change.value)


def put(record: SessionRecord | TurnRecord | PageRecord) -> Put:
    """The write that stores a record under its own key."""
    if isinstance(record, SessionRecord):
        return Put("session", "session", record.dump())
    if isinstance(record, TurnRecord):
        return Put("turn", f"{record.ordinal:09d}", record.dump())
    return Put("page", record.id, record.dump())


class Archive:
    """Typed, thread-safe access to one session of a store that other processes may write to."""

    def __init__(self, store: Store, session: str) -> None:
        self.store, self.session = store, session
        self._lock = threading.RLock()
        self._snapshot = Snapshot()
        self._fresh = False

    def snapshot(self) -> Snapshot:
        """The session as it is now; read anew only when its version has changed."""
        with self._lock:
            version = self.store.version(self.session)
            if not self._fresh or version != self._snapshot.version:
                self._snapshot = self._read(version)
                self._fresh = True
            return self._snapshot

    def update(self, change: Callable[[Snapshot], Sequence[Change]]) -> Snapshot:
        """Run `change` on the snapshot and commit what it returns, again if another process was faster."""
        with self._lock:
            for _ in range(TRIES):
                snapshot = self.snapshot()
                changes = change(snapshot)
                if not changes:
                    return snapshot
                try:
                    version = self.store.commit(self.session, changes, expect=snapshot.version)
                except Conflict:
                    continue
                except BaseException:
                    self._fresh = False  # whether it was written is not known: read anew
                    raise
                snapshot.apply(changes, version)
                return snapshot
            raise Conflict(f"session {self.session!r} changed {TRIES} times in a row while writing; nothing was written")

    def picture(self, page: str, rung: str) -> bytes | None:
        return self.store.get(self.session, "picture", f"{page}/{rung}")

    def _read(self, version: int) -> Snapshot:
        """All records, as of one version: read again when a writer came between."""
        while True:
            snapshot = Snapshot()
            for kind in ("session", "turn", "page"):
                found = self.store.scan(self.session, kind)  # type: ignore[arg-type]  # literals in a tuple
                snapshot.apply([Put(kind, key, value) for key, value in found], version)  # type: ignore[arg-type]
            now = self.store.version(self.session)
            if now == version:
                return snapshot
            version = now
