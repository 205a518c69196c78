"""Checkpoints of zeros, which take no room: for what is told from config.json, index and headers
alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.config import open_folder
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.weights import write_sparse
from support.small_checkpoints import Stock

FILE = "model.safetensors"
Shapes = dict[str, tuple[int, ...]]
Paper = Callable[..., Path]


def paper_in(out: Path, stock: dict[str, Stock]) -> Paper:
    """Writes a checkpoint to `out` with config.json and shapes as in `stock`, changed: None removes
    a tensor.
    """

    def write(family: str = V1.id, config: Any = None, **shapes: tuple[int, ...] | None) -> Path:
        out.mkdir()
        changed = {name.replace("__", "."): shape for name, shape in shapes.items()}
        write_sparse(
            out / FILE,
            {k: s for k, s in (shapes_of(stock, family) | changed).items() if s is not None},
        )
        published = read_json(stock[family][0] / "config.json")
        (out / "config.json").write_text(
            json.dumps(published if config is None else config(published))
        )
        return out

    return write


def shapes_of(stock: dict[str, Stock], family: str) -> Shapes:
    return open_folder(stock[family][0]).shapes
