"""Forks: every connection of SQLite is closed before the process forks.

SQLite keeps the locks of a file in the process, so a child would believe that it holds locks which
it has not. Parent and child open new connections when they next need them.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from typing import Final, Protocol

from optical_memory.stores.turn_time import turn_time

__all__ = [
    "abandon",
    "pause_at_forks",
]

_FORK_PATIENCE: Final = 10.0  # seconds that a fork waits for a statement of another thread


class Pausable(Protocol):
    """A file with a connection."""

    def pause(self) -> bool:
        """Close the connection, and open none until `go_on`. False if a statement runs too long."""
        ...

    def go_on(self) -> None:
        """Let threads open the file again."""
        ...


_files: weakref.WeakSet[Pausable] = weakref.WeakSet()
_paused_files: list[Pausable] = []  # during a fork
_abandoned: list[sqlite3.Connection] = []


def pause_at_forks(file: Pausable) -> None:
    """Pause the file, as long as it lives, at each fork of this process."""
    _files.add(file)


def abandon(connection: sqlite3.Connection) -> None:
    """Keep a connection of the parent's, so that the child neither uses nor closes it."""
    _abandoned.append(connection)


def _before_fork() -> None:
    with turn_time(_FORK_PATIENCE):
        _paused_files.extend(file for file in list(_files) if file.pause())


def _after_fork() -> None:
    while _paused_files:
        _paused_files.pop().go_on()


# A child has new locks, so nobody needs to go on there.
os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_paused_files.clear
)
