"""Where a memory is kept: durable records and a token cache that may vanish, behind one contract."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from optical_memory.stores.base import Delete, Kind, Put, Store

__all__ = ["Delete", "Kind", "Put", "Store", "open_store", "store_name"]

_REDIS = ("redis", "rediss", "redis+cluster", "rediss+cluster", "unix")


def open_store(url: str) -> Store:
    """The store that a URL names.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite:///~/home.db`; `redis://`,
    `rediss://` (TLS), `unix://` (socket) and `redis+cluster://`, as redis-py reads them. Raises
    `ValueError` for any other URL, `StoreError` when an SQLite file cannot be opened; Redis is
    asked at the first call, not here.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        from optical_memory.stores.sqlite import SQLiteStore

        return SQLiteStore(_sqlite_path(url))
    if scheme in _REDIS:
        from optical_memory.stores.redis import RedisStore

        return RedisStore(url)
    raise ValueError(
        f"no store for {scheme or url!r}; use sqlite:///path or one of {', '.join(s + '://' for s in _REDIS)}"
    )


def store_name(url: str) -> str:
    """The URL such that it names the same store from any working directory. Raises `ValueError` as
    `open_store`.
    """
    return f"sqlite:///{_sqlite_path(url).absolute()}" if url.startswith("sqlite:") else url


def _sqlite_path(url: str) -> Path:
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise ValueError(
            f"{url!r} names no file; write sqlite:///relative.db or sqlite:////absolute.db"
        )
    return Path(url.removeprefix("sqlite:///")).expanduser()
