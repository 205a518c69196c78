"""Memories of one session, as several processes would open them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.memories import Open

from optical_memory import OpticalMemory
from optical_memory.testing import TemplateReader


@pytest.fixture
def open_memory(tmp_path: Path) -> Open:
    """Opens memories of the session "chat" in a file of this test."""

    def open_again(name: str = "memory", **changes: Any) -> OpticalMemory:
        options = {"reader": TemplateReader(), "background": False} | changes
        return OpticalMemory("chat", store=f"sqlite:///{tmp_path / name}.db", **options)

    return open_again
