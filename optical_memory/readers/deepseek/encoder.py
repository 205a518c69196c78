"""A published encoder in this process: pictures to the visual tokens that its decoder consumes,
after the projector.

Runs the stock class's own `get_image_features`. On a CPU, bfloat16 is how weights are kept: mapped
from the file, in half the memory of float32, for the very same tokens at almost the same speed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedModel

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.devices import Place, require_room
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.low_memory import chunk_attention, upcast_linears
from optical_memory.readers.deepseek.views import look, stripped
from optical_memory.readers.deepseek.weights import Maps, load_half

__all__ = ["LocalEncoder"]

AT_ONCE_PX = {"cpu": 1024 * 1024, "cuda": 16 * 1024 * 1024, "mps": 4 * 1024 * 1024}
"""Pixels in one pass of the encoder, by kind of device."""


class LocalEncoder:
    """The encoder half of a checkpoint; its weights load at the first picture."""

    def __init__(self, found: Published, at: Place) -> None:
        self.found, self.at = found, at
        self._lock = threading.Lock()

    @cached_property
    def model(self) -> PreTrainedModel:
        with self._lock:
            if "model" not in self.__dict__:
                self.__dict__["model"] = self._load()
            return self.__dict__["model"]  # type: ignore[no-any-return]  # kept while the lock is held

    def _load(self) -> PreTrainedModel:
        require_room(self.found, "encoder", self.at)
        if self.at.device != "cpu":
            return load_half(self.found, "encoder", self.at.dtype, self.at.device)
        maps: Maps | None = {} if self.at.dtype == torch.bfloat16 else None
        model = load_half(self.found, "encoder", self.at.dtype, maps=maps)
        chunk_attention(model)
        if maps is not None:
            upcast_linears(model, maps)
        return model

    @property
    def numbers(self) -> torch.dtype:
        """What is computed with: on a CPU always float32, where bfloat16 says how weights are kept."""
        return (
            torch.float32
            if self.at.device == "cpu" and self.at.dtype == torch.bfloat16
            else self.at.dtype
        )

    def encode(
        self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung
    ) -> list[npt.NDArray[np.float32]]:
        """(height, width) pictures of a rung to its (n_grid_tokens, dim) tokens. Raises
        `ReaderMismatch`.
        """
        width, height = rung.size_px
        step = max(1, AT_ONCE_PX[self.at.device.split(":")[0]] // (width * height))
        found: list[npt.NDArray[np.float32]] = []
        for start in range(0, len(images), step):
            found += [
                stripped(f, rung.views) for f in self.features(images[start : start + step], rung)
            ]
        return found

    @torch.inference_mode()
    def features(
        self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung
    ) -> list[npt.NDArray[np.float32]]:
        """All that the model gives for each picture, (tokens, dim), newlines and separator in
        place.
        """
        seen, views = look(images, rung), rung.views
        inputs: dict[str, Any] = {"pixel_values": self._tensor(seen.pages)}
        if seen.tiles is not None:
            inputs["pixel_values_local"] = self._tensor(seen.tiles)
            inputs["num_local_patches"] = [views.tiles] * len(images)
            if views.newlines:
                inputs["patches_grid"] = [[views.across, views.down]] * len(images)
        model: Any = self.model
        every = model.get_image_features(**inputs).pooler_output
        return [one.float().cpu().numpy() for one in every]

    def _tensor(self, pixels: npt.NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(pixels).to(self.at.device, self.numbers)
