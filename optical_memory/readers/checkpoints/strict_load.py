"""Loading checkpoints of the stock classes strictly: every key there, none too many, every shape
right, or an error.

transformers alone reports a wrong checkpoint and goes on with random weights; here it is an error
that names tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.safetensors_files import Shape, read_header

__all__ = [
    "LOADING",
    "Wrong",
    "compared",
    "from_pretrained",
    "load_module",
    "load_stock",
    "refuse",
    "written_shapes",
]

LOADING = RLock()
"""Held while transformers builds a model: it sets the default dtype of the whole process meanwhile.
"""

Model = TypeVar("Model", bound=PreTrainedModel)
Wrong = dict[str, list[str]]
"""Tensors that are "missing", "unexpected" or "mismatched"."""


def load_stock(kind: type[Model], folder: Path, config: PreTrainedConfig) -> Model:
    """A transformers model from `folder`, in float32 and eval mode. Raises `CheckpointError` unless
    all keys fit.
    """
    file = folder / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"{folder} has no model.safetensors")
    stored = {key: tuple(tensor["shape"]) for key, tensor in read_header(file).tensors.items()}
    refuse(_surely_wrong(compared(stored, written_shapes(kind, config))), str(folder), kind)
    model, wrong = from_pretrained(kind, folder, config, torch.float32)
    refuse(wrong, str(folder), kind)
    model.train(False)
    return model


def _surely_wrong(wrong: Wrong) -> Wrong:
    """Without names that may be older ones, which transformers knows: no expert's (which it never
    names) and, where nothing is missing, none.
    """
    sure = {
        what: [key for key in wrong[what] if ".experts." in key or not wrong["missing"]]
        for what in ("missing", "unexpected")
    }
    return wrong | sure


def from_pretrained(
    kind: type[Model],
    folder: Path | None,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    **options: Any,
) -> tuple[Model, Wrong]:
    """A model, and what did not fit by transformers' own account. Raises `CheckpointError` where it
    cannot be built.
    """
    options |= {
        "output_loading_info": True,
        "local_files_only": True,
        "ignore_mismatched_sizes": True,
    }
    try:
        with LOADING:
            loaded: Any = kind.from_pretrained(folder, config=config, dtype=dtype, **options)
    except (RuntimeError, OSError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder or 'the checkpoint'} does not load as {kind.__name__}: {error}"
        ) from error
    model, info = loaded
    mismatched = [
        _misfit(key, tuple(has), tuple(wants)) for key, has, wants in info["mismatched_keys"]
    ]
    wrong = {what: sorted(info[f"{what}_keys"]) for what in ("missing", "unexpected")}
    return model, wrong | {"mismatched": sorted(mismatched)}


def written_shapes(kind: type[PreTrainedModel], config: PreTrainedConfig) -> dict[str, Shape]:
    """Names and shapes of all tensors in a file of `kind`, as it would write it. Raises
    `CheckpointError`.
    """
    try:
        with LOADING, torch.device("meta"):
            untyped: Any = kind
            model = untyped(config)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"no {kind.__name__} can have these sizes: {error}") from error
    return {
        key: tuple(value.shape)
        for key, value in revert_weight_conversion(model, model.state_dict()).items()
    }


def compared(stored: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> Wrong:
    """How the tensors that are stored differ from those that a model wants."""
    return {
        "missing": sorted(wanted.keys() - stored.keys()),
        "unexpected": sorted(stored.keys() - wanted.keys()),
        "mismatched": [
            _misfit(key, stored[key], wanted[key])
            for key in sorted(stored.keys() & wanted.keys())
            if stored[key] != wanted[key]
        ],
    }


def _misfit(key: str, has: Shape, wants: Shape) -> str:
    return f"{key} of shape {has}, not {wants}"


def refuse(wrong: Wrong, where: str, kind: type[PreTrainedModel]) -> None:
    """Raise `CheckpointError` where anything is wrong, with the first names of each kind."""
    told = [f"{len(keys)} {what}: {', '.join(keys[:3])}" for what, keys in wrong.items() if keys]
    if told:
        raise CheckpointError(
            f"{where} does not fit {kind.__name__} at this size: {'; '.join(told)}"
        )


def load_module(module: nn.Module, file: Path) -> None:
    """Weights of a plain module, strictly, as float32. Raises `CheckpointError`."""
    try:
        state = {key: value.float() for key, value in load_file(file).items()}
        module.load_state_dict(state, strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} does not fit {type(module).__name__}: {error}") from error
    module.eval()
