"""Slack: bytes of SQLite's pages that nothing uses, in which copies of deleted records may stay.

If SQLite balances a tree it may build a page anew with fewer cells than before (`rebuildPage` in
its btree.c). Old cells then stay between the pointers and the content of the page, and
`secure_delete` does not reach them. Here they are overwritten with zeros, in the file itself.

The places follow from the format: https://www.sqlite.org/fileformat.html, 1.3 and 1.6.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from optical_memory.errors import StoreError
from optical_memory.stores.locks import ForkLock

__all__ = ["wipe_slack"]

Range = tuple[int, int]  # start, end

_FILE_HEADER: Final = 100  # bytes at the beginning of the first page
_HEADERS: Final = {2: 12, 5: 12, 10: 8, 13: 8}  # bytes of a page's header, by its kind
_MOST_PAGES: Final = 2**25
"""Up to so many pages (128 GiB) a page of a tree is known by its first byte: all others begin with
the number of a page.
"""

_CHUNK: Final = 1 << 20  # bytes that are read at a time

_descriptors: dict[tuple[int, int], int] = {}
_lock = ForkLock()


def wipe_slack(path: Path, connect: Callable[[], sqlite3.Connection]) -> bool:
    """Overwrite the slack of all pages; False if the log of the file has pages that are not in it.

    Nobody writes meanwhile. A commit follows, after which every connection reads its pages anew:
    else a page that it still has could bring old bytes back. Raises sqlite3's errors, and
    `StoreError` if the file cannot be written.
    """
    try:
        with _lock:
            return _wipe(path, _descriptor(path), connect)
    except OSError as error:
        raise StoreError(f"cannot clean {str(path)!r}: {error}") from error


def _wipe(path: Path, descriptor: int, connect: Callable[[], sqlite3.Connection]) -> bool:
    if next(_slack(descriptor), None) is None:
        return True
    with closing(connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            return False
        for start, end in list(_slack(descriptor)):
            os.pwrite(descriptor, bytes(end - start), start)
        os.fsync(descriptor)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return True


def _descriptor(path: Path) -> int:
    """A descriptor of the file. It stays open as long as the process.

    To close any descriptor of a file would end all locks that SQLite's connections of the process
    have on it: https://www.sqlite.org/howtocorrupt.html, 2.2.
    """
    status = path.stat()
    key = (status.st_dev, status.st_ino)
    if key not in _descriptors:
        _descriptors[key] = os.open(path, os.O_RDWR)
    return _descriptors[key]


def _slack(descriptor: int) -> Iterator[Range]:
    """The ranges of the file that are slack and not zero."""
    header = os.pread(descriptor, _FILE_HEADER, 0)
    if len(header) < _FILE_HEADER:
        return
    size = int.from_bytes(header[16:18], "big")
    page_size = 65_536 if size == 1 else size
    n_pages = os.fstat(descriptor).st_size // page_size
    if n_pages > _MOST_PAGES:
        return
    pages_a_chunk = max(1, _CHUNK // page_size)
    for first in range(0, n_pages, pages_a_chunk):
        data = os.pread(descriptor, pages_a_chunk * page_size, first * page_size)
        for i in range(len(data) // page_size):
            page = data[i * page_size : (i + 1) * page_size]
            start, end = _unused(page, _FILE_HEADER if first + i == 0 else 0)
            if page.count(0, start, end) < end - start:
                offset = (first + i) * page_size
                yield offset + start, offset + end


def _unused(page: bytes, header: int) -> Range:
    """The range between the pointers and the cells of a page; empty for a page of no tree."""
    n_bytes = _HEADERS.get(page[header])
    if n_bytes is None:
        return 0, 0
    n_cells = int.from_bytes(page[header + 3 : header + 5], "big")
    start = header + n_bytes + 2 * n_cells
    end = int.from_bytes(page[header + 5 : header + 7], "big") or 65_536
    return (start, end) if start <= end <= len(page) else (0, 0)
