"""Progress: how long work says how far it is. Knows nothing of bars or terminals."""

from __future__ import annotations

from collections.abc import Callable

__all__ = [
    "Progress",
    "no_progress",
]

Progress = Callable[[str, int, int], None]
"""Called as `progress(step, n_done, n_total)`: the step in words, then two counts."""


def no_progress(step: str, n_done: int, n_total: int) -> None:
    """Tell nobody."""
