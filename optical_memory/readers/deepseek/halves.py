"""Which tensors the stock class wants of a published checkpoint, whole or by halves, and how those
in its files differ.

A half is the stock class with the other half shrunk to almost nothing, so that each runs the stock
code.
"""

from __future__ import annotations

from copy import deepcopy
from math import prod
from typing import Any, Literal

import torch
from transformers import (
    DeepseekOcr2ForConditionalGeneration,
    PreTrainedConfig,
    PreTrainedModel,
    UnlimitedOcrForConditionalGeneration,
)

from optical_memory.readers.checkpoints.strict_load import Wrong, compared, written_shapes
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.families import V2, Family
from optical_memory.readers.language.tokenizer import PAD

__all__ = [
    "ENCODER_PARTS",
    "STORED",
    "Half",
    "belongs",
    "differences",
    "half_parameters",
    "shrunk",
    "stock_class",
]

Half = Literal["encoder", "decoder"]

STORED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
"""Numbers that weights may be stored in, by their names in safetensors."""

ENCODER_KEYS = (
    *("model.sam_model.", "model.vision_model.", "model.qwen2_model.", "model.projector."),
    *("model.image_newline", "model.view_seperator"),
)
DEAD_KEYS = (
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
"""The same in the stock class."""


def stock_class(family: Family) -> type[PreTrainedModel]:
    return (
        DeepseekOcr2ForConditionalGeneration
        if family is V2
        else UnlimitedOcrForConditionalGeneration
    )


def half_parameters(found: Published, half: Half) -> int:
    """How many numbers a half has."""
    return sum(prod(shape) for key, shape in found.shapes.items() if belongs(key, half))


def differences(found: Published, half: Half | None = None) -> Wrong:
    """How the tensors in a checkpoint's files differ from those that the stock class wants, as its
    files name them.

    Numbers of a kind that is not `STORED` are mismatched too. Raises `CheckpointError` where no
    size can be told.
    """
    config = shrunk(found.config, half) if half else found.config
    wanted = written_shapes(stock_class(found.family), config)
    ours = {key: shape for key, shape in wanted.items() if belongs(key, half)}
    wrong = compared(
        {key: shape for key, shape in found.shapes.items() if belongs(key, half)}, ours
    )
    wrong["mismatched"] += sorted(
        f"{key} of {tensor['dtype']}, not {', '.join(STORED)}"
        for header in found.headers
        for key, tensor in header.tensors.items()
        if key in ours and tensor["dtype"] not in STORED
    )
    return wrong


def belongs(key: str, half: Half | None) -> bool:
    """Whether a tensor by its published name is used by a half, or (None) by any."""
    return key not in DEAD_KEYS and (
        half is None or key.startswith(ENCODER_KEYS) == (half == "encoder")
    )


def shrunk(config: PreTrainedConfig, half: Half) -> PreTrainedConfig:
    """The config with no layers, and almost no width, in the other half."""
    small: Any = deepcopy(config)
    if half == "encoder":
        small.text_config.num_hidden_layers, small.text_config.vocab_size = 0, PAD + 1
        small.text_config.mlp_layer_types = []
        if hasattr(small.text_config, "layer_types"):
            small.text_config.layer_types = []
        return small  # type: ignore[no-any-return]
    sam, body = small.vision_config.sam_config, small.vision_config.encoder_config
    sam.num_hidden_layers = body.num_hidden_layers = 0
    sam.hidden_size, sam.output_channels, sam.downsample_channels, sam.image_size = (
        16,
        8,
        [8, 8],
        64,
    )
    body.hidden_size, body.vocab_size = 64, 1
    return small  # type: ignore[no-any-return]
