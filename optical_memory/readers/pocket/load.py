"""Loads a checkpoint of pocket from its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.errors import CheckpointError
from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.strict_load import load_module, load_stock
from optical_memory.readers.pocket.files import CALIBRATION, CELLS
from optical_memory.readers.pocket.network import Cells, Mix, PocketNetwork, pocket_config

__all__ = ["load_network"]


def load_network(folder: Path, ladder: tuple[Rung, ...], device: str = "cpu") -> PocketNetwork:
    """The network in `folder`, in float32 on `device`, with a mix for each rung of `ladder`.

    Raises `CheckpointError` unless every file is there and every tensor fits.
    """
    cells = Cells()
    load_module(cells, folder / CELLS)
    model: Any = load_stock(UnlimitedOcrForConditionalGeneration, folder, pocket_config())
    mixes = _read_mixes(folder / CALIBRATION, ladder)
    return PocketNetwork(model.to(device), cells.to(device), mixes)


def _read_mixes(file: Path, ladder: tuple[Rung, ...]) -> dict[str, Mix]:
    """The mix of each rung. Raises `CheckpointError` if the file does not name them."""
    try:
        weights = json.loads(file.read_text())
        mixes = {}
        for rung in ladder:
            mix = weights[rung.name]
            mixes[rung.name] = Mix(float(mix["decoder"]), float(mix["grid"]))
        return mixes
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{file} does not say how to weigh the two readings of each rung: {error}"
        ) from error
