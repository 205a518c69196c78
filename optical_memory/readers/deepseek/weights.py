"""Published checkpoints into transformers' own classes, strictly: encoder alone, decoder alone, or
all on paper.

Every key must be there in its shape and none too many, or a `CheckpointError` says which; that is
told from the headers before loading, and by transformers afterwards, which alone would go on with
random weights. Weights are read lazily from the file: the half that is not asked for is never
touched.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from logging import ERROR
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from optical_memory.readers.checkpoints.safetensors_files import Shape
from optical_memory.readers.checkpoints.strict_load import LOADING, Wrong, from_pretrained, refuse
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.halves import (
    ENCODER_PARTS,
    STORED,
    Half,
    belongs,
    differences,
    shrunk,
    stock_class,
)
from optical_memory.readers.language.tokenizer import EOS, PAD

__all__ = ["Maps", "check_keys", "load_half", "write_sparse"]

Maps = dict[int, mmap.mmap]

PRIVATE: dict[str, int] = {}  # Windows has no such flags, nor needs them
if hasattr(mmap, "MAP_PRIVATE"):
    PRIVATE["flags"] = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def load_half(
    found: Published,
    half: Half,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    maps: Maps | None = None,
) -> PreTrainedModel:
    """The stock class with one half's weights, in eval mode. Raises `CheckpointError` unless all of
    its keys fit.

    With `maps`, weights that are used as they are stored stay in the file's pages, which processes
    share and the system may take back; it is filled with these mappings by the address of what was
    read from each.
    """
    kind, where = stock_class(found.family), str(found.folder)
    refuse(differences(found, half), where, kind)
    options = {"state_dict": _slices(found, half, maps)} | (
        {} if device == "cpu" else {"device_map": {"": device}}
    )
    model, wrong = _quietly(kind, shrunk(found.config, half), dtype, **options)
    wrong["missing"] = [
        k for k in wrong["missing"] if k.startswith(ENCODER_PARTS) == (half == "encoder")
    ]
    refuse(wrong, where, kind)  # what is missing of the half that was left out is so on purpose
    untyped: Any = GenerationConfig
    model.generation_config = untyped(eos_token_id=EOS, pad_token_id=PAD, do_sample=False)
    model.train(False)
    return model


def _slices(found: Published, half: Half, maps: Maps | None) -> dict[str, Any]:
    return {
        key: _FileSlice(header.file, header.start, tensor, maps)
        for header in found.headers
        for key, tensor in header.tensors.items()
        if belongs(key, half)
    }


class _FileSlice:
    """One tensor of a safetensors file, read or mapped as a whole when transformers asks for it.

    A file that is mapped at once would count as memory, page by page, until all of it is closed.
    """

    def __init__(
        self, file: Path, start: int, tensor: Mapping[str, Any], maps: Maps | None
    ) -> None:
        self._file, self._dtype, self._shape, self._maps = (
            file,
            tensor["dtype"],
            tensor["shape"],
            maps,
        )
        begin, end = tensor["data_offsets"]
        self._start, self._size = start + begin, end - begin

    def __getitem__(self, index: Any) -> Tensor:
        with self._file.open("rb") as file:
            data, skipped = self._read(file) if self._maps is None else self._map(file)
        numbers = self._size // STORED[self._dtype].itemsize
        flat = torch.frombuffer(data, dtype=STORED[self._dtype], count=numbers, offset=skipped)
        if self._maps is not None:
            self._maps[flat.untyped_storage().data_ptr()] = data
        return flat.reshape(self._shape)[index]

    def _read(self, file: BinaryIO) -> tuple[mmap.mmap, int]:
        data = mmap.mmap(
            -1, self._size, **PRIVATE
        )  # goes back to the system at once when the tensor was copied
        file.seek(self._start)
        data.write(file.read(self._size))
        return data, 0

    def _map(self, file: BinaryIO) -> tuple[mmap.mmap, int]:
        """The file's pages, from the last boundary before the tensor; changes would stay in this
        process.
        """
        skipped = self._start % mmap.ALLOCATIONGRANULARITY
        size, first = self._size + skipped, self._start - skipped
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY, offset=first), skipped


def _quietly(
    kind: type[PreTrainedModel], config: PreTrainedConfig, dtype: torch.dtype, **options: Any
) -> tuple[PreTrainedModel, Wrong]:
    """`from_pretrained` without transformers' own report and bar: what it would warn of is an error
    here, and the half that stays random is meant to.
    """
    with LOADING:
        before = logging.get_verbosity()
        logging.set_verbosity(ERROR)
        try:
            return from_pretrained(kind, None, config, dtype, **options)
        finally:
            logging.set_verbosity(before)


# ---- on paper ------------------------------------------------------------------------------------


def check_keys(found: Published) -> Wrong:
    """The missing, unexpected and mismatched keys of a checkpoint, told without its numbers.

    Where all fit by name and shape, transformers loads it on the meta device and has the last word.
    Raises `CheckpointError` where it does not come that far.
    """
    wrong = differences(found)
    if any(wrong.values()):
        return wrong
    paper = {
        key: torch.empty(shape, dtype=torch.bfloat16, device="meta")
        for key, shape in found.shapes.items()
    }
    kind, options = stock_class(found.family), {"device_map": {"": "meta"}}
    return _quietly(kind, found.config, torch.bfloat16, state_dict=paper, **options)[1]


def write_sparse(file: Path, shapes: Mapping[str, Shape]) -> None:
    """A safetensors file of bfloat16 zeros that takes no room on disk."""
    at, header = 0, {}
    for key, shape in shapes.items():
        header[key] = {
            "dtype": "BF16",
            "shape": list(shape),
            "data_offsets": [at, at := at + 2 * prod(shape)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + at)
