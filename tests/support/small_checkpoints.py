"""Small random checkpoints in the published form: key names, config.json and tokenizer as in the
real folders.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    DeepseekOcr2Config,
    DeepseekOcr2ForConditionalGeneration,
    PreTrainedModel,
    UnlimitedOcrConfig,
    UnlimitedOcrForConditionalGeneration,
)

from optical_memory.readers.deepseek.families import V2, Family
from optical_memory.readers.language.tokenizer import BOS, EOS, IMAGE, PAD, ocr_tokenizer

VOCAB = 129_280
LAYERS = 3
LANGUAGE = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "first_k_dense_replace": 1,
    "hidden_size": 64,
    "intermediate_size": 128,
    "kv_lora_rank": None,
    "lm_head": True,
    "max_position_embeddings": 8192,
    "moe_intermediate_size": 32,
    "n_group": 1,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "num_attention_heads": 2,
    "num_experts_per_tok": 2,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "q_lora_rank": None,
    "qk_nope_head_dim": 0,
    "qk_rope_head_dim": 0,
    "rm_head": False,
    "topk_group": 1,
    "topk_method": "greedy",
    "torch_dtype": "bfloat16",
    "use_mla": False,
    "v_head_dim": 0,
    "vocab_size": VOCAB,
}
SAM = {
    "downsample_channels": [48, 64],
    "global_attn_indexes": [1],
    "heads": 2,
    "layers": 2,
    "width": 32,
}
CLIP = {"heads": 1, "image_size": 224, "layers": 1, "patch_size": 14, "width": 64}


Stock = tuple[Path, PreTrainedModel]
"""A checkpoint's folder, and the stock model that has its weights."""


def write_checkpoint(folder: Path, family: Family, *, seed: int = 0) -> PreTrainedModel:
    """Write a random checkpoint of `family` with tokenizer.json; returns the stock model that has
    its weights.
    """
    torch.manual_seed(seed)
    model = _model(family)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1 or "embed" in name or "newline" in name or "separator" in name:
                p.copy_(torch.randn_like(p) * _scale(name, p))
            elif "bias" in name:
                p.copy_(torch.randn_like(p) * 0.1)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    _add_unused(folder / "model.safetensors", family)
    (folder / "generation_config.json").unlink(
        missing_ok=True
    )  # DeepSeek-OCR's repository has none
    (folder / "config.json").write_text(json.dumps(_config(family)))
    ocr_tokenizer().save(str(folder / "tokenizer.json"))
    return model.eval()


def _scale(name: str, p: torch.Tensor) -> float:
    if p.dim() > 2:
        return 0.25
    return (1.0 if "language_model.layers" in name else 0.6) * float(p.shape[-1]) ** -0.5


def _add_unused(file: Path, family: Family) -> None:
    """CLIP's own patch embedding: in the published files, used by nothing."""
    weights = load_file(file)
    if family is not V2:
        weights["model.vision_model.embeddings.patch_embedding.weight"] = torch.randn(
            CLIP["width"], 3, 14, 14
        )
    save_file(weights, file)


def _model(family: Family) -> PreTrainedModel:
    sam = {
        "hidden_size": SAM["width"],
        "num_hidden_layers": SAM["layers"],
        "num_attention_heads": SAM["heads"],
        "global_attn_indexes": SAM["global_attn_indexes"],
        "downsample_channels": SAM["downsample_channels"],
        "output_channels": 24,
        "mlp_dim": 64,
        "initializer_range": 0.02,
    }
    text = {
        k: v
        for k, v in LANGUAGE.items()
        if k not in ("architectures", "torch_dtype", "lm_head", "rm_head")
    }
    text = {
        k: v
        for k, v in text.items()
        if not k.startswith(("qk_", "q_lora", "kv_", "v_head", "use_mla", "first_k"))
    }
    text |= {
        "mlp_layer_types": ["dense"] + ["sparse"] * (LAYERS - 1),
        "pad_token_id": PAD,
        "rms_norm_eps": 1e-6,
    }
    text |= {"rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}}
    if family is V2:
        body = {
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 1,
        }
        body |= {
            "num_key_value_heads": 1,
            "vocab_size": 1,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        }
        vision = {"sam_config": sam, "encoder_config": body}
        return DeepseekOcr2ForConditionalGeneration(
            DeepseekOcr2Config(vision_config=vision, text_config=text, image_token_id=IMAGE)
        )
    body = {
        "hidden_size": CLIP["width"],
        "intermediate_size": 128,
        "num_hidden_layers": CLIP["layers"],
    }
    body |= {
        "num_attention_heads": CLIP["heads"],
        "image_size": CLIP["image_size"],
        "patch_size": CLIP["patch_size"],
    }
    kind = "full_attention" if family.sliding_window is None else "reference_sliding_attention"
    text |= {"layer_types": [kind] * LAYERS, "sliding_window": 128}
    vision = {"sam_config": sam, "encoder_config": body}
    return UnlimitedOcrForConditionalGeneration(
        UnlimitedOcrConfig(vision_config=vision, text_config=text, image_token_id=IMAGE)
    )


def _config(family: Family) -> dict[str, object]:
    """config.json as published, at this size."""
    language = LANGUAGE | (
        {"sliding_window": 128, "sliding_window_size": 128} if family.sliding_window else {}
    )
    width: dict[str, object] = {
        "sam_vit_b": SAM if family is not V2 else SAM | {"downsample_channels": [512, 1024]}
    }
    width |= {"qwen2-0-5b": {"dim": 64}} if family is V2 else {"clip-l-14-224": CLIP}
    return {
        "architectures": [family.architecture],
        "candidate_resolutions": [[1024, 1024]],
        "global_view_pos": "head",
        "language_config": language,
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
            "width": width,
        },
    }
