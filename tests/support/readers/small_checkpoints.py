"""Small random checkpoints in the published form: key names, config.json and tokenizer as in the
real folders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    DeepseekOcr2Config,
    DeepseekOcr2ForConditionalGeneration,
    PreTrainedModel,
    UnlimitedOcrConfig,
    UnlimitedOcrForConditionalGeneration,
)

from optical_memory.readers.deepseek.families import V2
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import BOS, EOS, IMAGE, PAD, ocr_tokenizer

VOCAB = 129_280
LAYERS = 3
DECODER = {
    "first_k_dense_replace": 1,
    "hidden_size": 64,
    "intermediate_size": 128,
    "max_position_embeddings": 8192,
    "moe_intermediate_size": 32,
    "n_group": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_attention_heads": 2,
    "num_experts_per_tok": 2,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "topk_group": 1,
    "topk_method": "greedy",
    "vocab_size": VOCAB,
}
"""Sizes of the decoder, by their names in a published config.json."""

LANGUAGE = DECODER | {
    "architectures": ["DeepseekV2ForCausalLM"],
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "kv_lora_rank": None,
    "lm_head": True,
    "q_lora_rank": None,
    "qk_nope_head_dim": 0,
    "qk_rope_head_dim": 0,
    "rm_head": False,
    "torch_dtype": "bfloat16",
    "use_mla": False,
    "v_head_dim": 0,
}
"""`language_config` as published: those sizes, and keys that are of no use to the stock class."""

SAM = {
    "downsample_channels": [48, 64],
    "global_attn_indexes": [1],
    "heads": 2,
    "layers": 2,
    "width": 32,
}
CLIP = {"heads": 1, "image_size": 224, "layers": 1, "patch_size": 14, "width": 64}

PATCHES = "model.vision_model.embeddings.patch_embedding.weight"
"""CLIP's own patch embedding: in the published files, used by nothing."""


Stock = tuple[Path, PreTrainedModel]
"""A checkpoint's folder, and the stock model that has its weights."""


def write_checkpoint(folder: Path, family: Family, *, seed: int = 0) -> PreTrainedModel:
    """Write a random checkpoint of `family` with tokenizer.json.

    Returns the stock model that has its weights.
    """
    torch.manual_seed(seed)
    model = _model(family)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            _randomize(name, parameter)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    if family is not V2:
        _add_patches(folder / "model.safetensors")
    (folder / "generation_config.json").unlink(missing_ok=True)  # not in DeepSeek-OCR's repository
    (folder / "config.json").write_text(json.dumps(_config_json(family)))
    ocr_tokenizer().save(str(folder / "tokenizer.json"))
    return model.eval()


def _randomize(name: str, parameter: torch.Tensor) -> None:
    """Random numbers so large that every picture and every word makes a difference."""
    is_vector = any(part in name for part in ("embed", "newline", "separator"))
    if parameter.dim() > 1 or is_vector:
        parameter.copy_(torch.randn_like(parameter) * _scale(name, parameter))
    elif "bias" in name:
        parameter.copy_(torch.randn_like(parameter) * 0.1)


def _scale(name: str, parameter: torch.Tensor) -> float:
    if parameter.dim() > 2:
        return 0.25
    gain = 1.0 if "language_model.layers" in name else 0.6
    return gain * float(parameter.shape[-1]) ** -0.5


def _add_patches(file: Path) -> None:
    weights = load_file(file)
    weights[PATCHES] = torch.randn(CLIP["width"], 3, 14, 14)
    save_file(weights, file)


# ---- the stock model -----------------------------------------------------------------------------


def _model(family: Family) -> PreTrainedModel:
    if family is V2:
        vision = {"sam_config": _stock_sam(), "encoder_config": _stock_qwen2()}
        return DeepseekOcr2ForConditionalGeneration(
            DeepseekOcr2Config(
                vision_config=vision, text_config=_stock_text(), image_token_id=IMAGE
            )
        )
    vision = {"sam_config": _stock_sam(), "encoder_config": _stock_clip()}
    kind = "full_attention" if family.sliding_window is None else "reference_sliding_attention"
    text = _stock_text() | {"layer_types": [kind] * LAYERS, "sliding_window": 128}
    return UnlimitedOcrForConditionalGeneration(
        UnlimitedOcrConfig(vision_config=vision, text_config=text, image_token_id=IMAGE)
    )


def _stock_text() -> dict[str, Any]:
    names = DECODER.keys() - {"first_k_dense_replace"}
    return {name: LANGUAGE[name] for name in names} | {
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "mlp_layer_types": ["dense"] + ["sparse"] * (LAYERS - 1),
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
    }


def _stock_sam() -> dict[str, Any]:
    return {
        "hidden_size": SAM["width"],
        "num_hidden_layers": SAM["layers"],
        "num_attention_heads": SAM["heads"],
        "global_attn_indexes": SAM["global_attn_indexes"],
        "downsample_channels": SAM["downsample_channels"],
        "output_channels": 24,
        "mlp_dim": 64,
        "initializer_range": 0.02,
    }


def _stock_clip() -> dict[str, Any]:
    return {
        "hidden_size": CLIP["width"],
        "intermediate_size": 128,
        "num_hidden_layers": CLIP["layers"],
        "num_attention_heads": CLIP["heads"],
        "image_size": CLIP["image_size"],
        "patch_size": CLIP["patch_size"],
    }


def _stock_qwen2() -> dict[str, Any]:
    return {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    }


# ---- config.json as published --------------------------------------------------------------------


def _config_json(family: Family) -> dict[str, Any]:
    """config.json as published, at this size."""
    window = {"sliding_window": 128, "sliding_window_size": 128} if family.sliding_window else {}
    return {
        "architectures": [family.architecture],
        "candidate_resolutions": [[1024, 1024]],
        "global_view_pos": "head",
        "language_config": LANGUAGE | window,
        "model_type": "unlimited-ocr" if family.sliding_window else "deepseek_vl_v2",
        "projector_config": {
            "input_dim": 128,
            "model_type": "mlp_projector",
            "n_embed": 64,
            "projector_type": "linear",
        },
        "tile_tag": "2D",
        "torch_dtype": "float32",
        "transformers_version": "4.46.3",
        "vision_config": {
            "image_size": 1024,
            "mlp_ratio": 3.7362,
            "model_name": "x",
            "model_type": "vision",
            "width": _widths(family),
        },
    }


def _widths(family: Family) -> dict[str, Any]:
    """The sizes of the vision parts; DeepSeek-OCR-2's are wrong about the compressor."""
    if family is V2:
        sam = SAM | {"downsample_channels": [512, 1024]}
        return {"sam_vit_b": sam, "qwen2-0-5b": {"dim": 64}}
    return {"sam_vit_b": SAM, "clip-l-14-224": CLIP}
