"""Which file has a name: somebody may remove or replace a file that is open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from optical_memory.errors import StoreError

__all__ = [
    "FileNames",
    "identity",
    "require_there",
]

Identity = tuple[int, int] | None
"""The device of a file and its number there; None if there is no such file."""


def identity(path: Path) -> Identity:
    """Which file has this name now."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def require_there(path: Path) -> None:
    """Raises `StoreError` if no file has this name."""
    if not path.exists():
        raise StoreError(
            f"the file {str(path)!r} is gone: somebody removed or renamed it; put it back, or open "
            "the memory anew to begin an empty file"
        )


@dataclass(frozen=True)
class FileNames:
    """The file that was opened, and its log."""

    file: Identity
    log: Identity

    @classmethod
    def of(cls, path: Path) -> FileNames:
        """Those that have the names now."""
        return cls(identity(path), identity(_log(path)))

    def remove_log(self, path: Path) -> None:
        """Remove the log of the file that was opened, if it still has its name.

        SQLite leaves it there if another file has the name, and would take it in as that file's.
        """
        if self.log is not None and self.log == identity(_log(path)):
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")
