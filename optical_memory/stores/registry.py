"""From a URL to its store, and the store of a user who names none."""

from __future__ import annotations

from platformdirs import user_data_path

from optical_memory.errors import InputError, StoreError
from optical_memory.stores.base import Store
from optical_memory.stores.passwords import printable_url
from optical_memory.stores.sqlite_path import path_of

__all__ = ["default_name", "default_store", "is_file", "open_store", "store_at", "store_name"]

_REDIS = ("redis", "rediss", "redis+cluster", "rediss+cluster", "unix")


def default_store() -> str:
    """The URL of a file in the user's data directory, which is created if need be.

    Raises `StoreError` if it cannot be created.
    """
    try:
        user_data_path("optical-memory", ensure_exists=True)
    except OSError as error:
        raise StoreError(
            f"cannot make the folder of the default store: {error}; name another store, such as "
            "sqlite:////folder/memory.db, or set HOME or XDG_DATA_HOME to a folder of yours"
        ) from error
    return default_name()


def default_name() -> str:
    """The same URL; nothing is created."""
    return f"sqlite:///{user_data_path('optical-memory') / 'memory.db'}"


def open_store(url: str) -> Store:
    """The store that a URL names.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite:///~/home.db`; `redis://`,
    `rediss://` (TLS), `unix://` (socket) and `redis+cluster://`, as redis-py reads them. Raises
    `InputError` for any other URL and `StoreError` if an SQLite file cannot be opened. A Redis
    server is asked at the first call, not here.
    """
    if _scheme(url) == "sqlite":
        from optical_memory.stores.sqlite import SQLiteStore

        return SQLiteStore(path_of(url))
    from optical_memory.stores.redis import RedisStore

    return RedisStore(url)


def store_name(url: str) -> str:
    """The URL such that it names the same store from any working directory.

    Raises `InputError` for a URL of no store.
    """
    return f"sqlite:///{path_of(url).absolute()}" if _scheme(url) == "sqlite" else url


def is_file(url: str) -> bool:
    """True if the URL names an SQLite file. Raises `InputError` for a URL of no store."""
    return _scheme(url) == "sqlite"


def _scheme(url: str) -> str:
    """The part before the first colon. Raises `InputError` if no store has it."""
    scheme = url.partition(":")[0]
    if scheme in ("sqlite", *_REDIS):
        return scheme
    schemes = ", ".join(f"{name}://" for name in _REDIS)
    raise InputError(
        f"{printable_url(url)!r} is the URL of no store; use sqlite:///path or one of {schemes}"
    )


def store_at(store: str | Store | None) -> Store:
    """The store at a URL, the default store for None, or `store` itself.

    Raises `InputError` for anything else, and as `open_store`.
    """
    if store is None:
        return open_store(default_store())
    if isinstance(store, str):
        return open_store(store)
    if not hasattr(store, "commit"):
        raise InputError(f"store must be a URL or a Store, not {type(store).__name__}")
    return store
