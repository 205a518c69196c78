"""Copies of a small checkpoint with other tensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def change_checkpoint(source: Path, folder: Path, **tensors: torch.Tensor | None) -> Path:
    """A copy of a checkpoint with tensors replaced, added or (None) removed.

    In the name of a tensor, `__` stands for a dot.
    """
    folder.mkdir()
    weights = load_file(source / "model.safetensors")
    for name, tensor in tensors.items():
        key = name.replace("__", ".")
        weights.pop(key, None)
        if tensor is not None:
            weights[key] = tensor
    save_file(weights, folder / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((source / name).read_bytes())
    return folder
