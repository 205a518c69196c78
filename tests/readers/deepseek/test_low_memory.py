"""The encoder with less memory gives the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.readers.scripted_decoder import page_of
from support.readers.small_checkpoints import Stock

from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.low_memory import (
    FEW_PATCHES,
    ChunkedAttention,
    FoldedAttention,
    UpcastLinear,
)
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.renderers import PageRenderer


@pytest.fixture(scope="module")
def bfloat16_folder(stock: dict[str, Stock], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that is stored in bfloat16, as published."""
    source, _ = stock[V1.id]
    folder = tmp_path_factory.mktemp("bfloat16")
    weights = load_file(source / "model.safetensors")
    save_file(
        {key: value.bfloat16() for key, value in weights.items()}, folder / "model.safetensors"
    )
    (folder / "config.json").write_bytes((source / "config.json").read_bytes())
    return folder


def test_weights_kept_in_bfloat16_give_the_tokens_of_float32(bfloat16_folder: Path) -> None:
    page = page_of("A page of a few words, which look alike in both dtypes. " * 8)
    rung = V1.rung("base")
    image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
    in_bfloat16, in_float32 = (
        DeepseekReader(bfloat16_folder, dtype=dtype).encode([image], rung)[0]
        for dtype in ("bfloat16", "float32")
    )
    assert np.array_equal(in_bfloat16.values, in_float32.values)


def test_weights_kept_in_bfloat16_stay_in_the_pages_of_the_file(bfloat16_folder: Path) -> None:
    encoder: Any = DeepseekReader(bfloat16_folder, dtype="bfloat16").encoder
    linears = [layer for layer in encoder.model.modules() if isinstance(layer, UpcastLinear)]
    vision = encoder.model.model.vision_tower
    in_vision = [layer for layer in vision.modules() if isinstance(layer, UpcastLinear)]
    assert in_vision
    assert all(layer._mapping is not None for layer in in_vision)
    assert {layer.weight.dtype for layer in linears} == {torch.bfloat16}


@pytest.mark.parametrize("side", [48, 64])
def test_attention_in_pieces_is_the_stock_attention(side: int, stock: dict[str, Stock]) -> None:
    _, model = stock[V1.id]
    tower: Any = model
    attention = tower.model.vision_tower.sam_encoder.layers[1].attn
    patches = torch.randn(2, side, side, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = attention(patches)[0]
        in_pieces = ChunkedAttention(attention)(patches)[0]
    assert side * side > FEW_PATCHES
    assert (whole - in_pieces).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize(("layer", "height", "width"), [(0, 14, 14), (1, 40, 40), (1, 6, 9)])
def test_attention_with_folded_positions_is_the_stock_attention(
    layer: int, height: int, width: int, stock: dict[str, Stock]
) -> None:
    _, model = stock[V1.id]
    tower: Any = model
    attention = tower.model.vision_tower.sam_encoder.layers[layer].attn
    patches = torch.randn(2, height, width, 32, generator=torch.Generator().manual_seed(0))
    folded = FoldedAttention(attention)
    with torch.no_grad():
        plain = attention(patches)[0]
        values = [folded(patches)[0] for _ in range(2)]
    assert attention.rel_pos_h.std() > 0.01  # positions matter
    for value in values:
        assert (value - plain).abs().max() <= 1e-5 * plain.abs().max()
