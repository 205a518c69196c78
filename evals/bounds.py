"""What a GPU could do at most: an encoder's operations over its arithmetic, a decoding step's bytes
over its memory.

A step of decoding reads attention, shared experts and head once, the routed experts that at least
one page of the batch asks for, and the keys and values of every page. The choice of experts is
taken as even and independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

__all__ = [
    "PEAKS",
    "Peak",
    "flop",
    "most_pages",
    "most_tokens",
    "peak",
    "step_bytes",
]

BYTES = 2  # of a weight, key or value in bfloat16 or float16


@dataclass(frozen=True)
class Peak:
    """Operations and bytes a second."""

    flops: float
    bandwidth: float


PEAKS: Mapping[str, Peak] = {"H100": Peak(800e12, 3.35e12), "H200": Peak(800e12, 4.8e12)}
"""By a part of the device's name. Memory from NVIDIA's data sheets (SXM); of the 989 dense bfloat16
TFLOP/s there, 800 are what large matrix products reach.
"""


def peak(device_name: str) -> Peak | None:
    """The peak of a device by the name that CUDA gives it; None if it is not in `PEAKS`."""
    return next((peak for name, peak in PEAKS.items() if name in device_name), None)


def flop(do: Callable[[], Any]) -> int:
    """Floating point operations of the products and attentions that `do` runs."""
    with FlopCounterMode(display=False) as counter:
        do()
    return int(counter.get_total_flops())


def most_pages(operations: float, gpu: Peak) -> float:
    """Pages a second, if a page takes so many operations."""
    return gpu.flops / operations


def step_bytes(text: Any, batch: int, context: float) -> float:
    """Bytes that a step reads for `batch` pages with `context` tokens each.

    `text` is the decoder's config.
    """
    width = text.hidden_size
    n_sparse = text.mlp_layer_types.count("sparse")
    n_dense = text.num_hidden_layers - n_sparse
    expert = 3 * width * text.moe_intermediate_size
    share_asked = 1 - (1 - text.num_experts_per_tok / text.n_routed_experts) ** batch
    for_every_page = (
        4 * width * width * text.num_hidden_layers
        + 3 * width * text.intermediate_size * n_dense
        + n_sparse * (text.n_shared_experts * expert + width * text.n_routed_experts)
        + width * text.vocab_size
    )
    by_experts = n_sparse * text.n_routed_experts * share_asked * expert
    cache = batch * context * 2 * width * text.num_hidden_layers
    return BYTES * (for_every_page + by_experts + cache)


def most_tokens(text: Any, batch: int, context: float, gpu: Peak) -> float:
    """Tokens a second, all pages of the batch together."""
    return batch * gpu.bandwidth / step_bytes(text, batch, context)
