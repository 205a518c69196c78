"""Stores: a session's durable records and its cached tokens, behind one contract.

Importing this loads neither redis nor sqlite3: each store is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.lazy import load_lazily
from optical_memory.stores.base import Delete, Kind, Put, Store, Version
from optical_memory.stores.registry import default_store, open_store, store_name

if TYPE_CHECKING:
    from optical_memory.stores.encryption.tenant_key import KeyService, TenantKey
    from optical_memory.stores.redis import RedisStore
    from optical_memory.stores.sqlite import SQLiteStore

__all__ = [
    "Delete",
    "KeyService",
    "Kind",
    "Put",
    "RedisStore",
    "SQLiteStore",
    "Store",
    "TenantKey",
    "Version",
    "default_store",
    "open_store",
    "store_name",
]

_LAZY = {
    "KeyService": "optical_memory.stores.encryption.tenant_key",
    "RedisStore": "optical_memory.stores.redis",
    "SQLiteStore": "optical_memory.stores.sqlite",
    "TenantKey": "optical_memory.stores.encryption.tenant_key",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
