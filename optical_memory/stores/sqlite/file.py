"""One SQLite file: opened safely, migrated forward, shared by threads, scrubbed of deleted bytes.

Knows nothing of sessions or blobs. Several processes may have the file open. SQLite's connections
must not live through a fork, so they are closed before it, and parent and child open new ones when
they next need them. A call in a turn waits for other writers no longer than the turn may.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from optical_memory.errors import StoreError, StoreTimeout
from optical_memory.stores.locks import TurnLock
from optical_memory.stores.sqlite.forks import abandon, pause_at_forks
from optical_memory.stores.sqlite.names import FileNames, identity, require_there
from optical_memory.stores.sqlite.opening import (
    MAX_PAGES,
    FileOpener,
    OpenFile,
    explain,
    file_state,
    forbids_writing,
    is_full,
    is_locked,
    page_limit,
)
from optical_memory.stores.sqlite.reserve import room_problems
from optical_memory.stores.sqlite.slack import wipe_slack
from optical_memory.stores.turn_time import spend, time_left

__all__ = ["SQLiteFile"]

T = TypeVar("T")

_SCRUB_MS = 20  # milliseconds of each try to empty the log, during which nobody can write
_SCRUB_PAUSE = 0.02  # seconds between tries


class SQLiteFile:
    """A connection with its lock. `migrations[i]` holds the statements from schema i to i + 1.

    `synchronous` is SQLite's: FULL makes every commit durable; NORMAL may lose the last commits in
    a power cut but never corrupts. `make_room` frees some space if the disk is full; False if it
    cannot. A file that may not be written is opened to be read; then writing raises `StoreError`.
    A file that is gone is made anew if it `may_vanish`. Raises `StoreError` if the file is not ours
    or cannot be opened, `NewerFormat` if a newer version of this package wrote it.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Sequence[str]],
        *,
        synchronous: str = "FULL",
        busy_timeout: float = 5.0,
        make_room: Callable[[], bool] = lambda: False,
        may_vanish: bool = False,
    ) -> None:
        self.path = path
        self._may_vanish = may_vanish
        self._opener = FileOpener(path, migrations, synchronous, busy_timeout)
        self._busy_timeout = busy_timeout
        self._make_room = make_room
        self._busy_ms = 0  # the busy timeout that the connection has now (milliseconds)
        self._max_pages = MAX_PAGES  # that the connection may write
        self._lock = TurnLock(self._leave_connection)
        self._is_closed = False
        self._obstacle: StoreError | None = None  # why the file is open to be read alone
        self._state = (0, 0)  # of a file that is open to be read alone
        self._options = ""  # of the URI of the connection
        self._names = FileNames.of(path)  # the file and the log that are open
        self._connection: sqlite3.Connection | None = self._connect()
        pause_at_forks(self)

    def _connect(self) -> sqlite3.Connection:
        file = self._open_as_allowed()
        self._options = file.options
        self._busy_ms = int(self._busy_timeout * 1000)
        self._max_pages = MAX_PAGES
        self._names = FileNames.of(self.path)
        return file.connection

    def _open_as_allowed(self) -> OpenFile:
        """The file to be written, or to be read if it may not be written."""
        self._obstacle = None
        try:
            return self._opener.open_to_write()
        except StoreError as error:
            if not (forbids_writing(error) and self.path.exists()):
                raise
            obstacle = error
        if is_full(obstacle) and self._make_room():
            return self._open_as_allowed()
        self._state = file_state(self.path)
        self._obstacle = obstacle
        try:
            return self._opener.open_to_read()
        except StoreError as error:
            if error.__cause__ is not None:
                raise
            raise error from obstacle

    def _open(self) -> sqlite3.Connection:
        """The connection; a new connection after a fork, or if the file is another, or new."""
        if self._obstacle is not None and self._state != file_state(self.path):
            self._disconnect()
        if self._connection is not None and self._names.file != identity(self.path):
            self._disconnect()
            self._names.remove_log(self.path)
        if self._connection is None and not self._is_closed:
            if not self._may_vanish:
                require_there(self.path)
            self._connection = self._connect()
        if self._connection is None:
            raise StoreError(f"the store {str(self.path)!r} is closed")
        return self._connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for a single statement, which sees one moment. Raises `StoreError`."""
        with self._lock:
            connection = self._open()
            self._limit_wait(connection)
            start = time.monotonic()
            try:
                yield connection
                self._require_unchanged()
            except sqlite3.Error as error:
                message = f"SQLite said no to {str(self.path)!r}: {explain(error)}"
                if is_locked(error):
                    spend(time.monotonic() - start)
                    raise StoreTimeout(message) from error
                raise StoreError(message) from error

    def _require_unchanged(self) -> None:
        """Raises `StoreError` if others wrote to a file that is open to be read alone."""
        if self._obstacle is not None and self._state != file_state(self.path):
            raise StoreError(f"{str(self.path)!r} changed while it was read; read it again")

    def _limit_wait(self, connection: sqlite3.Connection) -> None:
        """Let SQLite wait for other writers as long as a call may, and the turn still may."""
        seconds = time_left()
        limit = self._busy_timeout if seconds is None else min(seconds, self._busy_timeout)
        self._set_wait(connection, int(limit * 1000))

    def _set_wait(self, connection: sqlite3.Connection, milliseconds: int) -> None:
        if milliseconds != self._busy_ms:
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self._busy_ms = milliseconds

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The connection for several statements, which see one moment. Raises `StoreError`."""
        with self.reading() as connection, connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a write transaction: all or nothing. Raises `StoreError`."""
        self._require_writable()
        with self.reading() as connection, connection:
            start = time.monotonic()
            self._limit_size(connection)
            connection.execute("BEGIN IMMEDIATE")
            spend(time.monotonic() - start)
            yield connection

    def _limit_size(self, connection: sqlite3.Connection) -> None:
        """Write no page into the log that the file could not take in."""
        n_pages = page_limit()
        if n_pages != self._max_pages:
            connection.execute(f"PRAGMA max_page_count = {n_pages}")
            self._max_pages = n_pages

    @property
    def is_read_only(self) -> bool:
        """True if the file may not be written."""
        return self._obstacle is not None

    def _require_writable(self) -> None:
        """Raises `StoreError` if the file may still not be written."""
        with self._lock:
            if self._obstacle is not None and not self._is_closed:
                self._disconnect()
                self._connection = self._connect()
            if self._obstacle is not None:
                raise StoreError(
                    f"{str(self.path)!r} is open to be read alone, because it may not be written: "
                    f"{explain(_cause(self._obstacle))}"
                ) from self._obstacle.__cause__

    def erase(self, work: Callable[[], T], *make_room: Callable[[], object]) -> T:
        """The result of `work`, which erases. If there is no room, room is made, and used.

        `make_room` is tried last. Raises the error of `work`.
        """
        for step in (self._reuse_log, self._use_all_room, *make_room):
            try:
                return work()
            except StoreError as error:
                if not is_full(error):
                    raise
            step()
        return work()

    def _reuse_log(self) -> None:
        """Take the log into the file if it can be, so that the next write begins at its start."""
        with suppress(StoreError), self.reading() as connection:
            self._set_wait(connection, _SCRUB_MS)
            connection.execute("PRAGMA wal_checkpoint(RESTART)")

    def _use_all_room(self) -> None:
        self._make_room()
        self._reuse_log()  # the file may have to grow for it

    def scrub(self, end: float) -> bool:
        """Empty the log, so that deleted bytes are in no file; False if a reader keeps it till
        `end` (monotonic).

        Tries at least once. Each try is short, because nobody can write during it. SQLite says
        "busy" at once if another process is emptying the log, so that is tried again too. A file
        that is open to be read alone has no log of ours.
        """
        if self._obstacle is not None:
            return True
        while not self._try_to_empty_log():
            if time.monotonic() >= end:
                return False
            time.sleep(_SCRUB_PAUSE)
        return True

    def wipe_slack(self) -> bool:
        """As `slack.wipe_slack`; False also if others write meanwhile. Raises `StoreError`."""
        try:
            with self.reading():
                return wipe_slack(self.path, lambda: self._opener.connect(self._options))
        except StoreTimeout:
            return False

    def _try_to_empty_log(self) -> bool:
        with self.reading() as connection:
            self._set_wait(connection, _SCRUB_MS)
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def problems(self) -> list[str]:
        """Problems of the file and its disk, one sentence each."""
        sentences = self._opener.damage(self._options)
        if self._obstacle is not None:
            sentences.append(f"{self.path} may not be written: {explain(_cause(self._obstacle))}.")
        return sentences + room_problems(self.path)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---- forks -----------------------------------------------------------------------------------

    def pause(self) -> bool:
        """Close the connection and let no other thread open it until `go_on`.

        False, and nothing is done, if another thread is in a statement for longer than the turn
        may wait.
        """
        try:
            self._lock.__enter__()
        except StoreTimeout:
            return False
        self._disconnect()
        return True

    def go_on(self) -> None:
        """Let threads open the file again."""
        self._lock.__exit__()

    def _leave_connection(self) -> None:
        """In a child whose parent could not close: the connection is never used and never closed,
        for either would touch the parent's locks.
        """
        if self._connection is not None:
            abandon(self._connection)
            self._connection = None


def _cause(error: Exception) -> Exception:
    return error.__cause__ if isinstance(error.__cause__, Exception) else error
