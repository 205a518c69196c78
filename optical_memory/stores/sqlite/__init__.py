"""A store in one SQLite file: the file, its tables, and what it does on a full or read-only disk.

Importing this does not load sqlite3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.stores.sqlite.store import SQLiteStore

__all__ = [
    "SQLiteStore",
]

if not TYPE_CHECKING:  # type checkers see the import above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, {"SQLiteStore": "optical_memory.stores.sqlite.store"})
