"""Published checkpoint folders as they are: config.json and safetensors headers in, the stock class's config out.

The published config.json must not go through `Config.from_pretrained`: a wrong `model_type` there silently gives random
weights. It is read as JSON and the stock config is built by keyword; sizes on which config.json is silent, or wrong
(DeepSeek-OCR-2's compressor), are taken from the shapes of the tensors themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError
from optical_memory.readers.families import FAMILIES, V2, Family
from optical_memory.readers.tokenizer import BOS, EOS, IMAGE, PAD

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["Header", "Published", "Shape", "config_of", "family_of", "open_folder", "read_header", "read_json"]

Shape = tuple[int, ...]
HEAD = 64  # width of an attention head in every vision part
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
INDEX = "model.safetensors.index.json"
SAMPLE = 4096  # bytes of a tensor that its checkpoint's fingerprint sees


@dataclass(frozen=True)
class Header:
    """One safetensors file: names, shapes, dtypes and byte ranges of its tensors; `start` is where the bytes begin."""

    file: Path
    start: int
    tensors: Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Published:
    """A checkpoint folder: its family, published config, tensor shapes, and the config of the stock class."""

    folder: Path
    family: Family
    published: Mapping[str, Any]
    headers: tuple[Header, ...]

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: tuple(t["shape"]) for header in self.headers for name, t in header.tensors.items()}

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
                found |= {name: file.get_tensor(name).float().numpy() for name in names if name in header.tensors}
        return found

    def revision(self) -> str:
        """12 hex digits over config.json, every header and the first 4 KiB of every tensor: cheap at 6.7 GB, and
        another training run gives another one."""
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
    """A published checkpoint in `folder`. Raises `CheckpointError` for one of no known family, or without weights."""
    published = read_json(folder / "config.json")
    found = Published(folder, family_of(published), published, tuple(read_header(file) for file in _files(folder)))
    names = [name for header in found.headers for name in header.tensors]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise CheckpointError(
            f"{folder} has more than one {twice[0]}: which of its .safetensors files are the checkpoint?"
        )
    return found


def _files(folder: Path) -> list[Path]:
    """The files that the index names, else all that there are. Raises `CheckpointError` where one is missing."""
    index = folder / INDEX
    named = read_json(index).get("weight_map", {}).values() if index.is_file() else ()
    files = [folder / name for name in sorted(set(named))] or sorted(folder.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{folder} has no .safetensors file")
    if missing := [file.name for file in files if not file.is_file()]:
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}, which {INDEX} names")
    return files


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises `CheckpointError`."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} does not read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{file} is not a JSON object")
    return found


def read_header(file: Path) -> Header:
    """The header of a safetensors file. Raises `CheckpointError` where it does not parse or the file is cut short."""
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            if size > file.stat().st_size:
                raise ValueError("its header is longer than the file")
            tensors = json.loads(opened.read(size))
        tensors.pop("__metadata__", None)
        end = max((t["data_offsets"][1] for t in tensors.values()), default=0)
        if file.stat().st_size < 8 + size + end:
            raise ValueError(f"{8 + size + end - file.stat().st_size} bytes are missing at its end")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file} is no safetensors file: {error}") from error
    return Header(file, 8 + size, tensors)


def family_of(published: Mapping[str, Any]) -> Family:
    """The family that a published config.json names. Raises `CheckpointError`."""
    names = published.get("architectures") or ["nothing"]
    if names[0] not in FAMILIES:
        raise CheckpointError(f"a checkpoint of {names[0]}: known are {', '.join(FAMILIES)}")
    return FAMILIES[names[0]]


# ---- the stock class's config ---------------------------------------------------------------------------------------


def config_of(family: Family, published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> PreTrainedConfig:
    """The config of the stock class for these tensors. Raises `CheckpointError` where a size cannot be told."""
    try:
        return _v2_config(published, shapes) if family is V2 else _v1_config(family, published, shapes)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"config.json and tensors do not tell the sizes of {family.id}: {error}") from error


def _v1_config(family: Family, published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> PreTrainedConfig:
    from transformers import UnlimitedOcrConfig

    text = _decoder(published["language_config"])
    layers = text["num_hidden_layers"]
    full = family.sliding_window is None  # left at the class's default, DeepSeek-OCR goes wrong after 128 tokens
    text["layer_types"] = ["full_attention" if full else "reference_sliding_attention"] * layers
    text["sliding_window"] = published["language_config"].get("sliding_window") or family.sliding_window or 128
    vision = {"sam_config": _sam(published, shapes), "encoder_config": _clip(published, shapes)}
    return UnlimitedOcrConfig(vision_config=vision, text_config=text, image_token_id=IMAGE)


def _v2_config(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> PreTrainedConfig:
    from transformers import DeepseekOcr2Config

    vision = {"sam_config": _sam(published, shapes), "encoder_config": _qwen2(shapes)}
    text = _decoder(published["language_config"])
    return DeepseekOcr2Config(vision_config=vision, text_config=text, image_token_id=IMAGE)


def _decoder(language: Mapping[str, Any]) -> dict[str, Any]:
    same = (
        *("vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_hidden_layers"),
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


def _sam(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    root = "model.sam_model."
    said = published["vision_config"]["width"]["sam_vit_b"]
    return {
        "hidden_size": said["width"],
        "num_hidden_layers": said["layers"],
        "num_attention_heads": said["heads"],
        "global_attn_indexes": said["global_attn_indexes"],
        "image_size": shapes[root + "pos_embed"][1] * 16,
        "output_channels": shapes[root + "neck.0.weight"][0],
        "mlp_dim": shapes[root + "blocks.0.mlp.lin1.weight"][0],
        "downsample_channels": [shapes[f"{root}net_{i}.weight"][0] for i in (2, 3)],
    }


def _clip(published: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    said = published["vision_config"]["width"]["clip-l-14-224"]
    return {
        "hidden_size": said["width"],
        "intermediate_size": shapes["model.vision_model.transformer.layers.0.mlp.fc1.weight"][0],
        "num_hidden_layers": said["layers"],
        "num_attention_heads": said["heads"],
        "image_size": said["image_size"],
        "patch_size": said["patch_size"],
    }


def _qwen2(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """DeepSeek-OCR-2's encoder body, of which its config.json says only the width."""
    root = "model.qwen2_model.model.model."
    layers = max(_numbers(shapes, root + "layers.")) + 1
    inner, width = shapes[root + "layers.0.mlp.gate_proj.weight"]
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": width // HEAD,
        "num_key_value_heads": shapes[root + "layers.0.self_attn.k_proj.weight"][0] // HEAD,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    }


def _numbers(shapes: Mapping[str, Shape], prefix: str) -> Iterator[int]:
    return (int(name[len(prefix) :].split(".")[0]) for name in shapes if name.startswith(prefix))
