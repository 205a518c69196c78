"""A memory over a store that fails when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.failing_store import StoreThatMayFail

from optical_memory import OpticalMemory
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    """A file behind a switch: the `error` that a test sets is raised at every call."""
    sqlite = SQLiteStore(tmp_path / "memory.db")
    yield StoreThatMayFail(sqlite)
    sqlite.close()


@pytest.fixture
def memory(store: Any) -> OpticalMemory:
    """An empty memory; modules that need another have their own."""
    return OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
