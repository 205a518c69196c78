"""Memories of one session over one store, real SQLite and real Valkey; nothing runs by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from support.memories import Open, memories
from support.shelf_turns import said

from optical_memory import OpticalMemory
from optical_memory.stores import Store, open_store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store of each kind, whose every byte a test can read at `url`."""
    with closing(open_store(url)) as empty:
        yield empty


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    """Opens memories of the session "alice"."""
    with memories(store=store, keep_turns=2, background=False) as open_memory:
        yield open_memory


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    """Sixty turns on certified pages and a few open ones, over SQLite and over Valkey."""
    memory = opened(keep_turns=3)
    memory.remember(said(60))
    memory.flush()
    return memory
