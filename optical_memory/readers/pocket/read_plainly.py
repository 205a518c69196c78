"""The oracle of `read_cells`: the decoder reads one character after the other.

Slow and plain. Every cell is asked with all cells before it on its line given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from optical_memory.pages import Layout, RowBox
from optical_memory.readers.pocket.cell_geometry import CellGeometry
from optical_memory.readers.pocket.page_decoder import PageDecoder, all_masked
from optical_memory.readers.pocket.read_cells import NO_CELLS, RowReading, best_ids, split_rows

__all__ = ["read_plainly"]


def read_plainly(decoder: PageDecoder, layout: Layout, lines_at_once: int = 1) -> list[RowReading]:
    """Every row of the layout, in its order. Use it under `torch.inference_mode`."""
    readings = [NO_CELLS] * len(layout.rows)
    inked_rows = [i for i, row in enumerate(layout.rows) if row.cells]
    for start in range(0, len(inked_rows), lines_at_once):
        group = inked_rows[start : start + lines_at_once]
        rows = [layout.rows[i] for i in group]
        for i, reading in zip(group, _read_rows(decoder, rows), strict=True):
            readings[i] = reading
    return readings


def _read_rows(decoder: PageDecoder, rows: Sequence[RowBox]) -> list[RowReading]:
    n_lines = len(rows)
    length = max(row.cells for row in rows)
    geometry = decoder.geometry(rows, length)
    cache = decoder.cache_for(n_lines)
    lines = torch.arange(n_lines, device=decoder.device)
    ids = all_masked(n_lines, length, decoder.device)
    confidence = torch.zeros(n_lines, length, device=decoder.device)
    for i in range(length):
        column = geometry[lines * length + i]
        previous = ids[:, i - 1] if i else ids[:, 0]
        query, grid_logits = _query(decoder, column, previous)
        positions = torch.full_like(lines[:, None], decoder.n_prefix + i)
        states = decoder.hidden_states(query, cache, positions)
        decoder_logits = decoder.model.lm_head(states[:, 0])
        logits = decoder.mix.decoder * decoder_logits + decoder.mix.grid * grid_logits
        ids[:, i], confidence[:, i] = best_ids(logits)
    return split_rows(ids, confidence, rows)


def _query(decoder: PageDecoder, column: CellGeometry, previous: Tensor) -> tuple[Tensor, Tensor]:
    """The queries (lines, 1, d) about one cell of each line, and its logits (lines, vocab) of the
    grid head; `previous` (lines,) are the ids before it.
    """
    cell_vectors = decoder.cells.look_up(decoder.tokens, column)
    embeddings = decoder.model.get_input_embeddings()(previous)[None]
    queries = decoder.cells.queries(column, cell_vectors, embeddings)
    return queries.transpose(0, 1), decoder.cells.grid_logits(cell_vectors)[0]
