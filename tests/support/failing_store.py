"""A real store that fails when a test says so."""

from __future__ import annotations

from typing import Any

from optical_memory.stores import SQLiteStore


class StoreThatMayFail:
    """A real store behind a switch: `error`, if set, is raised at every call."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.error is not None:
            raise self.error
        return getattr(self._store, name)
