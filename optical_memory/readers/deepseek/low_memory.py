"""The stock encoder with less memory and the same numbers, for CPUs.

Two changes to a loaded model. Global attention of the SAM tower builds its bias of relative
positions for some rows of one head at a time; the stock class builds all of it, 0.8 GiB for a page
of 1024 px in float32. Linear layers may keep their weights in bfloat16, mapped from the file, and
compute in float32: a published checkpoint is bfloat16, so that this is exactly what loading it as
float32 computes.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

__all__ = ["ChunkedAttention", "UpcastLinear", "chunk_attention", "upcast_linears"]

LET_GO: int | None = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows
FEW_PATCHES = 2048  # up to so many, the stock way is faster and its bias small
ROWS_AT_ONCE = 8  # rows of patches: a bias of 8 x 64 x 4096 floats (8 MiB) stays in a CPU's caches


class ChunkedAttention(nn.Module):
    """A stock SAM attention over the whole picture, with its weights, without its bias as one
    tensor.
    """

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.stock, self.qkv, self.proj = stock, stock.qkv, stock.proj
        self.rel_pos_h, self.rel_pos_w = stock.rel_pos_h, stock.rel_pos_w
        self.heads, self._places = stock.num_attention_heads, stock.get_rel_pos

    def forward(self, hidden_states: Tensor, **options: Any) -> tuple[Tensor, None]:
        """(b, h, w, d) to the same, as the stock class gives it."""
        b, h, w, d = hidden_states.shape
        if h * w <= FEW_PATCHES:
            return self.stock(hidden_states, **options)  # type: ignore[no-any-return]
        qkv = self.qkv(hidden_states).view(b, h * w, 3, self.heads, d // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (b, heads, h * w, c) each
        down, across = (
            self._places(h, h, self.rel_pos_h),
            self._places(w, w, self.rel_pos_w),
        )  # (h, h, c), (w, w, c)
        out = torch.empty(
            b,
            h,
            w,
            self.heads,
            d // self.heads,
            dtype=hidden_states.dtype,
            device=hidden_states.device,
        )
        for i in range(b):
            for head in range(self.heads):
                q, k, v = (part[i, head] for part in (query, key, value))
                for top in range(0, h, ROWS_AT_ONCE):
                    bottom = min(h, top + ROWS_AT_ONCE)
                    some = q[top * w : bottom * w].view(bottom - top, w, -1)
                    rows = torch.einsum("hwc,hkc->hwk", some, down[top:bottom])
                    columns = torch.einsum("hwc,wkc->hwk", some, across)
                    bias = (rows[..., None] + columns[..., None, :]).view(1, len(rows) * w, h * w)
                    found = F.scaled_dot_product_attention(
                        some.reshape(1, -1, q.shape[-1]), k[None], v[None], bias
                    )
                    out[i, top:bottom, :, head] = found.view(bottom - top, w, -1)
        projected: Tensor = self.proj(out.view(b, h, w, d))
        return projected, None


def chunk_attention(model: PreTrainedModel) -> None:
    """Replace the global attention of a loaded encoder in place."""
    tower: Any = model
    for layer in tower.model.vision_tower.sam_encoder.layers:
        if layer.window_size == 0:
            layer.attn = ChunkedAttention(layer.attn)


class UpcastLinear(nn.Module):
    """A linear layer that keeps its weight as it is stored and computes in float32.

    `mapping` is the part of the file that the weight lies in, if it does: it is let go of after
    use, to be read again from the system's cache of the file.
    """

    def __init__(self, stock: nn.Linear, mapping: mmap.mmap | None) -> None:
        super().__init__()
        self.weight, self._mapping = stock.weight, mapping
        self.bias = (
            None if stock.bias is None else nn.Parameter(stock.bias.float(), requires_grad=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.float()
        if self._mapping is not None and LET_GO is not None:
            self._mapping.madvise(LET_GO)
        return F.linear(x, weight, self.bias)


def upcast_linears(model: PreTrainedModel, maps: Mapping[int, mmap.mmap]) -> None:
    """Replace every linear layer of a loaded encoder in place, and make all other numbers float32."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                mapping = maps.get(child.weight.untyped_storage().data_ptr())
                setattr(parent, name, UpcastLinear(child, mapping))
    kept = {id(module.weight) for module in model.modules() if isinstance(module, UpcastLinear)}
    for parameter in model.parameters():
        if id(parameter) not in kept:
            parameter.data = parameter.data.float()
