"""One session in a store, as typed records: a snapshot that never changes, and atomic changes that
survive races.

Every change is a function from a snapshot to a list of writes. If another process wrote first,
nothing was written; the snapshot is read anew and the function runs again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from optical_memory.errors import Conflict
from optical_memory.session.records import (
    PageRecord,
    SessionRecord,
    TurnRecord,
    load,
    picture_key,
    turn_key,
)
from optical_memory.stores.base import Delete, Kind, Put, Store

__all__ = ["RECORDS", "Archive", "Change", "Snapshot", "put"]

Change = Put | Delete
RECORDS: Final[tuple[Kind, ...]] = ("session", "turn", "page")
TRIES = 50


@dataclass(frozen=True)
class Snapshot:
    """A session as of one version. It never changes; threads may keep one as long as they like."""

    version: int = 0
    session: SessionRecord = field(default_factory=SessionRecord)
    turns: dict[str, TurnRecord] = field(default_factory=dict)  # by key, in order
    pages: dict[str, PageRecord] = field(default_factory=dict)  # by id, in order
    keys: dict[str, str] = field(default_factory=dict)  # turn id -> its key

    def open_turns(self) -> list[TurnRecord]:
        """Turns with text that stands on no sealed page yet, oldest first. Turns are sealed in
        order.
        """
        found: list[TurnRecord] = []
        for record in reversed(self.turns.values()):
            if record.forgotten:
                continue
            if record.sealed:
                break
            found.append(record)
        return found[::-1]

    def turn(self, id: str) -> TurnRecord | None:
        key = self.keys.get(id)
        return None if key is None else self.turns[key]

    def record(self, change: Change) -> TurnRecord | PageRecord | None:
        """The turn or page that a change would replace; None for other kinds and for what is not
        there.
        """
        found = self.turns if change.kind == "turn" else self.pages if change.kind == "page" else {}
        return found.get(change.key)

    def after(self, changes: Iterable[Change], version: int) -> Snapshot:
        """The session with these changes made."""
        new = Snapshot(version, self.session, dict(self.turns), dict(self.pages), dict(self.keys))
        for change in changes:
            if isinstance(change, Delete):
                new._drop(change)
            elif change.kind == "session":
                object.__setattr__(new, "session", load(SessionRecord, change.value))
            elif change.kind == "turn":
                new.turns[change.key] = record = load(TurnRecord, change.value)
                new.keys[record.id] = change.key
            elif change.kind == "page":
                new.pages[change.key] = load(PageRecord, change.value)
        return new

    def _drop(self, change: Delete) -> None:
        if change.kind == "turn" and (gone := self.turns.pop(change.key, None)):
            self.keys.pop(gone.id, None)
        elif change.kind == "page":
            self.pages.pop(change.key, None)


def put(record: SessionRecord | TurnRecord | PageRecord) -> Put:
    """The write that stores a record under its own key."""
    if isinstance(record, SessionRecord):
        return Put("session", "session", record.dump())
    if isinstance(record, TurnRecord):
        return Put("turn", turn_key(record.ordinal), record.dump())
    return Put("page", record.id, record.dump())


class Archive:
    """Typed, thread-safe access to one session of a store that other processes may write to."""

    def __init__(self, store: Store, session: str) -> None:
        self.store, self.session = store, session
        self._lock = threading.RLock()
        self._cached: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The session as it is now; read anew only when its version has changed."""
        with self._lock:
            version = self.store.version(self.session)
            if self._cached is None or version != self._cached.version:
                self._cached = self._read(version)
            return self._cached

    def update(self, change: Callable[[Snapshot], Sequence[Change]]) -> Snapshot:
        """Run `change` on the snapshot and commit what it returns, again if another process was
        faster.

        Other writers wait meanwhile, so `change` must be quick; what takes long goes through
        `replace`.
        """
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
                    self._cached = None  # whether it was written is not known: read anew
                    raise
                self._cached = snapshot.after(changes, version)
                return self._cached
            raise self._overtaken()

    def replace(self, prepare: Callable[[Snapshot], Sequence[Change]]) -> bool:
        """Like `update`, but nobody waits while `prepare` runs; False if it had nothing to change.

        Its writes go in only if every turn and page that they replace is still as it was; else it
        runs again.
        """
        for _ in range(TRIES):
            seen = self.snapshot()
            changes = prepare(seen)
            if not changes:
                return False
            if self._swap(seen, changes):
                return True
        raise self._overtaken()

    def _overtaken(self) -> Conflict:
        return Conflict(
            f"session {self.session!r} changed {TRIES} times in a row while writing; nothing was written"
        )

    def _swap(self, seen: Snapshot, changes: Sequence[Change]) -> bool:
        fits = False

        def unless_stale(now: Snapshot) -> Sequence[Change]:
            nonlocal fits
            fits = all(now.record(change) == seen.record(change) for change in changes)
            return changes if fits else []

        self.update(unless_stale)
        return fits

    def picture(self, page: str, rung: str) -> bytes | None:
        return self.store.get(self.session, "picture", picture_key(page, rung))

    def _read(self, version: int) -> Snapshot:
        """All records, as of one version: read again when a writer came between."""
        while True:
            found = [
                Put(kind, key, value)
                for kind in RECORDS
                for key, value in self.store.scan(self.session, kind)
            ]
            now = self.store.version(self.session)
            if now == version:
                return Snapshot().after(found, version)
            version = now
