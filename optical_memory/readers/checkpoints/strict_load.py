"""Strict loading of checkpoints: every key is there, none is extra, every shape is right.

transformers alone reports a wrong checkpoint and goes on with random weights. Here it is an error
that names the tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from logging import ERROR
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion
from transformers.utils import logging

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.quiet_loading import quiet_loading
from optical_memory.readers.checkpoints.safetensors_files import Shape, read_header
from optical_memory.readers.locked_property import LOADING

__all__ = [
    "KeyDifferences",
    "compare_keys",
    "from_pretrained",
    "load_module",
    "load_stock",
    "require_no_differences",
    "written_shapes",
]

Model = TypeVar("Model", bound=PreTrainedModel)
N_NAMED = 3  # keys of each kind that an error names


@dataclass(frozen=True, slots=True)
class KeyDifferences:
    """Keys of a checkpoint that do not fit its model: not there, extra, or of another shape.

    A mismatched key comes with both shapes, as text.
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.missing or self.unexpected or self.mismatched)


# ---- comparing -----------------------------------------------------------------------------------


def written_shapes(kind: type[PreTrainedModel], config: PreTrainedConfig) -> dict[str, Shape]:
    """Names and shapes of the tensors in a file of `kind`, as transformers writes it.

    Raises `CheckpointError` if no model can have the sizes of `config`.
    """
    try:
        with LOADING, torch.device("meta"):
            any_class: Any = kind
            model = any_class(config)
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"no {kind.__name__} can have these sizes: {error}") from error
    tensors = revert_weight_conversion(model, model.state_dict())
    return {key: tuple(value.shape) for key, value in tensors.items()}


def compare_keys(in_files: Mapping[str, Shape], in_model: Mapping[str, Shape]) -> KeyDifferences:
    """The differences between the tensors in files and those of a model."""
    return KeyDifferences(
        missing=tuple(sorted(in_model.keys() - in_files.keys())),
        unexpected=tuple(sorted(in_files.keys() - in_model.keys())),
        mismatched=tuple(
            _mismatch(key, in_files[key], in_model[key])
            for key in sorted(in_files.keys() & in_model.keys())
            if in_files[key] != in_model[key]
        ),
    )


def _mismatch(key: str, in_file: Shape, in_model: Shape) -> str:
    return f"{key} of shape {in_file}, not {in_model}"


def require_no_differences(
    differences: KeyDifferences, source: str, kind: type[PreTrainedModel]
) -> None:
    """Raise `CheckpointError`, with the first keys of each kind, if there is any difference."""
    kinds = [
        f"{len(keys)} {name}: {', '.join(keys[:N_NAMED])}"
        for name, keys in asdict(differences).items()
        if keys
    ]
    if kinds:
        raise CheckpointError(
            f"{source} does not fit {kind.__name__} at this size: {'; '.join(kinds)}"
        )


# ---- loading -------------------------------------------------------------------------------------


def load_stock(kind: type[Model], folder: Path, config: PreTrainedConfig) -> Model:
    """A transformers model from `folder`, in float32 and eval mode.

    Raises `CheckpointError` unless all keys fit.
    """
    file = folder / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"{folder} has no model.safetensors")
    in_file = {key: tuple(tensor["shape"]) for key, tensor in read_header(file).tensors.items()}
    differences = compare_keys(in_file, written_shapes(kind, config))
    require_no_differences(_without_old_names(differences), str(folder), kind)
    model, differences = from_pretrained(kind, folder, config, torch.float32)
    require_no_differences(differences, str(folder), kind)
    model.train(False)
    return model


def _without_old_names(differences: KeyDifferences) -> KeyDifferences:
    """The differences that no renaming explains; transformers knows older names of some tensors.

    It never renames an expert. An unexpected name can be an older name only if a key is missing.
    """
    if not differences.missing:
        return differences
    return KeyDifferences(
        missing=tuple(key for key in differences.missing if ".experts." in key),
        unexpected=tuple(key for key in differences.unexpected if ".experts." in key),
        mismatched=differences.mismatched,
    )


def from_pretrained(
    kind: type[Model],
    folder: Path | None,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    **options: Any,
) -> tuple[Model, KeyDifferences]:
    """A model, and the keys that did not fit, as transformers itself tells.

    `options` go to the class's own `from_pretrained`; with a `state_dict` among them, `folder` is
    None. Raises `CheckpointError` if the model cannot be built.
    """
    any_class: Any = kind
    try:
        with quiet_loading(), _errors_only():
            model, info = any_class.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                output_loading_info=True,
                local_files_only=True,
                ignore_mismatched_sizes=True,
                **options,
            )
    except (RuntimeError, OSError, TypeError, ValueError, SafetensorError) as error:
        source = folder or "the checkpoint"
        raise CheckpointError(f"{source} does not load as {kind.__name__}: {error}") from error
    mismatches = [
        _mismatch(key, tuple(in_file), tuple(in_model))
        for key, in_file, in_model in info["mismatched_keys"]
    ]
    return model, KeyDifferences(
        missing=tuple(sorted(info["missing_keys"])),
        unexpected=tuple(sorted(info["unexpected_keys"])),
        mismatched=tuple(sorted(mismatches)),
    )


@contextmanager
def _errors_only() -> Iterator[None]:
    """Keep transformers from logging a report of keys: here the report is an error, or on purpose.

    The half of a model that is left out stays random, and transformers would warn of it.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def load_module(module: nn.Module, file: Path) -> None:
    """Load the weights of a plain module, strictly, as float32, and put it in eval mode.

    Raises `CheckpointError` unless all keys fit.
    """
    try:
        state = {key: value.float() for key, value in load_file(file).items()}
        module.load_state_dict(state, strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(f"{file} does not fit {type(module).__name__}: {error}") from error
    module.eval()
