"""Readings that this process keeps, so that no line is decoded twice while it may still be read.

A reading tells the text of a picture, so it must go with the picture. Whoever forgets drops the
readings of the session. Everybody else drops those of pictures that are not in the session any
more, before they read. And whoever adds a reading looks at the session once more afterwards: the
page may have gone while it was read.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import short_repr

__all__ = [
    "Picture",
    "ReadingCache",
    "RowReading",
    "is_current",
    "shared_readings",
]

MAX_BYTES: Final = 64 * 2**20
"""About 1,000 whole pages, or ten times as many of which a few lines were read."""

ROW_BYTES: Final = 200
"""Python's own bytes for a row, beside its characters: a tuple, an array, a place in a table."""

PICTURE_BYTES: Final = 1_000
"""Python's own bytes for a picture and the table of its rows."""


@short_repr
class RowReading(NamedTuple):
    """A row of a page as it was read, with its join: its text and (n_chars,) confidences."""

    text: str
    confidence: npt.NDArray[np.float32]

    @property
    def n_bytes(self) -> int:
        """About the bytes of memory that it takes."""
        return sys.getsizeof(self.text) + self.confidence.nbytes + ROW_BYTES


class Picture(NamedTuple):
    """A picture of a page, and its maker: the reader, revision and codec that read it.

    `digest` is that of the page's record. It is made with the session's own salt, so that no
    other session has it.
    """

    session: str
    page: str
    digest: str
    rung: str
    erased_rows: frozenset[int]
    maker: tuple[str, str, str]


class _PageHead(msgspec.Struct):
    """The fields of a page's record that name its picture."""

    digest: str
    state: str = "sealed"
    rung: str | None = None


_HEAD = msgspec.json.Decoder(_PageHead)


def is_current(picture: Picture, snapshot: Snapshot) -> bool:
    """True if the picture is what the page is read from in this snapshot."""
    data = snapshot.pages.data.get(picture.page)
    if data is None:
        return False
    head = _HEAD.decode(data)
    return head.state == "certified" and (head.digest, head.rung) == (picture.digest, picture.rung)


class ReadingCache:
    """Rows by picture, of any sessions, in at most `max_bytes`. Threads may share it.

    If it is full, the pictures that were not used for the longest time go.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._rows: OrderedDict[Picture, dict[int, RowReading]] = OrderedDict()
        # The hash of the page's record in which the picture was last found: records are long.
        self._record_hashes: dict[Picture, int] = {}
        self._n_bytes = 0
        self._lock = threading.Lock()

    @property
    def n_bytes(self) -> int:
        """About the bytes of memory that the readings take."""
        return self._n_bytes

    def pictures(self, session: str) -> list[Picture]:
        """The pictures of a session of which a row is kept."""
        with self._lock:
            return [picture for picture in self._rows if picture.session == session]

    def rows(self, picture: Picture) -> dict[int, RowReading]:
        """The rows of a picture that are kept, by their numbers in the page's layout."""
        with self._lock:
            rows = self._rows.get(picture)
            if rows is None:
                return {}
            self._rows.move_to_end(picture)
            return rows.copy()

    def add(self, picture: Picture, rows: Mapping[int, RowReading]) -> None:
        """Keep rows of a picture, beside those of it that are kept already."""
        with self._lock:
            old_rows = self._remove(picture)
            self._rows[picture] = old_rows | dict(rows)
            self._n_bytes += _n_bytes(self._rows[picture])
            while self._n_bytes > self.max_bytes:
                self._remove(next(iter(self._rows)))

    def drop(self, pictures: Iterable[Picture]) -> None:
        """Drop the rows of these pictures."""
        with self._lock:
            for picture in pictures:
                self._remove(picture)

    def drop_stale(self, session: str, snapshot: Snapshot) -> None:
        """Drop the rows of the session's pictures that are not in this snapshot of it."""
        self.drop_unless_current(self.pictures(session), snapshot)

    def drop_unless_current(self, pictures: Iterable[Picture], snapshot: Snapshot) -> None:
        """Drop the rows of those of these pictures that are not in this snapshot.

        Only records that have changed are looked into.
        """
        for picture in pictures:
            record_hash = hash(snapshot.pages.data.get(picture.page))
            if self._record_hashes.get(picture) == record_hash:
                continue
            if is_current(picture, snapshot):
                self._note_record(picture, record_hash)
            else:
                self.drop([picture])

    def _note_record(self, picture: Picture, record_hash: int) -> None:
        with self._lock:
            if picture in self._rows:
                self._record_hashes[picture] = record_hash

    def _remove(self, picture: Picture) -> dict[int, RowReading]:
        rows = self._rows.pop(picture, None)
        self._record_hashes.pop(picture, None)
        if rows is None:
            return {}
        self._n_bytes -= _n_bytes(rows)
        return rows


def _n_bytes(rows: Mapping[int, RowReading]) -> int:
    return PICTURE_BYTES + sum(row.n_bytes for row in rows.values())


@functools.cache
def shared_readings() -> ReadingCache:
    """The readings of the process: the memories in it share the bound."""
    return ReadingCache()


os.register_at_fork(after_in_child=shared_readings.cache_clear)  # another thread may hold its lock
