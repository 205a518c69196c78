"""Checkpoints of zeros, which take no room: for config.json, index and headers alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optical_memory.readers.checkpoints.safetensors_files import read_json, write_sparse
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.open_folder import open_folder
from support.readers.small_checkpoints import Stock

FILE = "model.safetensors"
Shapes = dict[str, tuple[int, ...]]
WriteZeros = Callable[..., Path]


def zeros_in(folder: Path, stock: dict[str, Stock]) -> WriteZeros:
    """A function that writes a checkpoint to `folder`, with config.json and shapes as in `stock`.

    It takes a change of config.json, and other shapes by name; None removes a tensor.
    """

    def write(
        family: str = V1.id,
        change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        **shapes: tuple[int, ...] | None,
    ) -> Path:
        folder.mkdir()
        other_shapes = {name.replace("__", "."): shape for name, shape in shapes.items()}
        tensors = shapes_of(stock, family) | other_shapes
        write_sparse(
            folder / FILE, {key: shape for key, shape in tensors.items() if shape is not None}
        )
        config_json = read_json(stock[family][0] / "config.json")
        config_json = config_json if change is None else change(config_json)
        (folder / "config.json").write_text(json.dumps(config_json))
        return folder

    return write


def shapes_of(stock: dict[str, Stock], family: str) -> Shapes:
    """The shapes of a small checkpoint's tensors, by name."""
    return open_folder(stock[family][0]).shapes
