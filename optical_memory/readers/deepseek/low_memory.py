"""Makes the stock encoder use less memory: on a CPU with identical results, on a GPU with results
that differ by rounding.

On a CPU, two changes to a loaded model. Global attention of the SAM tower builds its bias of
relative positions for some rows of one head at a time; the stock class builds all of it, 0.8 GiB
for a page of 1024 px in float32. Linear layers may keep their weights in bfloat16, mapped from the
file, and compute in float32: a published checkpoint is bfloat16, so this is exactly the result of
loading it as float32.

On a GPU, attention of the SAM tower builds no bias at all (`FoldedAttention`).
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

__all__ = [
    "ChunkedAttention",
    "FoldedAttention",
    "UpcastLinear",
    "chunk_attention",
    "fold_attention",
    "upcast_linears",
]

DONT_NEED: int | None = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows
FEW_PATCHES = 2048  # up to so many, the stock way is faster and its bias small
ROWS_AT_ONCE = 8  # rows of patches: a bias of 8 x 64 x 4096 floats (8 MiB) stays in a CPU's caches


# ---- attention -----------------------------------------------------------------------------------


class ChunkedAttention(nn.Module):
    """A stock SAM attention over the whole picture, with its weights, in chunks of rows."""

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.stock = stock
        self.qkv = stock.qkv
        self.proj = stock.proj
        self.rel_pos_h = stock.rel_pos_h
        self.rel_pos_w = stock.rel_pos_w
        self.heads = stock.num_attention_heads
        self._positions = stock.get_rel_pos

    def forward(self, hidden_states: Tensor, **options: Any) -> tuple[Tensor, None]:
        """(b, h, w, d) to the same, as the stock class gives it."""
        batch, height, width, dim = hidden_states.shape
        if height * width <= FEW_PATCHES:
            return self.stock(hidden_states, **options)  # type: ignore[no-any-return]
        qkv = self.qkv(hidden_states).view(batch, height * width, 3, self.heads, -1)
        parts = qkv.permute(0, 3, 2, 1, 4)  # (b, heads, 3, h * w, c)
        rows = self._positions(height, height, self.rel_pos_h)  # (h, h, c)
        columns = self._positions(width, width, self.rel_pos_w)  # (w, w, c)
        out = hidden_states.new_empty(batch, height, width, self.heads, dim // self.heads)
        for i in range(batch):
            for head in range(self.heads):
                out[i, :, :, head] = _attend(parts[i, head], rows, columns)
        output: Tensor = self.proj(out.view(batch, height, width, dim))
        return output, None


def _attend(qkv: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Attention of one head: queries, keys and values (3, h * w, c) to (h, w, c).

    `rows` (h, h, c) and `columns` (w, w, c) are the relative positions.
    """
    query, key, value = qkv
    height = len(rows)
    width = len(columns)
    chunks: list[Tensor] = []
    for top in range(0, height, ROWS_AT_ONCE):
        bottom = min(height, top + ROWS_AT_ONCE)
        chunk = query[top * width : bottom * width].view(bottom - top, width, -1)
        row_bias = torch.einsum("hwc,hkc->hwk", chunk, rows[top:bottom])
        column_bias = torch.einsum("hwc,wkc->hwk", chunk, columns)
        bias = row_bias[..., None] + column_bias[..., None, :]
        values = F.scaled_dot_product_attention(
            chunk.reshape(1, -1, query.shape[-1]),
            key[None],
            value[None],
            bias.view(1, (bottom - top) * width, height * width),
        )
        chunks.append(values.view(bottom - top, width, -1))
    return torch.cat(chunks)


def chunk_attention(model: PreTrainedModel) -> None:
    """Replace the global attention of a loaded encoder in place."""
    tower: Any = model
    for layer in tower.model.vision_tower.sam_encoder.layers:
        if layer.window_size == 0:
            layer.attn = ChunkedAttention(layer.attn)


# ---- attention on a GPU --------------------------------------------------------------------------

HEAD_MULTIPLE = 8  # of channels in a head, for the fast kernels


