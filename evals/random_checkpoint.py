"""A checkpoint of random numbers with published sizes: speed and memory need no trained weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optical_memory.readers.checkpoints.safetensors_files import (
    read_header,
    read_json,
    write_sparse,
)
from optical_memory.readers.language.tokenizer import ocr_tokenizer

__all__ = [
    "make_checkpoint",
]


def make_checkpoint(folder: Path, shapes: Path, config: Path) -> None:
    """Write a checkpoint of random bfloat16 numbers; activations neither vanish nor explode."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: tuple(shape) for key, shape in read_json(shapes)["tensors"].items()}
    write_sparse(folder / "model.safetensors", tensors)
    header = read_header(folder / "model.safetensors")
    with header.file.open("r+b") as file:
        for i, (name, tensor) in enumerate(header.tensors.items()):
            file.seek(header.start + tensor["data_offsets"][0])
            file.write(random_numbers(name, tensor["shape"], i * 977 % 1_000_000).tobytes())
    (folder / "config.json").write_bytes(config.read_bytes())
    ocr_tokenizer().save(str(folder / "tokenizer.json"))


def random_numbers(name: str, shape: list[int], start: int) -> npt.NDArray[np.uint16]:
    """All numbers of a tensor in a row, bfloat16 as it is stored, from a place in the pool."""
    size = int(np.prod(shape))
    if "norm" in name and name.endswith("weight") and len(shape) == 1:
        return bfloat16(np.ones(size, np.float32))
    scale = 0.02 if len(shape) == 1 else min(0.05, 0.7 * float(np.prod(shape[1:])) ** -0.5)
    return np.resize(scaled_pool(scale)[start:], size)


@cache
def scaled_pool(scale: float) -> npt.NDArray[np.uint16]:
    """Eight million normal numbers with this standard deviation."""
    numbers = np.random.default_rng(0).standard_normal(8_000_000, np.float32)
    return bfloat16(numbers * np.float32(scale))


def bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    return (values.view(np.uint32) >> 16).astype(np.uint16)
