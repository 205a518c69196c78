"""pocket's encoder: pictures to visual tokens. The vision tower runs here only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.profiles import PX_PER_TOKEN
from optical_memory.readers.pocket.network import pixel_values

__all__ = ["encode_pages"]

BATCH_PX = {"cpu": 1024 * 1024, "cuda": 16 * 1024 * 1024, "mps": 4 * 1024 * 1024}
"""Pixels in one pass of the encoder, by the kind of device: more would fall out of a CPU's caches.
"""


@torch.inference_mode()
def encode_pages(
    model: UnlimitedOcrForConditionalGeneration,
    images: Sequence[npt.NDArray[np.uint8]],
    side_px: int,
) -> list[npt.NDArray[np.float32]]:
    """(side_px, side_px) pictures to the (n * n, d) visual tokens of each page.

    Newlines and separator are left out: they are constants of the model.
    """
    n = side_px // PX_PER_TOKEN
    device = model.device
    pages = []
    for batch in _batches(images, max(1, BATCH_PX[device.type] // side_px**2)):
        features: Any = model.get_image_features(pixel_values(np.stack(batch), device))
        for page in features.pooler_output:  # (n * (n + 1) + 1, d)
            rows = page[:-1].view(n, n + 1, -1)
            pages.append(rows[:, :n].reshape(n * n, -1).cpu().numpy().copy())
    return pages


def _batches(
    images: Sequence[npt.NDArray[np.uint8]], size: int
) -> Iterator[Sequence[npt.NDArray[np.uint8]]]:
    for start in range(0, len(images), size):
        yield images[start : start + size]
