"""Turns to remember, and what the fixture `opened` gives to remember them with."""

from __future__ import annotations

from collections.abc import Callable

from optical_memory import OpticalMemory, Turn

Open = Callable[..., OpticalMemory]


def said(n: int, first: int = 0) -> list[Turn]:
    """Turns that are told apart by one word each."""
    return [
        Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.")
        for i in range(first, first + n)
    ]
