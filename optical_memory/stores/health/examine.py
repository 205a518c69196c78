"""The settings of the store at a URL, whichever kind it is."""

from __future__ import annotations

from optical_memory.stores.health.report import Report
from optical_memory.stores.registry import is_file
from optical_memory.stores.sqlite_path import path_of

__all__ = [
    "examine",
    "exists",
]


def examine(url: str) -> Report:
    """What is found of the store, and what is promised with it. Nothing is created.

    Raises `InputError` if it is the URL of no store.
    """
    if is_file(url):
        from optical_memory.stores.health.sqlite_settings import examine_sqlite

        return examine_sqlite(path_of(url))
    from optical_memory.stores.health.redis_settings import examine_redis

    return examine_redis(url)


def exists(url: str) -> bool:
    """False for a file that is not there. A server is taken to be there."""
    return not is_file(url) or path_of(url).exists()
