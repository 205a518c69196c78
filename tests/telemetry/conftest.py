"""What the tests of telemetry share: nothing that is measured stays switched on after a test."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest

from optical_memory import telemetry
from optical_memory.telemetry import measuring


@pytest.fixture(autouse=True)
def off_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody listens before and after each test."""
    monkeypatch.setattr(measuring, "_sinks", ())
    monkeypatch.setattr(measuring, "_watched", weakref.WeakSet())
    monkeypatch.setattr(telemetry, "_has_looked", False)
    yield
    telemetry.disable()
