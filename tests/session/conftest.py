"""Memories of one session over one store, real SQLite and real Valkey; nothing runs by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.shelf_turns import Open

from optical_memory import OpticalMemory, Turn
from optical_memory.stores import Store
from optical_memory.testing import TemplateReader


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    """Opens memories of the session "alice"."""
    memories: list[OpticalMemory] = []

    def open_memory(**settings: Any) -> OpticalMemory:
        defaults: dict[str, Any] = {
            "reader": TemplateReader(),
            "keep_turns": 2,
            "capacity": 10**6,
            "background": False,
        }
        memories.append(OpticalMemory("alice", store=store, **defaults | settings))
        return memories[-1]

    yield open_memory
    for memory in memories:
        memory._worker.stop()


@pytest.fixture
def memory(store: Store) -> Iterator[OpticalMemory]:
    """Sixty turns on certified pages and a few open ones, over SQLite and over Valkey."""
    memory = OpticalMemory(
        "alice",
        store=store,
        reader=TemplateReader(),
        keep_turns=3,
        capacity=10**6,
        background=False,
    )
    memory.remember(
        [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.") for i in range(60)]
    )
    memory.flush()
    yield memory
    memory._worker.stop()
