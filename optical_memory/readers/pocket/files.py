"""The files of a checkpoint of pocket. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from optical_memory.errors import CheckpointError

__all__ = [
    "CALIBRATION",
    "CELLS",
    "CHECKPOINT",
    "MODEL",
    "fingerprint",
]

CHECKPOINT = Path(__file__).parent / "checkpoint"
"""The checkpoint that ships in the package."""

MODEL = "model.safetensors"
CELLS = "cells.safetensors"
CALIBRATION = "calibration.json"


def fingerprint(folder: Path) -> str:
    """The revision of a checkpoint: the first 12 hex digits of the SHA-256 over its files.

    Raises `CheckpointError` if a file is missing.
    """
    digest = hashlib.sha256()
    for name in (MODEL, CELLS, CALIBRATION):
        file = folder / name
        if not file.is_file():
            raise CheckpointError(f"{file} is missing: not a complete checkpoint")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
