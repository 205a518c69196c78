"""Models that see pages and read them back: one protocol, one module a family."""

from __future__ import annotations

from pathlib import Path

from optical_memory.errors import CheckpointError
from optical_memory.readers.base import Reader, Reading

__all__ = ["Reader", "Reading", "open_reader"]


def open_reader(name: str) -> Reader:
    """The reader called `name`: "pocket", or a folder with a pocket checkpoint. Its weights load when they are needed.

    Raises `CheckpointError` for anything else.
    """
    from optical_memory.readers.pocket import PocketReader

    if name == "pocket":
        return PocketReader()
    if (Path(name) / "cells.safetensors").is_file():
        return PocketReader(Path(name))
    raise CheckpointError(
        f"no reader {name!r}: this version reads with 'pocket' or a folder with model.safetensors and cells.safetensors"
    )
