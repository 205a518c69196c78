"""What a GPU could do at most, by counting: held against a real decoder's own parameters and the
published sizes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.readers.small_checkpoints import Stock

from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.config import stock_config
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.halves import stock_class
from optical_memory.readers.deepseek.open_folder import parse_sections

sys.path.append(str(Path(__file__).resolve().parents[2] / "evals"))
from bounds import PEAKS, flop, most_tokens, peak, step_bytes


def test_a_step_reads_every_weight_once_when_the_batch_asks_for_all_experts(
    stock: dict[str, Stock],
) -> None:
    model: Any = stock[V1.id][1]
    decoder = model.model.language_model
    text = model.config.text_config
    matrices = [
        parameter.numel()
        for name, parameter in decoder.named_parameters()
        if parameter.dim() > 1 and "embed" not in name
    ]
    n_weights = sum(matrices) + model.lm_head.weight.numel()
    assert step_bytes(text, 10_000, 0) == pytest.approx(2 * n_weights, rel=1e-6)
    cache = step_bytes(text, 1, 10) - step_bytes(text, 1, 9)
    assert cache == 2 * 2 * 64 * len(decoder.layers)


def test_operations_are_those_of_the_products() -> None:
    a = torch.zeros(3, 5)
    b = torch.zeros(5, 7)
    assert flop(lambda: a @ b) == 2 * 3 * 5 * 7


def test_a_device_is_known_by_its_name() -> None:
    assert peak("NVIDIA H100 80GB HBM3") == PEAKS["H100"]
    assert peak("NVIDIA GeForce RTX 3060") is None


def published_config(data_dir: Path) -> Any:
    """The stock config of DeepSeek-OCR as published."""
    folder = data_dir / "checkpoints"
    tensors = read_json(folder / "deepseek_ocr_v1.shapes.json")["tensors"]
    shapes = {name: tuple(shape) for name, shape in tensors.items()}
    config_json = read_json(folder / "deepseek_ocr_v1.config.json")
    return stock_config(V1, parse_sections(V1, config_json, len(shapes)), shapes)


def test_bounds_of_the_published_sizes(data_dir: Path) -> None:
    """Counted once before, by other code: 1.148 GB a token, and 2,900, 7,300 and 26,000 tokens/s on
    an H100.
    """
    config = published_config(data_dir)
    text = config.text_config
    assert step_bytes(text, 1, 0) == pytest.approx(1.148e9, rel=0.001)
    rates = [most_tokens(text, n, 670, PEAKS["H100"]) for n in (8, 64)]
    assert rates == pytest.approx([7_300, 26_000], rel=0.02)
    with torch.device("meta"), torch.inference_mode():
        any_class: Any = stock_class(V1)
        model = any_class(config)
        operations = []
        for side in (512, 1024):
            pixels = torch.empty(1, 3, side, side)
            operations.append(flop(lambda p=pixels: model.get_image_features(pixel_values=p)))
    assert operations == pytest.approx([268e9, 1139e9], rel=0.002)
