"""The file of an SQLite store, from its URL; files that their owner alone may read."""

from __future__ import annotations

import os
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.stores.passwords import printable_url

__all__ = [
    "create_private",
    "path_of",
    "private_folder",
    "private_opener",
    "require_file",
]


def path_of(url: str) -> Path:
    """The path in a URL that begins with `sqlite:`. Raises `InputError` if it names no file."""
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise InputError(
            f"{printable_url(url)!r} names no file; "
            "write sqlite:///relative.db or sqlite:////absolute.db"
        )
    path = Path(url.removeprefix("sqlite:///")).expanduser()
    require_file(path)
    return path


def require_file(path: Path) -> None:
    """Raises `InputError` for `:memory:`, which is SQLite's name for a database in no file.

    Each connection would have such a database for itself. So other processes, other memories and
    `check` would see an empty session.
    """
    if str(path) == ":memory:":
        raise InputError(
            "':memory:' names no file, and a store needs one: write sqlite:///relative.db or "
            "sqlite:////absolute.db, in a temporary folder if nothing is to stay"
        )


# ---- files with private words --------------------------------------------------------------------

OWNER_ONLY = 0o600
"""The owner reads and writes; nobody else does anything. Windows knows no such modes."""

OWNER_ONLY_FOLDER = 0o700
"""The owner lists and changes; nobody else does anything."""


def private_opener(path: str, flags: int) -> int:
    """An `opener` of Python's `open`: a file that it creates is its owner's alone."""
    return os.open(path, flags, OWNER_ONLY)


def private_folder(path: Path) -> None:
    """Make a folder, and those above it, its owner's alone; one that is there stays as it is."""
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(exist_ok=True, mode=OWNER_ONLY_FOLDER)


def create_private(path: Path) -> None:
    """Create an empty file that is its owner's alone; a file that is there keeps its mode."""
    private_folder(path.parent)
    with open(path, "ab", opener=private_opener):
        pass
