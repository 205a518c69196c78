"""Reading all cells of a page in one masked pass: the page's visual tokens once, every line against them.

The prefix (visual tokens) is run once; its keys and values are shared by the lines, whose positions restart after it.
A line sees the prefix and its own past. Two readings come out, the decoder's and the grid head's; where they agree the
confidence is high, where they do not it is low.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache, UnlimitedOcrForConditionalGeneration

from optical_memory.pages import Layout, RowBox
from optical_memory.readers.pocket_model import MASK, Cells, cell_geometry, decoder_prefix

__all__ = ["read_cells"]


def read_cells(
    model: UnlimitedOcrForConditionalGeneration,
    cells: Cells,
    values: npt.NDArray[np.float32],
    layout: Layout,
    side_px: int,
) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float32]]]:
    """Token ids and confidences for the cells of every row of the layout; `values` (n², d) are the page's tokens."""
    n = side_px // 64
    tokens = torch.from_numpy(values).view(1, n, n, -1)
    length = max((row.cells for row in layout.rows), default=0)
    inked = [row for row in layout.rows if row.cells]
    if not inked:
        return [np.zeros(0, np.int64) for _ in layout.rows], [np.zeros(0, np.float32) for _ in layout.rows]
    x, y = _line_cells(inked, length, layout.grid.columns)
    where = cell_geometry(x, y, columns=layout.grid.columns, rows=layout.grid.rows, side_px=side_px)
    seen = cells.look(tokens, where)
    mask = model.get_input_embeddings()(torch.full((1, 1), MASK))
    queries = cells.queries(where, seen, mask).view(len(inked), length, -1)
    hidden = _lines(model, decoder_prefix(model, cells, tokens), queries)
    p = model.lm_head(hidden).softmax(-1)
    second = cells.grid_logits(seen).softmax(-1).view_as(p)
    sure, ids = p.max(-1)
    sure = (sure * second.gather(-1, ids[..., None])[..., 0]).sqrt()
    lines = iter(zip(ids.numpy(), sure.numpy(), strict=True))
    found = [next(lines) if row.cells else (np.zeros(0, np.int64), np.zeros(0, np.float32)) for row in layout.rows]
    cut = [(a[: row.cells], b[: row.cells]) for (a, b), row in zip(found, layout.rows, strict=True)]
    return [a for a, _ in cut], [b for _, b in cut]


def _line_cells(
    rows: Sequence[RowBox], length: int, columns: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Column and row of every cell, each line padded to `length` (padding stays on the page and is thrown away)."""
    x = np.array([row.x for row in rows])[:, None] + np.arange(length)
    y = np.repeat([row.y for row in rows], length)
    return x.clip(max=columns - 1).reshape(-1), y


def _lines(model: UnlimitedOcrForConditionalGeneration, prefix: Tensor, queries: Tensor) -> Tensor:
    """Hidden states (lines, length, d): the prefix runs once, then all lines in one batch on its keys and values."""
    language_model, size = model.model.language_model, prefix.shape[1]
    cache = language_model(inputs_embeds=prefix, use_cache=True).past_key_values
    shared = DynamicCache()
    for i, layer in enumerate(cache.layers):
        shared.update(layer.keys.expand(len(queries), -1, -1, -1), layer.values.expand(len(queries), -1, -1, -1), i)
    positions = (size + torch.arange(queries.shape[1]))[None].expand(len(queries), -1)
    out: Tensor = language_model(
        inputs_embeds=queries, position_ids=positions, past_key_values=shared, use_cache=True
    ).last_hidden_state
    return out
