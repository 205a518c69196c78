"""Memories whose pages may be condensed, and are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.condensed_pages import CONDENSING, exact_reader, filled, quarter
from support.memories import Open, memories

from optical_memory import OpticalMemory
from optical_memory.stores import Store


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    common = {"store": store, "keep_turns": 0, "background": False, "capacity": None}
    with memories(**common, policy=CONDENSING) as open_memory:
        yield lambda **settings: open_memory(**{"reader": exact_reader()} | settings)


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    memory = filled(opened)
    memory.fade(quarter(memory))
    return memory
