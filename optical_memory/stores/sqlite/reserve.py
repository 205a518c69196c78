"""Room on the disk for erasures: a file beside the store that is given up when the disk is full.

SQLite erases by writing: the new pages go into its log first. So on a full disk nothing could be
forgotten, and even opening needs a few pages for the index of the log.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from optical_memory.stores.sqlite_path import private_opener

__all__ = ["RESERVE_BYTES", "Reserve", "room_problems"]

RESERVE_BYTES: Final = 1 << 21
"""To forget a turn rewrites its page with its pictures and some parts of the index: mostly less
than 200 kB. Then the file takes in its log, which may hold 1 MiB of new pages. The index of the
log, without which the file does not open, takes 32 kB.
"""

LOW_DISK: Final = 64 << 20
"""Fewer bytes than these on the disk are a problem."""

_SHARE = 4  # a small disk gives at most a quarter of its free space
_STEP = 1 << 16  # bytes; a smaller reserve is of no use


class Reserve:
    """The file `memory.db-reserve` of a store `memory.db`."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + "-reserve")

    def fill(self) -> None:
        """Make the file, as large as the disk allows. Does nothing if it is there."""
        if _size(self.path) >= RESERVE_BYTES:
            return
        with suppress(OSError):  # the store works without it
            free_bytes = shutil.disk_usage(self.path.parent).free
            n_bytes = min(RESERVE_BYTES, free_bytes // _SHARE) // _STEP * _STEP
            if n_bytes > _size(self.path):
                self._allocate(n_bytes)

    def _allocate(self, n_bytes: int) -> None:
        with open(self.path, "ab", opener=private_opener) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            else:  # macOS and Windows
                file.write(bytes(n_bytes - file.tell()))

    def release(self) -> bool:
        """Give the room back to the disk; False if there was none."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def room_problems(path: Path) -> list[str]:
    """A sentence if the disk of this file is nearly full."""
    try:
        free_bytes = shutil.disk_usage(path.parent).free
    except FileNotFoundError:  # the folder is gone, and the file with it, which is told elsewhere
        return []
    if free_bytes >= LOW_DISK:
        return []
    return [f"the disk of {path} has only {free_bytes >> 20} MiB left."]