class FoldedAttention(nn.Module):
    """A stock SAM attention, with its weights, that folds relative positions into the heads.

    The bias of a query and a key is a product too: of the query's biases for all rows and columns,
    and of ones at the key's row and column. So queries and keys get h + w channels more, and fast
    kernels need no bias of (h * w, h * w), which takes a GPU most of its time at 1024 px.
    """

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.qkv = stock.qkv
        self.proj = stock.proj
        self.rel_pos_h = stock.rel_pos_h
        self.rel_pos_w = stock.rel_pos_w
        self.heads = stock.num_attention_heads
        self.scale = stock.scale
        self._positions = stock.get_rel_pos
        self._tables: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = {}

    def forward(self, hidden_states: Tensor, **options: Any) -> tuple[Tensor, None]:
        """(b, h, w, d) to the same, as the stock class gives it, up to rounding."""
        batch, height, width, dim = hidden_states.shape
        n = height * width
        qkv = self.qkv(hidden_states).view(batch, n, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (b, heads, n, c) each
        rows, columns, places = self._table(height, width)
        grid = query.unflatten(2, (height, width))
        row_bias = torch.einsum("bnhwc,hkc->bnhwk", grid, rows).flatten(2, 3)
        column_bias = torch.einsum("bnhwc,wkc->bnhwk", grid, columns).flatten(2, 3)
        n_channels = value.shape[-1]
        spare = -(n_channels + height + width) % HEAD_MULTIPLE
        padding = value.new_zeros(1, 1, 1, spare).expand(batch, self.heads, n, -1)
        places = places.expand(batch, self.heads, -1, -1)
        values = F.scaled_dot_product_attention(
            torch.cat([query * self.scale, row_bias, column_bias, padding], -1),
            torch.cat([key, places, padding], -1),
            F.pad(value, (0, height + width + spare)),
            scale=1.0,
        )[..., :n_channels]
        output: Tensor = self.proj(values.transpose(1, 2).reshape(batch, height, width, dim))
        return output, None

    def _table(self, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Relative positions of rows (h, h, c) and columns (w, w, c), and (h * w, h + w) ones at
        the row and the column of every key.
        """
        if (height, width) not in self._tables:
            rows = self._positions(height, height, self.rel_pos_h)
            columns = self._positions(width, width, self.rel_pos_w)
            in_row = torch.eye(height).repeat_interleave(width, 0)
            in_column = torch.eye(width).repeat(height, 1)
            places = torch.cat([in_row, in_column], 1).to(rows.device, rows.dtype)
            self._tables[height, width] = (rows, columns, places)
        return self._tables[height, width]


def fold_attention(model: PreTrainedModel) -> None:
    """Replace all attention of the SAM tower of a loaded encoder in place."""
    tower: Any = model
    for layer in tower.model.vision_tower.sam_encoder.layers:
        layer.attn = FoldedAttention(layer.attn)


# ---- linear layers -------------------------------------------------------------------------------


class UpcastLinear(nn.Module):
    """A linear layer that keeps its weight as it is stored and computes in float32.

    `mapping` is the part of the file that the weight lies in, if any. Its pages go back to the
    system after each use, which reads them again from its cache of the file.
    """

    def __init__(self, stock: nn.Linear, mapping: mmap.mmap | None) -> None:
        super().__init__()
        self.weight = stock.weight
        self.bias = (
            None if stock.bias is None else nn.Parameter(stock.bias.float(), requires_grad=False)
        )
        self._mapping = mapping

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.float()
        if self._mapping is not None and DONT_NEED is not None:
            self._mapping.madvise(DONT_NEED)
        return F.linear(x, weight, self.bias)


def upcast_linears(model: PreTrainedModel, mappings: Mapping[int, mmap.mmap]) -> None:
    """Replace every linear layer of a loaded encoder in place; all other parameters are float32.

    `mappings` are the mapped parts of the file by the address of the weight in each.
    """
    weight_ids: set[int] = set()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                mapping = mappings.get(child.weight.untyped_storage().data_ptr())
                setattr(parent, name, UpcastLinear(child, mapping))
                weight_ids.add(id(child.weight))
    for parameter in model.parameters():
        if id(parameter) not in weight_ids:
            parameter.data = parameter.data.float()
