"""A session in a store, as typed records: snapshots never change, changes survive races.

A change is a function from a snapshot to a list of writes. If another process wrote first, nothing
was written; the snapshot is read again and the function runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from optical_memory.errors import Conflict, SessionLost, StoreError
from optical_memory.session.counts.changes import count_commit
from optical_memory.session.opening.first_reading import FirstReading
from optical_memory.session.opening.losses import absent_turns
from optical_memory.session.opening.read_session import read_session
from optical_memory.session.records import picture_key
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.base import Store, Version, is_batch, record_keys
from optical_memory.stores.encryption.encrypted_store import encrypted
from optical_memory.stores.encryption.tenant_key import KeyService
from optical_memory.stores.locks import TurnLock
from optical_memory.stores.protection.base import Protection
from optical_memory.stores.protection.checksums import Checksums
from optical_memory.stores.protection.protected_store import ProtectedStore, protected
from optical_memory.stores.turn_time import time_left
from optical_memory.telemetry.event_table import (
    RECORD_DAMAGED,
    SESSION_BEGAN_AGAIN,
    TURNS_ABSENT,
    TURNS_LOST,
)
from optical_memory.telemetry.events import emit

__all__ = [
    "Archive",
]

Result = TypeVar("Result")
Changes = Sequence[Change]

READ_TRIES = 5
"""How often a reading starts again because pages changed while it read them."""

COMMIT_TRIES = 50
"""How often a change runs at most, if other processes write first. Each failed run is a commit of
another process, so only many processes that never stop writing use them up.
"""


class Archive:
    """Typed, thread-safe access to one session of a store that other processes may write to.

    `store` reads and writes values through `protection`, by default `Checksums`; with a tenant's
    `key` it encrypts them. `raw_store` is the store itself.
    """

    def __init__(
        self,
        store: Store,
        session: str,
        protection: Protection | None = None,
        *,
        key: KeyService | None = None,
    ) -> None:
        self.raw_store = store
        self.store = (
            protected(store, protection or Checksums()) if key is None else encrypted(store, key)
        )
        self.session = session
        # Held while a change runs and is committed, so that threads of this process take turns
        # instead of making each other's commits fail. Reentrant: a change may ask for a snapshot.
        self._lock = TurnLock(self._doubt)
        self._first_reading = FirstReading(lambda: self._read_now(with_index=True))
        self._latest: Snapshot | None = None
        self._doubtful = False  # True after a commit of which nobody knows if it was made
        self._n_absent = 0  # turns that are gone from the store, of which a caller was told

    @property
    def latest(self) -> Snapshot | None:
        """The session as this process knew it last; no store is asked."""
        return self._latest

    def snapshot(self) -> Snapshot:
        """The session as it is now; of a known session, only changes are read.

        Raises `SessionLost`, once, if turns that were acknowledged are gone from the store, and
        `StoreTimeout` if the turn has no time left.
        """
        return self._first_snapshot() or self._read_now(with_index=time_left() is not None)

    def _first_snapshot(self) -> Snapshot | None:
        """The session, if a turn reads it for the first time from a store that is far away.

        A long session takes longer than a turn may wait. Then another thread reads on, and a later
        turn has it.
        """
        if self._latest is not None or time_left() is None or not is_batch(self.store):
            return None
        return self._first_reading.wait()

    def _read_now(self, *, with_index: bool = False) -> Snapshot:
        with self._lock:
            previous = self._latest
            snapshot = read_session(
                self.store,
                self.session,
                previous,
                is_doubtful=self._doubtful,
                with_index=with_index,
            )
            if snapshot is previous:
                return previous
            self._log_damage(snapshot, previous)
            self._latest = snapshot
            self._doubtful = False
            if previous is not None:
                self._notice_loss(previous, snapshot)
            self._notice_absence(snapshot)
            return self._latest

    def _doubt(self) -> None:
        """In a forked child: the parent's other threads may have been writing."""
        self._doubtful = True

    def _log_damage(self, snapshot: Snapshot, previous: Snapshot | None) -> None:
        old_damage = {} if previous is None else previous.damage
        for (kind, key), problem in snapshot.damage.items():
            if (kind, key) not in old_damage:
                emit(RECORD_DAMAGED, session=self.session, kind=kind, key=key, reason=problem)

    def _notice_loss(self, previous: Snapshot, current: Snapshot) -> None:
        """Raises `SessionLost` if turns are gone. The next use goes on with those that are there.

        The loss is counted in the session's record, which the next change of it writes. A session
        that was dropped and begun again is another session: the log says so, and no turn of it is
        missing.
        """
        old = previous.version
        new = current.version
        if old.exists and new.exists and old.epoch != new.epoch:
            emit(SESSION_BEGAN_AGAIN, session=self.session)
        n_lost = previous.session.next_turn - current.session.next_turn
        if not _went_back(old, new) or n_lost <= 0:
            return
        total = max(previous.session.lost_turns, current.session.lost_turns) + n_lost
        self._latest = replace(current, session=current.session.with_fields(lost_turns=total))
        emit(TURNS_LOST, session=self.session, n_turns=n_lost)
        raise SessionLost(TURNS_LOST.message % {"n_turns": n_lost, "session": self.session})

    def _notice_absence(self, snapshot: Snapshot) -> None:
        """Raises `SessionLost` if turns are absent, as after an eviction; each loss once."""
        n_absent = absent_turns(snapshot)
        n_known, self._n_absent = self._n_absent, n_absent
        if n_absent > n_known:
            emit(TURNS_ABSENT, session=self.session, n_turns=n_absent)
            raise SessionLost(TURNS_ABSENT.message % {"n_turns": n_absent, "session": self.session})

    def read(self, answer_from: Callable[[Snapshot], Result]) -> Result:
        """The answer for the session as it is now.

        `answer_from` runs again if pages faded or went while it read them. Raises its `StoreError`
        if nothing has changed, or if pages change in each of `READ_TRIES` runs.
        """
        for _ in range(READ_TRIES):
            snapshot = self.snapshot()
            try:
                return answer_from(snapshot)
            except SessionLost:
                raise
            except StoreError:
                if self.snapshot() is snapshot:
                    raise  # nothing has changed: it would fail again
        return answer_from(self.snapshot())

    def update(
        self, change: Callable[[Snapshot], tuple[Changes, Result]]
    ) -> tuple[Snapshot, Result]:
        """Run `change` on the snapshot and commit its writes; again if another process wrote.

        `change` gives (writes, answer). Returns the snapshot after the commit, and the answer of
        the run that was committed. Other writers wait meanwhile, so `change` must be quick; slow
        work goes through `replace`. Raises `Conflict` after `COMMIT_TRIES` runs.
        """
        first = self._first_snapshot()  # before the lock, which the thread that reads needs too
        with self._lock:
            for _ in range(COMMIT_TRIES):
                is_new = first is not None and first is self._latest
                snapshot = first if first is not None and is_new else self._read_now()
                first = None
                changes, answer = change(snapshot)
                if not changes:
                    return snapshot, answer
                latest = self._commit(snapshot, changes)
                if latest is not None:
                    return latest, answer
            raise self._overtaken()

    def _commit(self, snapshot: Snapshot, changes: Changes) -> Snapshot | None:
        """The snapshot after the changes; None if another process wrote since `snapshot`."""
        try:
            version = self.store.commit(self.session, changes, expect=snapshot.version)
        except Conflict:
            return None
        except BaseException:
            # Nobody knows if it was written. The old snapshot stays, to notice turns that are lost.
            self._doubtful = True
            raise
        latest = snapshot.after(changes, version)
        self._latest = latest
        count_commit(snapshot, latest, changes)
        return latest

    def replace(
        self,
        prepare: Callable[[Snapshot], Changes],
        mark: Callable[[Snapshot, Changes], Changes] | None = None,
    ) -> bool:
        """Like `update`, but nobody waits while `prepare` runs. False if there were no writes.

        The writes go in only if every turn and page that they replace, and the session's record if
        they replace it, is still as it was; if not, `prepare` runs again. `mark` gives the writes
        with those that depend on the latest snapshot: a new turn does not make `prepare` run again
        then. Raises `Conflict` after `COMMIT_TRIES` runs.
        """
        for _ in range(COMMIT_TRIES):
            base = self.snapshot()
            changes = prepare(base)
            if not changes:
                return False
            if self._swap(base, changes, mark):
                return True
        raise self._overtaken()

    def _swap(
        self,
        base: Snapshot,
        changes: Changes,
        mark: Callable[[Snapshot, Changes], Changes] | None,
    ) -> bool:
        def unless_stale(current: Snapshot) -> tuple[Changes, bool]:
            fits = all(current.record(change) == base.record(change) for change in changes)
            if not fits:
                return (), False
            return (changes if mark is None else mark(current, changes)), True

        _, fits = self.update(unless_stale)
        return fits

    def _overtaken(self) -> Conflict:
        return Conflict(
            f"session {self.session!r} changed {COMMIT_TRIES} times in a row while writing; "
            "nothing was written"
        )

    @contextmanager
    def exchanging(self) -> Iterator[Callable[[ProtectedStore], None]]:
        """Holds back the changes of this archive, and gives a function that sets its `store`."""
        with self._lock:
            yield lambda store: setattr(self, "store", store)

    def drop(self) -> None:
        """Remove the session from the store. This archive then holds a session without turns."""
        with self._lock:
            try:
                self.store.drop(self.session)
                self.store.scrub()
            finally:
                self._latest = None  # a store that could not empty its files has dropped it too

    def picture(self, page: str, rung: str) -> bytes | None:
        """The stored PNG of a page at a rung; None if there is none."""
        return self.store.get(self.session, "picture", picture_key(page, rung))

    def pictures(self, places: Sequence[tuple[str, str]]) -> list[bytes | None]:
        """The stored PNG by page and rung, in order; None for each that is not there."""
        keys = [picture_key(page, rung) for page, rung in places]
        if is_batch(self.store):
            return self.store.get_many(self.session, "picture", keys)
        return [self.store.get(self.session, "picture", key) for key in keys]

    def drawn_rungs(self, page: str) -> set[str]:
        """The names of all rungs at which a page has a picture."""
        prefix = picture_key(page, "")
        keys = record_keys(self.store, self.session, "picture")
        return {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}


def _went_back(old: Version, new: Version) -> bool:
    """True if the store knows less than it acknowledged. Another epoch is another session."""
    if not new.exists:
        return old.exists
    return old.epoch == new.epoch and new.number < old.number
