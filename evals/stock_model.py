"""The stock class of transformers with all weights, and its input, to compare readers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.deepseek.halves import stock_class
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import preprocess
from optical_memory.readers.language.tokenizer import BOS, IMAGE

__all__ = [
    "load_whole",
    "pixels",
    "stock_generate",
]


def load_whole(reader: DeepseekReader, dtype: torch.dtype) -> Any:
    """The stock class with all weights."""
    any_class: Any = stock_class(reader.family)
    model = any_class.from_pretrained(
        reader.folder,
        config=reader.checkpoint.config,
        dtype=dtype,
        local_files_only=True,
    )
    return model.to(reader.encoder.device.name).eval()


def stock_generate(
    reader: DeepseekReader,
    whole: Any,
    pictures: Sequence[npt.NDArray[np.uint8]],
    rung: Rung,
    n_new: int,
    dtype: torch.dtype,
) -> Callable[[], torch.Tensor]:
    """`generate` of the stock class from the pictures, (pages, tokens)."""
    decoder: Any = reader.decoder
    device: Device = decoder.device
    prompt = reader.family.prompts["plain"]
    prompt_ids = decoder.tokenizer.encode(prompt, add_special_tokens=False).ids
    ids = torch.tensor([[BOS, *[IMAGE] * rung.n_tokens, *prompt_ids]] * len(pictures))
    return partial(
        whole.generate,
        pixel_values=pixels(pictures, rung, device.name, dtype),
        input_ids=ids.to(device.name),
        attention_mask=torch.ones_like(ids, device=device.name),
        do_sample=False,
        max_new_tokens=n_new,
        min_new_tokens=n_new,
        eos_token_id=1,
        pad_token_id=2,
    )


def pixels(
    pictures: Sequence[npt.NDArray[np.uint8]], rung: Rung, device: str, dtype: torch.dtype
) -> torch.Tensor:
    """Pages without tiles, as the stock class takes them."""
    return torch.from_numpy(preprocess(pictures, rung).pages).to(device, dtype)
