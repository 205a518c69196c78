"""Reads all cells of a page: one masked pass, then again those of which it was not sure.

Two readings come out, the decoder's and the grid head's. A character is the best of their weighted
product, and its probability there is the confidence. Characters that are not sure are read again
with the line before them given, until nothing changes or for a few passes. The result is that of
reading from left to right (Jacobi decoding), with all lines at once. `read_plainly.py` is the
oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optical_memory.pages import Layout, RowBox
from optical_memory.profiles import Rung
from optical_memory.readers.pocket.line_workers import map_groups
from optical_memory.readers.pocket.network import PocketNetwork
from optical_memory.readers.pocket.page_decoder import PageDecoder, all_masked
from optical_memory.readers.pocket.token_ids import MASK
from optical_memory.readings import CONFIDENT

__all__ = [
    "LINES_AT_ONCE",
    "NO_CELLS",
    "RowReading",
    "best_ids",
    "read_cells",
    "read_page",
    "split_rows",
]

LINES_AT_ONCE = 32
"""On a CPU, which reads such groups side by side. A GPU reads all lines of a page together."""

PASSES = 4  # over lines that are not sure, at most


class RowReading(NamedTuple):
    """One row as read: token ids and confidences, (cells,) each."""

    ids: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32]


NO_CELLS = RowReading(np.zeros(0, np.int64), np.zeros(0, np.float32))


@torch.inference_mode()
def read_page(
    network: PocketNetwork,
    values: npt.NDArray[np.float32],
    layout: Layout,
    rung: Rung,
    lines: Iterable[int] | None = None,
) -> list[RowReading]:
    """Rows of the layout, read from the visual tokens `values` (n * n, d); see `read_cells`.

    Raises `ReaderMismatch` for a grid that pocket was not trained on.
    """
    return read_cells(PageDecoder(network, values, layout.grid, rung), layout, lines)


def read_cells(
    decoder: PageDecoder, layout: Layout, lines: Iterable[int] | None = None
) -> list[RowReading]:
    """A reading for each row of the layout, in its order.

    Rows that are not among `lines` have `NO_CELLS`; None reads them all.
    """

    def read_group(group: Sequence[int]) -> list[RowReading]:
        return _read_rows(decoder, [layout.rows[i] for i in group])

    readings = [NO_CELLS] * len(layout.rows)
    size = LINES_AT_ONCE if decoder.device.type == "cpu" else len(layout.rows)
    groups = _groups(layout, range(len(layout.rows)) if lines is None else lines, size)
    for group, group_readings in zip(groups, map_groups(read_group, groups), strict=True):
        for i, reading in zip(group, group_readings, strict=True):
            readings[i] = reading
    return readings


def _groups(layout: Layout, lines: Iterable[int], size: int) -> list[list[int]]:
    """Those of the lines that have ink, `size` of like length together: little is read but text.

    The longest come last.
    """
    inked_rows = [i for i in sorted(set(lines)) if layout.rows[i].cells]
    inked_rows.sort(key=lambda i: layout.rows[i].cells)
    starts = range(0, len(inked_rows), max(1, size))
    return [inked_rows[start : start + size] for start in starts]


@torch.inference_mode()
def _read_rows(decoder: PageDecoder, rows: Sequence[RowBox]) -> list[RowReading]:
    """Some rows in one batch: all cells masked, then the lines that are not sure once more."""
    device = decoder.device
    n_cells = torch.tensor([row.cells for row in rows], device=device)
    length = max(row.cells for row in rows)
    columns = torch.arange(length, device=device)
    geometry = decoder.geometry(rows, length)
    ids, confidence = best_ids(decoder.logits(geometry, all_masked(len(rows), length, device)))
    inside = columns < n_cells[:, None]  # (lines, length): a cell, no padding
    doubtful = confidence < CONFIDENT
    lines = (doubtful & inside).any(1).nonzero()[:, 0]
    for _ in range(PASSES):
        if not len(lines):
            break
        cells = (lines[:, None] * length + columns).view(-1)
        new_ids, p = best_ids(decoder.logits(geometry[cells], _previous(ids[lines])))
        new_ids = torch.where(doubtful[lines], new_ids, ids[lines])
        confidence[lines] = torch.where(doubtful[lines], p, confidence[lines])
        has_changed = ((new_ids != ids[lines]) & inside[lines]).any(1)
        ids[lines] = new_ids
        lines = lines[has_changed]
    return split_rows(ids, confidence, rows)


def _previous(ids: Tensor) -> Tensor:
    """(lines, length) ids to the ids before each cell of a line: `MASK` before the first."""
    return torch.cat([torch.full_like(ids[:, :1], MASK), ids[:, :-1]], dim=1)


def best_ids(logits: Tensor) -> tuple[Tensor, Tensor]:
    """(…, vocab) logits to the best id of every cell, and its probability."""
    best, ids = logits.max(-1)
    return ids, (best - logits.logsumexp(-1)).exp()


def split_rows(ids: Tensor, confidence: Tensor, rows: Sequence[RowBox]) -> list[RowReading]:
    """(lines, length) ids and confidences as a reading for each row, without the padding."""
    readings = []
    for row, row_ids, p in zip(rows, ids.cpu().numpy(), confidence.cpu().numpy(), strict=True):
        readings.append(RowReading(row_ids[: row.cells], p[: row.cells]))
    return readings
