"""Where a half of a model goes and in what numbers, and whether it fits there, told before anything
is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil
import torch

from optical_memory.errors import NotEnoughMemory, ReaderUnavailable
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.halves import Half, half_parameters

__all__ = ["DTYPES", "Place", "devices", "free_bytes", "place", "require_room"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
GIB = 2**30
SPARE = 1.08
"""Room beyond the weights themselves while they load: the largest tensor is there twice, and keys
and values.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A device ("cpu", "cuda", "cuda:1", "mps") and the numbers that weights have there."""

    device: str
    dtype: torch.dtype

    @property
    def numbers(self) -> str:
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)


def place(half: Half, device: str = "auto", dtype: str = "auto") -> Place:
    """The place for a half. Raises `ReaderUnavailable` for a device or dtype that there is not.

    "auto" is what the environment variables OPTICAL_MEMORY_DEVICE and OPTICAL_MEMORY_DTYPE say;
    where they say nothing, CUDA where there is one, else Apple's GPU, else the CPU; bfloat16 on
    CUDA that has it and for the decoder on a CPU, float16 on other GPUs, float32 for the encoder on
    a CPU, where it is the fastest.
    """
    device = os.environ.get("OPTICAL_MEMORY_DEVICE", "auto") if device == "auto" else device
    dtype = os.environ.get("OPTICAL_MEMORY_DTYPE", "auto") if dtype == "auto" else dtype
    if dtype != "auto" and dtype not in DTYPES:
        raise ReaderUnavailable(f"no dtype {dtype!r}: it is auto, {', '.join(DTYPES)}")
    where = device if device != "auto" else _best_device()
    if where not in devices():
        raise ReaderUnavailable(
            f"there is no device {where!r} here; there is auto, {', '.join(devices())}"
        )
    return Place(where, DTYPES[dtype] if dtype != "auto" else _best_dtype(half, where))


def devices() -> list[str]:
    """The devices of this machine, as they may be named."""
    gpus = (
        ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        if torch.cuda.is_available()
        else []
    )
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _best_dtype(half: Half, device: str) -> torch.dtype:
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "mps":
        return torch.float16
    return torch.bfloat16 if half == "decoder" else torch.float32


def free_bytes(device: str) -> int:
    """Memory that is free on a device."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def require_room(found: Published, half: Half, at: Place) -> None:
    """Raise `NotEnoughMemory`, with what is needed and what there is, where a half does not fit."""
    needed = int(half_parameters(found, half) * at.dtype.itemsize * SPARE)
    free = free_bytes(at.device)
    if needed > free:
        raise NotEnoughMemory(
            f"the {half} of {found.family.id} needs {needed / GIB:.1f} GiB in {at.numbers} on {at.device}, "
            f"{free / GIB:.1f} GiB are free; free some, choose dtype='bfloat16', or read through a server (vllm+http://…)"
        )
