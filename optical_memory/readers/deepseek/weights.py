"""Published checkpoints into transformers' own classes, strictly: the encoder, or the decoder.

Every key must be there in its shape, and no other, or a `CheckpointError` names the tensors. The
headers are compared before loading, and transformers has its say afterwards; alone, it would go on
with random weights. Weights are read lazily from the file: nothing of the other half is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel

from optical_memory.readers.checkpoints.devices import Half
from optical_memory.readers.checkpoints.file_slices import (
    FileSlice,
    MappedSlice,
    Mappings,
    file_slices,
)
from optical_memory.readers.checkpoints.strict_load import (
    KeyDifferences,
    from_pretrained,
    require_no_differences,
)
from optical_memory.readers.deepseek.halves import (
    ENCODER_PARTS,
    belongs,
    differences,
    shrink,
    stock_class,
)
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint
from optical_memory.readers.language.tokenizer import EOS, PAD

__all__ = [
    "check_keys",
    "load_half",
    "map_half",
]


def load_half(
    checkpoint: DeepseekCheckpoint,
    half: Half,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> PreTrainedModel:
    """The stock class with the weights of one half, in eval mode.

    Raises `CheckpointError` unless all keys of the half fit.
    """
    slices = file_slices(checkpoint, _keys(checkpoint, half), FileSlice)
    return _load(checkpoint, half, slices, dtype, device)


def map_half(checkpoint: DeepseekCheckpoint, half: Half) -> tuple[PreTrainedModel, Mappings]:
    """The same in bfloat16 on the CPU, with weights that stay in the pages of the file.

    Weights of another dtype in the file are copies. Raises `CheckpointError` unless all keys of
    the half fit.
    """
    slices = file_slices(checkpoint, _keys(checkpoint, half), MappedSlice)
    model = _load(checkpoint, half, slices, torch.bfloat16, "cpu")
    mappings: Mappings = {}
    for part in slices.values():
        mappings |= part.mappings
    return model, mappings


def check_keys(checkpoint: DeepseekCheckpoint) -> KeyDifferences:
    """The differences between a checkpoint and the stock class, found without its weights.

    If headers and class agree, transformers loads the names and shapes on the meta device, and has
    the last word. Raises `CheckpointError` if it does not come that far.
    """
    by_header = differences(checkpoint)
    if not by_header.is_empty:
        return by_header
    empty = {
        key: torch.empty(shape, dtype=torch.bfloat16, device="meta")
        for key, shape in checkpoint.shapes.items()
    }
    kind = stock_class(checkpoint.family)
    device_map = {"": "meta"}
    _, by_transformers = from_pretrained(
        kind, None, checkpoint.config, torch.bfloat16, state_dict=empty, device_map=device_map
    )
    return by_transformers


# ---- loading -------------------------------------------------------------------------------------


def _keys(checkpoint: DeepseekCheckpoint, half: Half) -> set[str]:
    """The keys of a half. Raises `CheckpointError` unless all of them fit."""
    kind = stock_class(checkpoint.family)
    require_no_differences(differences(checkpoint, half), str(checkpoint.path), kind)
    return {key for key in checkpoint.shapes if belongs(key, half)}


def _load(
    checkpoint: DeepseekCheckpoint,
    half: Half,
    slices: Mapping[str, FileSlice],
    dtype: torch.dtype,
    device: str,
) -> PreTrainedModel:
    kind = stock_class(checkpoint.family)
    options: dict[str, Any] = {} if device == "cpu" else {"device_map": {"": device}}
    config = shrink(checkpoint.config, half)
    model, by_transformers = from_pretrained(
        kind, None, config, dtype, state_dict=dict(slices), **options
    )
    of_half = tuple(
        key
        for key in by_transformers.missing  # those of the other half are left out on purpose
        if key.startswith(ENCODER_PARTS) == (half == "encoder")
    )
    by_transformers = replace(by_transformers, missing=of_half)
    require_no_differences(by_transformers, str(checkpoint.path), kind)
    any_config: Any = GenerationConfig
    model.generation_config = any_config(eos_token_id=EOS, pad_token_id=PAD, do_sample=False)
    model.train(False)
    return model
