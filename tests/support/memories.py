"""Opens memories of one session for a test, and stops their workers after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.testing import TemplateReader

Open = Callable[..., OpticalMemory]
"""Opens a memory of the test's one session; keywords are those of `OpticalMemory`."""


@contextmanager
def memories(**defaults: Any) -> Iterator[Open]:
    """Opens memories of the session "alice" with these settings, if the test gives no others.

    They are not flushed after the test: some tests leave work that never ends or fails.
    """
    opened: list[OpticalMemory] = []

    def open_memory(**settings: Any) -> OpticalMemory:
        policy = ForgettingPolicy(condense=False)  # most tests of a capacity are about lost pages
        common = {"reader": TemplateReader(), "capacity": 10**6, "policy": policy}
        opened.append(OpticalMemory("alice", **common | defaults | settings))
        return opened[-1]

    yield open_memory
    for memory in opened:
        memory._worker.stop()
