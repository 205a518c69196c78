"""Devices and dtypes: those of this machine, and the best for each half of a model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch

from optical_memory.errors import ReaderUnavailable

__all__ = [
    "DTYPES",
    "Device",
    "Half",
    "choose_device",
    "devices",
]

Half = Literal["encoder", "decoder"]
"""The half of a model that sees pages, or the half that reads their tokens."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Device:
    """A device ("cpu", "cuda", "cuda:1", "mps"), and the dtype that weights have there."""

    name: str
    dtype: torch.dtype

    @property
    def dtype_name(self) -> str:
        return next(name for name, dtype in DTYPES.items() if dtype == self.dtype)


def choose_device(half: Half, device: str = "auto", dtype: str = "auto") -> Device:
    """The device for a half of a model, and the dtype of its weights there.

    "auto" stands for the environment variables OPTICAL_MEMORY_DEVICE and OPTICAL_MEMORY_DTYPE.
    If they are not set, the device is CUDA if there is any, else Apple's GPU, else the CPU. The
    dtype is then bfloat16 on CUDA if it has it, else float16 on a GPU. On a CPU the decoder gets
    bfloat16 and the encoder float32, which is the fastest there.

    Raises `ReaderUnavailable` if this machine has no such device, or if the dtype is unknown.
    """
    device = _or_environment(device, "OPTICAL_MEMORY_DEVICE")
    dtype = _or_environment(dtype, "OPTICAL_MEMORY_DTYPE")
    if dtype not in ("auto", *DTYPES):
        raise ReaderUnavailable(f"no dtype {dtype!r}: it is auto, {', '.join(DTYPES)}")
    name = _best_device() if device == "auto" else device
    if name not in devices():
        raise ReaderUnavailable(
            f"there is no device {name!r} here; there is auto, {', '.join(devices())}"
        )
    return Device(name, _best_dtype(half, name) if dtype == "auto" else DTYPES[dtype])


def devices() -> list[str]:
    """The devices of this machine, by the names that `choose_device` takes."""
    names = ["cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def _or_environment(value: str, variable: str) -> str:
    return os.environ.get(variable, "auto") if value == "auto" else value


def _best_device() -> str:
    names = devices()
    return next(name for name in ("cuda", "mps", "cpu") if name in names)


def _best_dtype(half: Half, device: str) -> torch.dtype:
    if device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    if device != "cpu":
        return torch.float16
    return torch.bfloat16 if half == "decoder" else torch.float32
