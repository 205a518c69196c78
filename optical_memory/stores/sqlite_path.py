"""The file of an SQLite store, from its URL."""

from __future__ import annotations

from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.stores.passwords import printable_url

__all__ = ["path_of", "require_file"]


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
