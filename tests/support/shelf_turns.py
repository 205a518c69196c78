"""Turns to remember, and the type of the fixture `opened`, which opens memories for them."""

from __future__ import annotations

from collections.abc import Callable

from optical_memory import OpticalMemory, Turn

Open = Callable[..., OpticalMemory]
"""Opens a memory of the test's one session; keywords are those of `OpticalMemory`."""


def said(n: int, first: int = 0) -> list[Turn]:
    """`n` turns, each with a word that no other turn has."""
    return [
        Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.")
        for i in range(first, first + n)
    ]
