"""Loading checkpoints of the stock classes strictly: every key there, none too many, every shape right, or an error.

transformers alone reports a wrong checkpoint and goes on with random weights; here it is an error.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from optical_memory.errors import CheckpointError

__all__ = ["LOADING", "load_module", "load_stock"]

LOADING = RLock()
"""Held while transformers builds a model: it sets the default dtype of the whole process meanwhile."""

Model = TypeVar("Model", bound=PreTrainedModel)


def load_stock(kind: type[Model], folder: Path, config: PreTrainedConfig) -> Model:
    """A transformers model from `folder`, in float32 and eval mode. Raises `CheckpointError` unless all keys fit."""
    if not (folder / "model.safetensors").is_file():
        raise CheckpointError(f"{folder} has no model.safetensors")
    try:
        with LOADING:
            loaded: Any = kind.from_pretrained(
                folder, config=config, dtype=torch.float32, output_loading_info=True, local_files_only=True
            )
    except (RuntimeError, OSError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder} does not load as {kind.__name__}: {error}") from error
    model: Model = loaded[0]
    info: dict[str, Any] = loaded[1]
    wrong = {what: sorted(map(str, info[what])) for what in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    if any(wrong.values()):
        counts = ", ".join(f"{len(keys)} {what.replace('_', ' ')} {keys[:3]}" for what, keys in wrong.items() if keys)
        raise CheckpointError(f"{folder} is not a checkpoint of {kind.__name__} at this size: {counts}")
    model.train(False)
    return model


def load_module(module: nn.Module, file: Path) -> None:
    """Weights of a plain module, strictly, as float32. Raises `CheckpointError`."""
    try:
        state = {key: value.float() for key, value in load_file(file).items()}
        module.load_state_dict(state, strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} does not fit {type(module).__name__}: {error}") from error
    module.eval()
