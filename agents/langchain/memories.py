"""Opening memories: of a memory that is given, of a Redis server, or of the user's file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from optical_memory.errors import InputError, require_number
from optical_memory.memory import OpticalMemory
from optical_memory.stores.base import BLOB_TTL, Store
from optical_memory.stores.registry import store_at

__all__ = [
    "open_memories",
]


def open_memories(
    memory: OpticalMemory | None,
    redis_url: str | None,
    redis_client: Any,
    ttl: int | None,
    key_prefix: str,
) -> Callable[[str], OpticalMemory]:
    """A function that opens the memory of a session; nothing is opened before it is called.

    Raises `InputError` if more than one place is given, or a number below 1 for `ttl`.
    """
    if [memory is not None, redis_url is not None, redis_client is not None].count(True) > 1:
        raise InputError("give one of memory=…, redis_url=… and redis_client=…")
    if ttl is not None:
        require_number("ttl", ttl, minimum=1)
    if memory is not None:
        return memory.open
    url = redis_url or (os.environ.get("REDIS_URL") if redis_client is None else None)
    return _Opener(redis_client or url, ttl or BLOB_TTL, key_prefix)


class _Opener:
    """Opens memories in one store, which is opened with the first of them."""

    def __init__(self, server: Any, ttl: int, key_prefix: str) -> None:
        self._server = server
        self._ttl = ttl
        self._key_prefix = key_prefix
        self._lock = threading.Lock()
        self._first: OpticalMemory | None = None

    def __call__(self, session: str) -> OpticalMemory:
        with self._lock:
            if self._first is None:
                self._first = OpticalMemory(session, store=self._store())
                return self._first
            return self._first.open(session)

    def _store(self) -> Store:
        if self._server is None:
            return store_at(None)
        from optical_memory.stores.redis import RedisStore

        return RedisStore(self._server, prefix=self._key_prefix, ttl=self._ttl)
