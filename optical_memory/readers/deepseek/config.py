"""The stock class's config from a published config.json and the shapes of its tensors.

The published config.json must not go through `Config.from_pretrained`: a wrong `model_type` there
silently gives random weights. The stock config is built by keyword. If config.json is silent about
a size, or wrong (DeepSeek-OCR-2's compressor), the size is that of the tensors themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.config_json import MAX_SIZE
from optical_memory.readers.checkpoints.safetensors_files import Shape
from optical_memory.readers.deepseek.config_checks import (
    HEAD,
    DecoderSection,
    DeepseekConfig,
    V1Config,
    V2Config,
)
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import BOS, EOS, IMAGE, PAD

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["stock_config"]

Sizes = dict[str, Any]
Shapes = Mapping[str, Shape]

ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
SAME_NAMES = {
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "moe_intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "n_routed_experts",
    "n_shared_experts",
    "num_experts_per_tok",
    "n_group",
    "topk_group",
    "topk_method",
    "max_position_embeddings",
}
"""Sizes of the decoder that have the same name in config.json and in the stock config."""

PATCH = 16  # px of a side of the SAM tower's patches
SLIDING_WINDOW = 128  # the stock class wants a number, also if no layer has a window
ENCODER_LAYERS = {896: 24}
"""Layers of DeepSeek-OCR-2's encoder body by its width, as published; config.json does not tell."""


def stock_config(family: Family, config: DeepseekConfig, shapes: Shapes) -> PreTrainedConfig:
    """The config of the stock class for tensors of these shapes.

    Raises `CheckpointError` if a size is in neither, or if tensors do not agree on it.
    """
    from huggingface_hub.errors import StrictDataclassError

    try:
        if isinstance(config, V2Config):
            return _v2_config(config, shapes)
        assert isinstance(config, V1Config)
        return _v1_config(family, config, shapes)
    except (KeyError, TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(
            f"config.json and tensors do not tell the sizes of {family.id}: {error}"
        ) from error


def _v1_config(family: Family, config: V1Config, shapes: Shapes) -> PreTrainedConfig:
    from transformers import UnlimitedOcrConfig

    # With the class's default, a sliding window, DeepSeek-OCR goes wrong after 128 tokens.
    is_sliding = family.sliding_window is not None
    kind = "reference_sliding_attention" if is_sliding else "full_attention"
    window = config.decoder.sliding_window or family.sliding_window or SLIDING_WINDOW
    text = _decoder(config.decoder) | {
        "layer_types": [kind] * config.decoder.num_hidden_layers,
        "sliding_window": window,
    }
    clip = _clip(config, shapes)
    vision = {
        "sam_config": _sam(config, shapes, clip["hidden_size"]),
        "encoder_config": clip,
    }
    return UnlimitedOcrConfig(vision_config=vision, text_config=text, image_token_id=IMAGE)


def _v2_config(config: V2Config, shapes: Shapes) -> PreTrainedConfig:
    from transformers import DeepseekOcr2Config

    qwen2 = _qwen2(config, shapes)
    vision = {
        "sam_config": _sam(config, shapes, qwen2["hidden_size"]),
        "encoder_config": qwen2,
    }
    text = _decoder(config.decoder)
    return DeepseekOcr2Config(vision_config=vision, text_config=text, image_token_id=IMAGE)


# ---- parts ---------------------------------------------------------------------------------------


def _decoder(decoder: DecoderSection) -> Sizes:
    n_dense = decoder.first_k_dense_replace
    n_sparse = decoder.num_hidden_layers - n_dense
    return decoder.model_dump(include=SAME_NAMES) | {
        "mlp_layer_types": ["dense"] * n_dense + ["sparse"] * n_sparse,
        "rope_parameters": dict(ROPE),
        "rms_norm_eps": 1e-6,
        "routed_scaling_factor": 1.0,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "tie_word_embeddings": False,
    }


def _sam(config: DeepseekConfig, shapes: Shapes, width: int) -> Sizes:
    """The tower, whose last convolution gives `width` numbers: those that the next part takes."""
    root = "model.sam_model."
    mlp = f"{root}blocks.0.mlp.lin1."
    neck_width = _size(shapes, (root + "neck.0.weight", 0), (root + "neck.1.weight", 0))
    net_width = _size(shapes, (root + "net_2.weight", 0), (root + "net_3.weight", 1))
    n_patches = _size(shapes, (root + "pos_embed", 1), (root + "pos_embed", 2))
    return {
        "hidden_size": config.sam.width,
        "num_hidden_layers": config.sam.layers,
        "num_attention_heads": config.sam.heads,
        "global_attn_indexes": config.sam.global_attn_indexes,
        "image_size": n_patches * PATCH,
        "output_channels": neck_width,
        "mlp_dim": _size(shapes, (mlp + "weight", 0), (mlp + "bias", 0)),
        "downsample_channels": [net_width, width],
    }


def _clip(config: V1Config, shapes: Shapes) -> Sizes:
    mlp = "model.vision_model.transformer.layers.0.mlp.fc1."
    return {
        "hidden_size": config.clip.width,
        "intermediate_size": _size(shapes, (mlp + "weight", 0), (mlp + "bias", 0)),
        "num_hidden_layers": config.clip.layers,
        "num_attention_heads": config.clip.heads,
        "image_size": config.clip.image_size,
        "patch_size": config.clip.patch_size,
    }


def _qwen2(config: V2Config, shapes: Shapes) -> Sizes:
    """DeepSeek-OCR-2's encoder body; its config.json tells only the width."""
    root = "model.qwen2_model.model.model.layers."
    mlp = f"{root}0.mlp."
    attention = f"{root}0.self_attn."
    width = config.qwen2.dim
    inner = _size(shapes, (mlp + "gate_proj.weight", 0), (mlp + "up_proj.weight", 0))
    keys = _size(shapes, (attention + "k_proj.weight", 0), (attention + "v_proj.weight", 0))
    if keys % HEAD or width // HEAD % (keys // HEAD):
        raise CheckpointError(
            f"{attention}k_proj.weight has {keys} rows, not heads of {HEAD} that divide {width}"
        )
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": ENCODER_LAYERS.get(width) or _count_layers(shapes, root),
        "num_attention_heads": width // HEAD,
        "num_key_value_heads": keys // HEAD,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    }


# ---- sizes of tensors ----------------------------------------------------------------------------


def _count_layers(shapes: Shapes, root: str) -> int:
    """The number of layers, without those of which only some tensors are there."""
    names = [name.removeprefix(root) for name in shapes if name.startswith(root)]
    n_tensors = Counter(name.split(".")[0] for name in names)
    return sum(2 * count > max(n_tensors.values()) for count in n_tensors.values())


def _size(shapes: Shapes, *axes: tuple[str, int]) -> int:
    """The size that tensors have on these axes; two are compared, so that a wrong size is noticed.

    Raises `CheckpointError` if a tensor is missing, has no such size, or if they do not agree.
    """
    for name, axis in axes:
        if name not in shapes:
            raise CheckpointError(f"there is no {name}")
        if len(shapes[name]) <= axis or not 0 < shapes[name][axis] <= MAX_SIZE:
            raise CheckpointError(f"{name} has the shape {shapes[name]}")
    sizes = {shapes[name][axis] for name, axis in axes}
    if len(sizes) > 1:
        names = dict.fromkeys(name for name, _ in axes)
        tensors = " and ".join(f"{name} of shape {shapes[name]}" for name in names)
        raise CheckpointError(f"{tensors} do not agree")
    return sizes.pop()
