"""SQLite's own disk behind a fault point: each write, sync, cut and removal of a file is a step.

SQLite asks the operating system through a table of functions (a VFS). This puts our functions in
front of the system's, in the library that Python's sqlite3 uses too. A write may fail, be torn in
half, or be lost with the power if nothing has synced it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from ctypes.util import find_library
from functools import cache
from typing import Any, Final, Literal

__all__ = [
    "Disk",
    "DiskMode",
    "disk_faults",
]

DiskMode = Literal["full", "broken", "read-only", "torn", "power cut", "killed", "killed after"]

CODES: Final = {
    "full": sqlite3.SQLITE_FULL,
    "broken": sqlite3.SQLITE_IOERR,
    "read-only": sqlite3.SQLITE_READONLY,
}

_XWrite = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_XSync = CFUNCTYPE(c_int, c_void_p, c_int)
_XTruncate = CFUNCTYPE(c_int, c_void_p, c_int64)
# SQLite's file keeps the pointer to its name: it must come back as it came, not as a copy.
_XOpen = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_XDelete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)


class _Methods(Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = [
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        *[(f"rest{i}", c_void_p) for i in range(13)],
    ]


class _Vfs(Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("xDelete", c_void_p),
        *[(f"rest{i}", c_void_p) for i in range(14)],
    ]


class _File(Structure):
    _fields_ = [("pMethods", POINTER(_Methods))]


@cache
def _library() -> Any:
    """The library of this process; None if Python's sqlite3 brings its own."""
    name = find_library("sqlite3")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.sqlite3_libversion.restype = c_char_p
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    return library if library.sqlite3_libversion().decode() == sqlite3.sqlite_version else None


class Disk:
    """Counts what SQLite asks of the disk, and spoils the step that the point names."""

    def __init__(self, mode: DiskMode, number: int, *, for_ever: bool = False) -> None:
        self.mode = mode
        self.for_ever = for_ever
        self.number = number
        self.n_steps = 0
        self.is_armed = False
        self.has_fired = False
        self._undo: list[tuple[str, int, bytes, int]] = []  # what a power cut takes back

    def step(self, act: Callable[[], int], tear: Callable[[], int] | None = None) -> int:
        """The code of a step, unless the fault comes at it; `tear` does half of it."""
        if not self.is_armed:
            return act()
        self.n_steps += 1
        is_here = self.n_steps == self.number
        if not is_here and not (self.for_ever and self.has_fired):
            return act()
        self.has_fired = True
        if self.mode in CODES:
            if self.mode == "full" and tear is not None:
                tear()
            return CODES[self.mode]
        if self.mode == "torn" and tear is not None:
            tear()
        if self.mode == "killed after":
            act()
        if self.mode == "power cut":
            act()
            self.cut_power()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    def note(self, path: str, offset: int, n_bytes: int) -> None:
        """Remember what a write of so many bytes will replace."""
        if not self.is_armed or self.mode != "power cut":
            return
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(offset)
            self._undo.append((path, offset, file.read(n_bytes), size))

    def synced(self, path: str) -> None:
        """The writes to this file are safe from now on."""
        self._undo = [item for item in self._undo if item[0] != path]

    def cut_power(self) -> None:
        """Take back the writes that nothing has synced: all, or every second one (reordered)."""
        keeps_some = self.number % 2 == 0
        for i, (path, offset, old, size) in enumerate(reversed(self._undo)):
            if (keeps_some and i % 2 == 0) or not os.path.exists(path):
                continue
            with open(path, "r+b") as file:
                file.seek(offset)
                file.write(old)
                if not keeps_some:
                    file.truncate(size)


_disk: Disk | None = None
_alive: list[Any] = []  # what the library points to must never be freed


@contextmanager
def disk_faults(disk: Disk) -> Iterator[Disk]:
    """Every file of SQLite's that is opened within is on this disk."""
    global _disk
    table = _table_of_files()
    library = _library()
    assert table is not None
    system = library.sqlite3_vfs_find(None)
    _disk = disk
    library.sqlite3_vfs_register(ctypes.addressof(table), 1)
    try:
        yield disk
    finally:
        disk.is_armed = False
        _disk = None
        library.sqlite3_vfs_register(system, 1)


@cache
def _table_of_files() -> Any:
    """Our table, which asks the system's; None without the library."""
    library = _library()
    if library is None or not library.sqlite3_vfs_find(None):
        return None
    system = library.sqlite3_vfs_find(None)
    ours = _Vfs.from_buffer_copy(system.contents)
    ours.zName = b"faults"
    ours.pNext = None
    own_open = _open_function(system.contents)
    own_delete = _delete_function(system.contents)
    ours.xOpen = ctypes.cast(own_open, c_void_p)
    ours.xDelete = ctypes.cast(own_delete, c_void_p)
    _alive.extend([ours, own_open, own_delete])
    return ours


def _delete_function(system: _Vfs) -> Any:
    real = _XDelete(system.xDelete)

    @_XDelete
    def delete(vfs: int, name: bytes, sync: int) -> int:
        disk = _disk
        if disk is None:
            return real(vfs, name, sync)
        return disk.step(lambda: real(vfs, name, sync))

    return delete


def _open_function(system: _Vfs) -> Any:
    real = _XOpen(system.xOpen)
    tables: dict[int, Any] = {}  # ours by the address of the system's

    @_XOpen
    def open_file(vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        code = real(vfs, name, file, flags, out)
        opened = _File.from_address(file)
        if code == 0 and name is not None and opened.pMethods:
            address = ctypes.addressof(opened.pMethods.contents)
            if address not in tables:
                tables[address] = _table(opened.pMethods.contents)
                _alive.append(tables[address])
            _names[file] = ctypes.string_at(name).decode()
            opened.pMethods = ctypes.pointer(tables[address])
        return code

    return open_file


_names: dict[int, str] = {}  # path by the address of an open file


def _table(system: _Methods) -> _Methods:
    """The system's functions, with ours in place of those that write."""
    ours = _Methods.from_buffer_copy(system)
    real_write = _XWrite(system.xWrite)
    real_sync = _XSync(system.xSync)
    real_truncate = _XTruncate(system.xTruncate)

    @_XWrite
    def write(file: int, data: int, n_bytes: int, offset: int) -> int:
        disk = _disk
        if disk is None:
            return real_write(file, data, n_bytes, offset)
        disk.note(_names[file], offset, n_bytes)
        return disk.step(
            lambda: real_write(file, data, n_bytes, offset),
            lambda: real_write(file, data, n_bytes // 2, offset),
        )

    @_XSync
    def sync(file: int, flags: int) -> int:
        disk = _disk
        if disk is None:
            return real_sync(file, flags)
        code = disk.step(lambda: real_sync(file, flags))
        if code == 0:
            disk.synced(_names[file])
        return code

    @_XTruncate
    def truncate(file: int, size: int) -> int:
        disk = _disk
        if disk is None:
            return real_truncate(file, size)
        return disk.step(lambda: real_truncate(file, size))

    for name, function in (("xWrite", write), ("xSync", sync), ("xTruncate", truncate)):
        setattr(ours, name, ctypes.cast(function, c_void_p))
        _alive.append(function)
    return ours
