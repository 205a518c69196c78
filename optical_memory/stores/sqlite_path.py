"""The file of an SQLite store, from its URL; files that their owner alone may read."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL
from pathlib import Path
from typing import BinaryIO

from optical_memory.errors import InputError, StoreError
from optical_memory.stores.passwords import printable_url

__all__ = [
    "absolute",
    "create_private",
    "path_of",
    "private_folder",
    "private_opener",
    "require_file",
    "whole_file",
]


def path_of(url: str) -> Path:
    """The path in a URL that begins with `sqlite:`. Raises `InputError` if it names no file."""
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise InputError(
            f"{printable_url(url)!r} names no file; "
            "write sqlite:///relative.db or sqlite:////absolute.db"
        )
    try:
        path = Path(url.removeprefix("sqlite:///")).expanduser()
    except RuntimeError as error:
        raise InputError(f"{printable_url(url)!r} names the home of nobody: {error}") from error
    require_file(path)
    return path


def require_file(path: Path) -> None:
    """Raises `InputError` for `:memory:`, which is SQLite's name for a database in no file, and for
    a NUL, which no path has.

    Each connection would have a database in no file for itself. So other processes, other memories
    and `check` would see an empty session.
    """
    if "\0" in str(path):
        raise InputError("the path of a store has a NUL, so it names no file")
    if str(path) == ":memory:":
        raise InputError(
            "':memory:' names no file, and a store needs one: write sqlite:///relative.db or "
            "sqlite:////absolute.db, in a temporary folder if nothing is to stay"
        )


def absolute(path: Path) -> Path:
    """The path from the root: the program may change its folder while the file is open.

    Raises `StoreError` if the path is relative and the current folder is gone.
    """
    try:
        return path.absolute()
    except FileNotFoundError as error:
        raise StoreError(f"cannot open {str(path)!r}: the current folder is gone") from error


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
    """Create an empty file that is its owner's alone; a file that is there keeps its mode.

    Raises `OSError` if there is something else, such as a pipe, which would wait for its reader.
    """
    private_folder(path.parent)
    if path.exists() and not path.is_file():
        raise OSError(EINVAL, "not a file", str(path))
    with open(path, "ab", opener=private_opener):
        pass


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when it is whole and on the disk.

    Until then, and if anything fails, `path` is as it was. The file is its owner's alone. It is
    written beside `path`, with the ending `.part`; if the process is killed, that file stays until
    the next call. Raises `StoreError` if another process is writing to it, and `OSError` if that
    file is another user's or a link: the words would go there.
    """
    if path.exists() and not path.is_file():  # a pipe, a terminal: nothing to replace
        with open(path, "wb") as file:
            yield file
        return
    target = path.resolve()
    draft = target.with_name(target.name + ".part")
    with open(draft, "r+b", opener=_draft_opener) as file:
        _require_own(file, path)
        os.fchmod(file.fileno(), OWNER_ONLY)  # it may have been there, open to others
        try:
            file.truncate()
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    _sync_folder(target.parent)


def _draft_opener(path: str, flags: int) -> int:
    return private_opener(path, flags | os.O_CREAT | os.O_NOFOLLOW)


def _require_own(file: BinaryIO, path: Path) -> None:
    """Raises `StoreError` if another process has this file open for the same purpose."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(f"another process is writing to {str(path)!r}") from error


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
