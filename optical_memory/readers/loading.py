"""Published checkpoints into transformers' own classes, strictly: encoder alone, decoder alone, or all on paper.

A half is the stock class with the other half shrunk to almost nothing, so that each runs the stock code. Every key must
be there and none too many, or a `CheckpointError` says which; transformers alone reports it and goes on with random
weights. Weights are read lazily from the file: the half that is not asked for is never touched.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from contextlib import contextmanager
from copy import deepcopy
from logging import ERROR
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    DeepseekOcr2ForConditionalGeneration,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    UnlimitedOcrForConditionalGeneration,
)
from transformers.utils import logging

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoint import LOADING
from optical_memory.readers.families import V2, Family
from optical_memory.readers.published import Published, Shape
from optical_memory.readers.tokenizer import EOS, PAD

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Half", "Maps", "check_keys", "half_parameters", "load_half", "stock_class", "write_sparse"]

Half = Literal["encoder", "decoder"]
Maps = dict[int, mmap.mmap]

PRIVATE: dict[str, int] = {}  # Windows has no such flags, nor needs them
if hasattr(mmap, "MAP_PRIVATE"):
    PRIVATE["flags"] = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS

STORED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}

ENCODER_KEYS = (
    *("model.sam_model.", "model.vision_model.", "model.qwen2_model.", "model.projector."),
    *("model.image_newline", "model.view_seperator"),
)
DEAD_KEYS = ("model.vision_model.embeddings.patch_embedding.weight", "model.vision_model.embeddings.position_ids")
"""In files, used by no class: SAM's features go in where CLIP's own patches would."""

ENCODER_PARTS = ("model.vision_tower.", "model.multi_modal_projector.", "model.image_newline", "model.view_separator")
"""The same in the stock class."""


def stock_class(family: Family) -> type[PreTrainedModel]:
    return DeepseekOcr2ForConditionalGeneration if family is V2 else UnlimitedOcrForConditionalGeneration


def load_half(
    found: Published,
    half: Half,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    maps: Maps | None = None,
) -> PreTrainedModel:
    """The stock class with one half's weights, in eval mode. Raises `CheckpointError` unless all of its keys fit.

    With `maps`, weights that are used as they are stored stay in the file's pages, which processes share and the system
    may take back; it is filled with these mappings by the address of what was read from each.
    """
    if half == "decoder":
        _refuse_experts(found)
    where = {} if device == "cpu" else {"device_map": {"": device}}
    kind, config = stock_class(found.family), _shrunk(found.config, half)
    model, info = _from_pretrained(kind, None, config, dtype, state_dict=_slices(found, half, maps), **where)
    _refuse(info, str(found.folder), kind, half)
    untyped: Any = GenerationConfig
    model.generation_config = untyped(eos_token_id=EOS, pad_token_id=PAD, do_sample=False)
    model.train(False)
    return model


def _slices(found: Published, half: Half, maps: Maps | None) -> dict[str, Any]:
    return {
        key: _FileSlice(header.file, header.start, tensor, maps)
        for header in found.headers
        for key, tensor in header.tensors.items()
        if _belongs(key, half)
    }


class _FileSlice:
    """One tensor of a safetensors file, read or mapped as a whole when transformers asks for it.

    A file that is mapped at once would count as memory, page by page, until all of it is closed.
    """

    def __init__(self, file: Path, start: int, tensor: Mapping[str, Any], maps: Maps | None) -> None:
        self._file, self._dtype, self._shape, self._maps = file, tensor["dtype"], tensor["shape"], maps
        begin, end = tensor["data_offsets"]
        self._start, self._size = start + begin, end - begin

    def __getitem__(self, index: Any) -> Tensor:
        if self._dtype not in STORED:
            raise CheckpointError(f"{self._file} has numbers of type {self._dtype}; known are {', '.join(STORED)}")
        with self._file.open("rb") as file:
            data, skipped = self._read(file) if self._maps is None else self._map(file)
        numbers = self._size // STORED[self._dtype].itemsize
        flat = torch.frombuffer(data, dtype=STORED[self._dtype], count=numbers, offset=skipped)
        if self._maps is not None:
            self._maps[flat.untyped_storage().data_ptr()] = data
        return flat.reshape(self._shape)[index]

    def _read(self, file: BinaryIO) -> tuple[mmap.mmap, int]:
        data = mmap.mmap(-1, self._size, **PRIVATE)  # goes back to the system at once when the tensor was copied
        file.seek(self._start)
        data.write(file.read(self._size))
        return data, 0

    def _map(self, file: BinaryIO) -> tuple[mmap.mmap, int]:
        """The file's pages, from the last boundary before the tensor; changes would stay in this process."""
        skipped = self._start % mmap.ALLOCATIONGRANULARITY
        size, first = self._size + skipped, self._start - skipped
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY, offset=first), skipped


