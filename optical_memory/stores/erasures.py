"""Erasures: work that a store does even if its disk or its memory is full.

A store keeps room for them, which no other write may use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = [
    "erasing",
    "is_erasing",
]

_erases: ContextVar[bool] = ContextVar("optical_memory_erases", default=False)


@contextmanager
def erasing() -> Iterator[None]:
    """Commits in here erase, so they may use the room that is kept for that."""
    token = _erases.set(True)
    try:
        yield
    finally:
        _erases.reset(token)


def is_erasing() -> bool:
    """True inside of `erasing`."""
    return _erases.get()
