"""What a GPU could do at most, by counting: held against a real decoder's own parameters and the
published sizes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.small_checkpoints import Stock

from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.config import config_of
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.halves import stock_class

sys.path.append(str(Path(__file__).resolve().parents[2] / "evals"))
from bounds import PEAKS, flop, most_tokens, peak, step_bytes


def test_a_step_reads_every_weight_once_when_the_batch_asks_for_all_experts(
    stock: dict[str, Stock],
) -> None:
    model: Any = stock[V1.id][1]
    decoder = model.model.language_model
    matrices = [
        p.numel() for name, p in decoder.named_parameters() if p.dim() > 1 and "embed" not in name
    ]
    expected = sum(matrices) + model.lm_head.weight.numel()
    assert step_bytes(model.config.text_config, 10_000, 0) == pytest.approx(2 * expected, rel=1e-6)
    cache = step_bytes(model.config.text_config, 1, 10) - step_bytes(model.config.text_config, 1, 9)
    assert cache == 2 * 2 * 64 * len(decoder.layers)


def test_operations_are_those_of_the_products() -> None:
    a, b = torch.zeros(3, 5), torch.zeros(5, 7)
    assert flop(lambda: a @ b) == 2 * 3 * 5 * 7


def test_a_device_is_known_by_its_name() -> None:
    assert peak("NVIDIA H100 80GB HBM3") == PEAKS["H100"]
    assert peak("NVIDIA GeForce RTX 3060") is None


def test_bounds_of_the_published_sizes(data_dir: Path) -> None:
    """Counted once before, by other code: 1.148 GB a token, and 2,900, 7,300 and 26,000 tokens/s on
    an H100.
    """
    folder = data_dir / "checkpoints"
    shapes = read_json(folder / "deepseek_ocr_v1.shapes.json")["tensors"]
    config: Any = config_of(
        V1,
        read_json(folder / "deepseek_ocr_v1.config.json"),
        {k: tuple(v) for k, v in shapes.items()},
    )
    assert step_bytes(config.text_config, 1, 0) == pytest.approx(1.148e9, rel=0.001)
    found = [most_tokens(config.text_config, n, 670, PEAKS["H100"]) for n in (8, 64)]
    assert found == pytest.approx([7_300, 26_000], rel=0.02)
    with torch.device("meta"), torch.inference_mode():
        model: Any = stock_class(V1)(config)
        found = [
            flop(lambda s=side: model.get_image_features(pixel_values=torch.empty(1, 3, s, s)))
            for side in (512, 1024)
        ]
    assert found == pytest.approx([268e9, 1139e9], rel=0.002)
