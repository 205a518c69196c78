"""The settings of an SQLite store, and what is promised with them. Never creates a file of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from optical_memory.stores.health.report import (
    DEADLINE,
    DURABLE,
    ENCRYPTED,
    EVICTION,
    PRIVATE,
    RESTART,
    SCRUBBED,
    Finding,
    Promise,
    Report,
)

__all__ = ["examine_sqlite"]

LOW_DISK: Final = 64 << 20
"""Bytes; with less free, commits will soon fail."""

LOCK_SECONDS: Final = 1.0
"""So long another process may write before the file counts as locked: a commit takes milliseconds.
"""

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

SIDE_FILES: Final = ("-wal", "-shm", "-cache", "-cache-wal", "-cache-shm")


def examine_sqlite(path: Path) -> Report:
    """The settings of the file at `path`. If there is none, only its folder is looked at."""
    if not path.exists():
        return Report([Finding("file", f"{path}: none yet"), *_disk(path)])
    modes = _modes(path)
    findings = [Finding("file", str(path)), *modes, *_disk(path), *_content(path)]
    return Report(findings, _promises(modes, findings))


# ---- files ---------------------------------------------------------------------------------------


def _modes(path: Path) -> list[Finding]:
    """Who may read the files; Windows knows no such modes."""
    if sys.platform == "win32":
        return []
    files = [path, *(path.with_name(path.name + suffix) for suffix in SIDE_FILES)]
    findings = [_mode(file) for file in files if file.exists()]
    folder = path.parent.resolve()
    mode = stat.S_IMODE(folder.stat().st_mode)
    is_open = mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX
    problem = f"others may replace the file: chmod go-w {folder}" if is_open else None
    return [*findings, Finding("folder", f"{folder}, mode {mode:04o}", problem)]


def _mode(file: Path) -> Finding:
    about = file.stat()
    mode = stat.S_IMODE(about.st_mode)
    problem = None
    if mode & OTHERS:
        problem = f"others may read {file.name}: chmod 600 {file}"
    elif hasattr(os, "getuid") and about.st_uid != os.getuid():
        problem = f"{file.name} belongs to another user: chown it"
    return Finding("mode", f"{file.name} {mode:04o}", problem)


def _disk(path: Path) -> list[Finding]:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    n_bytes = shutil.disk_usage(folder).free
    problem = None
    if n_bytes < LOW_DISK:
        problem = f"the disk of {folder} is nearly full: free some space, or commits fail"
    return [Finding("free disk", f"{n_bytes >> 20} MiB", problem)]


# ---- content -------------------------------------------------------------------------------------


def _content(path: Path) -> list[Finding]:
    findings = [Finding("SQLite", sqlite3.sqlite_version)]
    try:
        with _opened(path, "ro") as db:
            journal = str(db.execute("PRAGMA journal_mode").fetchone()[0])
            rows = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as error:
        return [*findings, Finding("content", "unknown", f"the file cannot be read: {error}")]
    except sqlite3.Error as error:
        problem = f"the file is damaged, or no store: {error}; restore an export"
        return [*findings, Finding("content", "damaged", problem)]
    findings.append(_journal(journal))
    return [*findings, _soundness(rows), _writing(path)]


def _soundness(rows: list[str]) -> Finding:
    """The answer of SQLite's own check, which is "ok" or some faults."""
    if rows == ["ok"]:
        return Finding("quick_check", "ok")
    return Finding("quick_check", "damaged", f"the file is damaged: {rows[0]}; restore an export")


def _journal(mode: str) -> Finding:
    problem = None
    if mode != "wal":
        problem = "the file has no write-ahead log: open it once with this package, on a local disk"
    return Finding("journal", mode, problem)


def _writing(path: Path) -> Finding:
    """Whether the file can be written now: a transaction that writes nothing."""
    if not os.access(path, os.W_OK):
        return Finding("writing", "read-only", f"nothing can be remembered: chmod u+w {path}")
    begin = time.monotonic()
    try:
        with _opened(path, "rw") as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.Error as error:
        is_locked = "locked" in str(error)
        reason = "another process holds the lock: end it" if is_locked else str(error)
        return Finding("writing", "locked" if is_locked else "no", reason)
    return Finding("writing", f"yes, {1000 * (time.monotonic() - begin):.1f} ms to lock")


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection that never creates the file."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS, isolation_level=None)
    with closing(connection):
        yield connection


# ---- promises ------------------------------------------------------------------------------------


def _promises(modes: list[Finding], findings: list[Finding]) -> list[Promise]:
    """The promises, in the order of `PROMISES`."""
    is_private = not any(finding.problem for finding in modes)
    problems = {finding.name for finding in findings if finding.problem}
    return [
        _durable(problems),
        Promise(RESTART, "yes", "a file stays"),
        Promise(EVICTION, "yes", "no server that could evict"),
        Promise(
            SCRUBBED,
            "yes",
            "deleted bytes are overwritten and the log is emptied; copies of the file, snapshots "
            "of the disk and worn blocks of an SSD are not reached",
        ),
        Promise(PRIVATE, "yes", "the files are their owner's alone")
        if is_private
        else Promise(PRIVATE, "no", "others may read or replace a file", "chmod as told above"),
        Promise(
            ENCRYPTED,
            "no",
            "the file is plain unless the memory has a key",
            "give the memory a key: `key=` or --key-file",
        ),
        Promise(DEADLINE, "yes", "a turn that waits longer goes on without memory"),
    ]


def _durable(problems: set[str]) -> Promise:
    if "writing" in problems:
        return Promise(DURABLE, "no", "the file cannot be written", "see `writing`")
    if "journal" in problems:
        return Promise(DURABLE, "unknown", "the log of the file is not ours", "see `journal`")
    if sys.platform == "darwin":
        return Promise(
            DURABLE,
            "in part",
            "macOS may keep synced bytes in the cache of the disk: a power cut may cost the last",
            "use a server with appendfsync always",
        )
    return Promise(DURABLE, "yes", "write-ahead log, synchronous FULL")