def half_parameters(found: Published, half: Half) -> int:
    """How many numbers a half has."""
    return sum(prod(shape) for key, shape in found.shapes.items() if _belongs(key, half))


def _belongs(key: str, half: Half) -> bool:
    return key not in DEAD_KEYS and key.startswith(ENCODER_KEYS) == (half == "encoder")


def _shrunk(config: PreTrainedConfig, half: Half) -> PreTrainedConfig:
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
    sam.hidden_size, sam.output_channels, sam.downsample_channels, sam.image_size = 16, 8, [8, 8], 64
    body.hidden_size, body.vocab_size = 64, 1
    return small  # type: ignore[no-any-return]


def _from_pretrained(
    kind: type[PreTrainedModel], folder: Path | None, config: PreTrainedConfig, dtype: torch.dtype, **options: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    try:
        with LOADING, _quiet():
            loaded: Any = kind.from_pretrained(
                folder, config=config, dtype=dtype, output_loading_info=True, local_files_only=True, **options
            )
    except (RuntimeError, OSError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{folder or 'the checkpoint'} does not load as {kind.__name__}: {error}") from error
    model, info = loaded
    return model, info


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own report and bar: what it would warn of is an error here, and the half that stays random
    is meant to."""
    before = logging.get_verbosity()
    logging.set_verbosity(ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _refuse(info: Mapping[str, Any], name: str, kind: type[PreTrainedModel], half: Half) -> None:
    """Raise unless every key fits; those of the half that was left out are missing on purpose."""
    wrong = {what: sorted(map(str, info[what])) for what in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    wrong["missing_keys"] = [k for k in wrong["missing_keys"] if k.startswith(ENCODER_PARTS) == (half == "encoder")]
    if any(wrong.values()):
        counts = ", ".join(f"{len(keys)} {what.replace('_', ' ')} {keys[:3]}" for what, keys in wrong.items() if keys)
        raise CheckpointError(f"{name} is not a checkpoint of {kind.__name__} at this size: {counts}")


def _refuse_experts(found: Published) -> None:
    """Raise unless every expert's tensor is there in its shape: transformers stacks them and names none that is not."""
    config: Any = found.config
    text, shapes = config.text_config, found.shapes
    inner, width = text.moe_intermediate_size, text.hidden_size
    expected = {
        f"model.layers.{layer}.mlp.experts.{expert}.{name}_proj.weight": shape
        for layer, kind in enumerate(text.mlp_layer_types)
        for expert in range(text.n_routed_experts if kind == "sparse" else 0)
        for name, shape in (("gate", (inner, width)), ("up", (inner, width)), ("down", (width, inner)))
    }
    if wrong := sorted(key for key, shape in expected.items() if shapes.get(key) != shape):
        key = wrong[0]
        has = f"has {key} of shape {shapes[key]}, not {expected[key]}" if key in shapes else f"lacks {key}"
        more = f" ({len(wrong)} tensors of experts are missing or mismatched)" if len(wrong) > 1 else ""
        raise CheckpointError(f"the checkpoint {has}{more}")


# ---- on paper -------------------------------------------------------------------------------------------------------


def check_keys(found: Published) -> dict[str, list[str]]:
    """Load a checkpoint without its numbers, on the meta device: its missing, unexpected and mismatched keys by name.

    Raises `CheckpointError` where it does not come that far, and for a tensor of an expert.
    """
    _refuse_experts(found)
    kind, options = stock_class(found.family), {"device_map": {"": "meta"}}
    paper = {key: torch.empty(shape, dtype=torch.bfloat16, device="meta") for key, shape in found.shapes.items()}
    _, info = _from_pretrained(kind, None, found.config, torch.bfloat16, state_dict=paper, **options)
    return {what: sorted(map(str, info[f"{what}_keys"])) for what in ("missing", "unexpected", "mismatched")}


def write_sparse(file: Path, shapes: Mapping[str, Shape]) -> None:
    """A safetensors file of bfloat16 zeros that takes no room on disk."""
    at, header = 0, {}
    for key, shape in shapes.items():
        header[key] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at := at + 2 * prod(shape)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + at)
