"""Published checkpoint folders as they are: config.json and safetensors headers in, the stock
class's config out.

The published config.json must not go through `Config.from_pretrained`: a wrong `model_type` there
silently gives random weights. It is read as JSON and the stock config is built by keyword; sizes on
which config.json is silent, or wrong (DeepSeek-OCR-2's compressor), are taken from the shapes of
the tensors themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.safetensors_files import (
    Header,
    Shape,
    read_headers,
    read_json,
)
from optical_memory.readers.deepseek.config_checks import HEAD, MOST, check_numbers
from optical_memory.readers.deepseek.families import FAMILIES, V2, Family
from optical_memory.readers.language.tokenizer import BOS, EOS, IMAGE, PAD

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["Published", "config_of", "family_of", "open_folder"]

ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
ENCODER_LAYERS = {896: 24}
"""Layers of DeepSeek-OCR-2's encoder body by its width, where published; config.json does not say.
"""
SAMPLE = 4096  # bytes of a tensor that its checkpoint's fingerprint sees


@dataclass(frozen=True)
class Published:
    """A checkpoint folder: its family, published config, tensor shapes, and the config of the stock
    class.
    """

    folder: Path
    family: Family
    published: Mapping[str, Any]
    headers: tuple[Header, ...]

    @property
    def shapes(self) -> dict[str, Shape]:
        return {
            name: tuple(t["shape"]) for header in self.headers for name, t in header.tensors.items()
        }

    @property
    def config(self) -> PreTrainedConfig:
        return config_of(self.family, self.published, self.shapes)

    @property
    def bytes(self) -> int:
        """Size of all tensors as stored."""
        ends = (t["data_offsets"] for header in self.headers for t in header.tensors.values())
        return sum(int(end) - int(start) for start, end in ends)

    def vectors(self, *names: str) -> dict[str, npt.NDArray[np.float32]]:
        """Small tensors by name, as float32; those that the files do not have are left out."""
        from safetensors import safe_open

        found: dict[str, npt.NDArray[np.float32]] = {}
        for header in self.headers:
            with safe_open(header.file, "pt") as file:
                found |= {
                    name: file.get_tensor(name).float().numpy()
                    for name in names
                    if name in header.tensors
                }
        return found

    def revision(self) -> str:
        """12 hex digits over config.json, every header and the first 4 KiB of every tensor: cheap
        at 6.7 GB, and another training run gives another one.
        """
        digest = hashlib.sha256(json.dumps(self.published, sort_keys=True).encode())
        for header in self.headers:
            with header.file.open("rb") as file:
                for name, tensor in sorted(header.tensors.items()):
                    start, end = tensor["data_offsets"]
                    file.seek(header.start + start)
                    digest.update(f"{name} {tensor['dtype']} {tensor['shape']}".encode())
                    digest.update(file.read(min(SAMPLE, end - start)))
        return digest.hexdigest()[:12]


def open_folder(folder: Path) -> Published:
    """A published checkpoint in `folder`. Raises `CheckpointError` for one of no known family,
    without weights, or with numbers in config.json that no model can have.
    """
    published = read_json(folder / "config.json")
    family, headers = family_of(published), read_headers(folder)
    check_numbers(family, published, sum(len(header.tensors) for header in headers))
    return Published(folder, family, published, headers)


def family_of(published: Mapping[str, Any]) -> Family:
    """The family that a published config.json names. Raises `CheckpointError`."""
    names = published.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    if not isinstance(first, str) or first not in FAMILIES:
        raise CheckpointError(
            f"config.json has the architectures {names!r}: known are {', '.join(FAMILIES)}"
        )
    return FAMILIES[first]


# ---- the stock class's config --------------------------------------------------------------------


def config_of(
    family: Family, published: Mapping[str, Any], shapes: Mapping[str, Shape]
) -> PreTrainedConfig:
    """The config of the stock class for these tensors. Raises `CheckpointError` where a size cannot
    be told.
    """
    from huggingface_hub.errors import StrictDataclassError

    try:
        return (
            _v2_config(published, shapes) if family is V2 else _v1_config(family, published, shapes)
        )
    except (KeyError, TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(
            f"config.json and tensors do not tell the sizes of {family.id}: {error}"
        ) from error


def _v1_config(
    family: Family, published: Mapping[str, Any], shapes: Mapping[str, Shape]
) -> PreTrainedConfig:
    from transformers import UnlimitedOcrConfig

    text = _decoder(published["language_config"])
    layers = text["num_hidden_layers"]
    full = (
        family.sliding_window is None
    )  # left at the class's default, DeepSeek-OCR goes wrong after 128 tokens
    text["layer_types"] = ["full_attention" if full else "reference_sliding_attention"] * layers
    text["sliding_window"] = (
        published["language_config"].get("sliding_window") or family.sliding_window or 128
    )
    clip = _clip(published, shapes)
    vision = {"sam_config": _sam(published, shapes, clip["hidden_size"]), "encoder_config": clip}
    return UnlimitedOcrConfig(vision_config=vision, text_config=text, image_token_id=IMAGE)


def _v2_config(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> PreTrainedConfig:
    from transformers import DeepseekOcr2Config

    body = _qwen2(published, shapes)
    vision = {"sam_config": _sam(published, shapes, body["hidden_size"]), "encoder_config": body}
    text = _decoder(published["language_config"])
    return DeepseekOcr2Config(vision_config=vision, text_config=text, image_token_id=IMAGE)


def _decoder(language: Mapping[str, Any]) -> dict[str, Any]:
    same = (
        *(
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "moe_intermediate_size",
            "num_hidden_layers",
        ),
        *("num_attention_heads", "num_key_value_heads", "n_routed_experts", "n_shared_experts"),
        *("num_experts_per_tok", "n_group", "topk_group", "topk_method", "max_position_embeddings"),
    )
    layers, dense = language["num_hidden_layers"], language["first_k_dense_replace"]
    return {name: language[name] for name in same} | {
        "mlp_layer_types": ["dense"] * dense + ["sparse"] * (layers - dense),
        "rope_parameters": dict(ROPE),
        "rms_norm_eps": 1e-6,
        "routed_scaling_factor": 1.0,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "tie_word_embeddings": False,
    }


def _sam(published: Mapping[str, Any], shapes: Mapping[str, Shape], width: int) -> dict[str, Any]:
    """The tower whose last convolution gives `width` numbers, those that the next part takes."""
    root = "model.sam_model."
    said = published["vision_config"]["width"]["sam_vit_b"]
    return {
        "hidden_size": said["width"],
        "num_hidden_layers": said["layers"],
        "num_attention_heads": said["heads"],
        "global_attn_indexes": said["global_attn_indexes"],
        "image_size": _size(shapes, (root + "pos_embed", 1), (root + "pos_embed", 2)) * 16,
        "output_channels": _size(shapes, (root + "neck.0.weight", 0), (root + "neck.1.weight", 0)),
        "mlp_dim": _size(
            shapes, *((f"{root}blocks.0.mlp.lin1.{part}", 0) for part in ("weight", "bias"))
        ),
        "downsample_channels": [
            _size(shapes, (root + "net_2.weight", 0), (root + "net_3.weight", 1)),
            width,
        ],
    }


def _clip(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    said = published["vision_config"]["width"]["clip-l-14-224"]
    root = "model.vision_model.transformer.layers.0.mlp.fc1."
    return {
        "hidden_size": said["width"],
        "intermediate_size": _size(shapes, (root + "weight", 0), (root + "bias", 0)),
        "num_hidden_layers": said["layers"],
        "num_attention_heads": said["heads"],
        "image_size": said["image_size"],
        "patch_size": said["patch_size"],
    }


def _qwen2(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """DeepSeek-OCR-2's encoder body, of which its config.json says only the width."""
    root = "model.qwen2_model.model.model.layers."
    width = published["vision_config"]["width"]["qwen2-0-5b"]["dim"]
    inner, keys = (
        _size(shapes, *((f"{root}0.{part}_proj.weight", 0) for part in parts))
        for parts in (("mlp.gate", "mlp.up"), ("self_attn.k", "self_attn.v"))
    )
    if keys % HEAD or width // HEAD % (keys // HEAD):
        raise CheckpointError(
            f"{root}0.self_attn.k_proj.weight has {keys} rows, not heads of {HEAD} that divide {width}"
        )
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": ENCODER_LAYERS.get(width) or _layers(shapes, root),
        "num_attention_heads": width // HEAD,
        "num_key_value_heads": keys // HEAD,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    }


def _layers(shapes: Mapping[str, Shape], root: str) -> int:
    """How many layers there are, without those of which only some tensors are."""
    tensors = Counter(name[len(root) :].split(".")[0] for name in shapes if name.startswith(root))
    return sum(2 * count > max(tensors.values()) for count in tensors.values())


def _size(shapes: Mapping[str, Shape], *places: tuple[str, int]) -> int:
    """The one size that tensors have on these axes; two are asked so that a wrong one is found.
    Raises `CheckpointError`.
    """
    for name, axis in places:
        if name not in shapes:
            raise CheckpointError(f"there is no {name}")
        if len(shapes[name]) <= axis or not 0 < shapes[name][axis] <= MOST:
            raise CheckpointError(f"{name} has the shape {shapes[name]}")
    sizes = {shapes[name][axis] for name, axis in places}
    if len(sizes) > 1:
        told = " and ".join(
            f"{name} of shape {shapes[name]}" for name in dict.fromkeys(name for name, _ in places)
        )
        raise CheckpointError(f"{told} do not agree")
    return sizes.pop()
