"""Turns to remember, each with a word that no other turn has."""

from __future__ import annotations

from optical_memory import Turn


def said(n: int, first: int = 0) -> list[Turn]:
    """`n` turns, each with a word that no other turn has."""
    return [
        Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.")
        for i in range(first, first + n)
    ]
