"""The two halves of a checkpoint: the tensors that the stock class expects of each.

A half is the stock class with the other half shrunk to almost nothing, so that each runs the stock
code.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from math import prod
from typing import Any

from transformers import (
    DeepseekOcr2ForConditionalGeneration,
    PreTrainedConfig,
    PreTrainedModel,
    UnlimitedOcrForConditionalGeneration,
)

from optical_memory.readers.checkpoints.devices import Half
from optical_memory.readers.checkpoints.file_slices import STORED_DTYPES
from optical_memory.readers.checkpoints.strict_load import (
    KeyDifferences,
    compare_keys,
    written_shapes,
)
from optical_memory.readers.deepseek.families import V2
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import PAD

__all__ = [
    "ENCODER_PARTS",
    "belongs",
    "differences",
    "half_parameters",
    "shrink",
    "stock_class",
]

ENCODER_KEYS = (
    "model.sam_model.",
    "model.vision_model.",
    "model.qwen2_model.",
    "model.projector.",
    "model.image_newline",
    "model.view_seperator",
)
"""Beginnings of the encoder's keys in published files; the others are the decoder's."""

UNUSED_KEYS = (
    "model.vision_model.embeddings.patch_embedding.weight",
    "model.vision_model.embeddings.position_ids",
)
"""In files, used by no class: SAM's features go in where CLIP's own patches would."""

ENCODER_PARTS = (
    "model.vision_tower.",
    "model.multi_modal_projector.",
    "model.image_newline",
    "model.view_separator",
)
"""Beginnings of the encoder's keys in the stock class."""


def stock_class(family: Family) -> type[PreTrainedModel]:
    """The class of transformers for a family's whole model."""
    if family is V2:
        return DeepseekOcr2ForConditionalGeneration
    return UnlimitedOcrForConditionalGeneration


def belongs(key: str, half: Half | None) -> bool:
    """Whether a half uses the tensor with this published name; None stands for either half."""
    if key in UNUSED_KEYS:
        return False
    return half is None or key.startswith(ENCODER_KEYS) == (half == "encoder")


def half_parameters(checkpoint: DeepseekCheckpoint, half: Half) -> int:
    """The number of parameters of a half."""
    return sum(prod(shape) for key, shape in checkpoint.shapes.items() if belongs(key, half))


def differences(checkpoint: DeepseekCheckpoint, half: Half | None = None) -> KeyDifferences:
    """The differences between a checkpoint's files and the stock class, by names in the files.

    A tensor whose dtype is not in `STORED_DTYPES` is mismatched too. Reads headers only. Raises
    `CheckpointError` if a size is not to be found.
    """
    config = shrink(checkpoint.config, half) if half else checkpoint.config
    tensors = written_shapes(stock_class(checkpoint.family), config)
    in_model = {key: shape for key, shape in tensors.items() if belongs(key, half)}
    in_files = {key: shape for key, shape in checkpoint.shapes.items() if belongs(key, half)}
    by_shape = compare_keys(in_files, in_model)
    by_dtype = sorted(
        f"{key} of {tensor['dtype']}, not {', '.join(STORED_DTYPES)}"
        for key, tensor in checkpoint.tensors.items()
        if key in in_model and tensor["dtype"] not in STORED_DTYPES
    )
    return replace(by_shape, mismatched=(*by_shape.mismatched, *by_dtype))


def shrink(config: PreTrainedConfig, half: Half) -> PreTrainedConfig:
    """A copy of the config with no layers, and almost no width, in the other half."""
    small = deepcopy(config)
    if half == "encoder":
        _shrink_decoder(small)
    else:
        _shrink_encoder(small)
    return small


def _shrink_decoder(config: Any) -> None:
    text = config.text_config
    text.num_hidden_layers = 0
    text.vocab_size = PAD + 1
    text.mlp_layer_types = []
    if hasattr(text, "layer_types"):
        text.layer_types = []


def _shrink_encoder(config: Any) -> None:
    sam = config.vision_config.sam_config
    sam.num_hidden_layers = 0
    sam.hidden_size = 16
    sam.output_channels = 8
    sam.downsample_channels = [8, 8]
    sam.image_size = 64
    body = config.vision_config.encoder_config
    body.num_hidden_layers = 0
    body.hidden_size = 64
    body.vocab_size = 1
