"""A published encoder in this process: pictures to the visual tokens that its decoder receives.

Runs the stock class's own `get_image_features`, projector included. On a CPU, bfloat16 is the dtype
of the weights only: they stay mapped from the file, in half the memory of float32, and give the
very same tokens at almost the same speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedModel

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.checkpoints.memory_check import require_memory
from optical_memory.readers.deepseek.constants import without_constants
from optical_memory.readers.deepseek.halves import half_parameters
from optical_memory.readers.deepseek.low_memory import (
    chunk_attention,
    fold_attention,
    upcast_linears,
)
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint
from optical_memory.readers.deepseek.views import SHADES, preprocess
from optical_memory.readers.deepseek.weights import load_half, map_half
from optical_memory.readers.locked_property import locked_cached_property

__all__ = ["LocalEncoder"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MAX_BATCH_PX = {"cpu": 1024 * 1024, "cuda": 16 * 1024 * 1024, "mps": 4 * 1024 * 1024}
"""Pixels in one pass of the encoder, by the kind of device."""


class LocalEncoder:
    """The encoder half of a checkpoint; its weights load at the first picture."""

    def __init__(self, checkpoint: DeepseekCheckpoint, device: Device) -> None:
        self.checkpoint = checkpoint
        self.device = device

    @locked_cached_property
    def model(self) -> PreTrainedModel:
        """The stock class with the encoder's weights.

        Raises `NotEnoughMemory` if they do not fit, `CheckpointError` if their keys do not.
        """
        n_parameters = half_parameters(self.checkpoint, "encoder")
        require_memory(self.checkpoint.family.id, "encoder", n_parameters, self.device)
        if self.device.name == "cpu":
            return self._load_on_cpu()
        model = load_half(self.checkpoint, "encoder", self.device.dtype, self.device.name)
        if self.device.name.startswith("cuda"):
            fold_attention(model)
        return model

    def _load_on_cpu(self) -> PreTrainedModel:
        if self.device.dtype != torch.bfloat16:
            model = load_half(self.checkpoint, "encoder", self.device.dtype)
            chunk_attention(model)
            return model
        model, mappings = map_half(self.checkpoint, "encoder")
        chunk_attention(model)
        upcast_linears(model, mappings)
        return model

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype of pixels and results: on a CPU, bfloat16 is the dtype of weights only."""
        is_mapped = self.device.name == "cpu" and self.device.dtype == torch.bfloat16
        return torch.float32 if is_mapped else self.device.dtype

    def encode(self, images: Sequence[Image], rung: Rung) -> list[Floats]:
        """(height, width) uint8 pictures of a rung to the tokens to store, (n_grid_tokens, dim).

        Raises `ReaderMismatch` if a picture does not have the rung's size.
        """
        width, height = rung.size_px
        max_batch_px = MAX_BATCH_PX[self.device.name.split(":")[0]]
        step = max(1, max_batch_px // (width * height))
        pages: list[Floats] = []
        for start in range(0, len(images), step):
            for tokens in self.features(images[start : start + step], rung):
                pages.append(without_constants(tokens, rung.views))
        return pages

    @torch.inference_mode()
    def features(self, images: Sequence[Image], rung: Rung) -> list[Floats]:
        """All tokens that the model gives for each picture, (n_tokens, dim), constants included."""
        pixels = preprocess(images, rung)
        views = rung.views
        inputs: dict[str, Any] = {"pixel_values": self._pixels(pixels.page_shades)}
        if pixels.tile_shades is not None:
            inputs["pixel_values_local"] = self._pixels(pixels.tile_shades)
            inputs["num_local_patches"] = [views.tiles] * len(images)
            if views.newlines:
                inputs["patches_grid"] = [[views.across, views.down]] * len(images)
        model: Any = self.model
        pages = model.get_image_features(**inputs).pooler_output
        return [tokens.float().cpu().numpy() for tokens in pages]

    def _pixels(self, shades: Image) -> Tensor:
        """(b, side, side) shades to (b, 3, side, side) on the device: it gets a byte a pixel."""
        values = torch.from_numpy(SHADES).to(self.device.name, self.compute_dtype)
        gray = values[torch.from_numpy(shades).to(self.device.name).int()]
        return gray[:, None].repeat(1, 3, 1, 1)
