"""Files with private words, which their owner alone may read."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = [
    "create_private",
    "private_opener",
]

OWNER_ONLY = 0o600
"""The owner reads and writes; nobody else does anything. Windows knows no such modes."""


def private_opener(path: str, flags: int) -> int:
    """An `opener` of Python's `open`: a file that it creates is its owner's alone."""
    return os.open(path, flags, OWNER_ONLY)


def create_private(path: Path) -> None:
    """Create an empty file that is its owner's alone; a file that is there keeps its mode."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(path, "ab", opener=private_opener):
        pass
