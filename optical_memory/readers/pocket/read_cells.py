"""Reading the cells of a page: one masked pass over all of them, then from left to right where it
was not sure.

The prefix (the page's visual tokens) runs once; its keys and values are shared by the lines, whose
positions restart after it. A line sees the prefix and its own past. Two readings come out, the
decoder's and the grid head's; a character is the best of their weighted product, and its
probability there is the confidence. Characters that are not sure are read again with what was read
before them given, until nothing changes or for a few passes: what reading them from left to right
would give (Jacobi decoding), all lines at once. `read_plainly` is the oracle, one character after
the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache, UnlimitedOcrForConditionalGeneration

from optical_memory.pages import Layout, RowBox
from optical_memory.readers.pocket.network import (
    MASK,
    CellGeometry,
    Cells,
    cell_geometry,
    decoder_prefix,
)
from optical_memory.readings import CONFIDENT

__all__ = ["Mix", "PageEyes", "read_cells", "read_plainly"]

LINES_AT_ONCE = 32
PASSES = 4  # over lines that are not sure, at most


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights of the two readings' log probabilities: what makes the confidence a probability
    (fitted, held out).
    """

    decoder: float = 0.5
    grid: float = 0.5


class PageEyes:
    """One page's tokens as the decoder meets them: what every cell is seen as, and the prefix's
    keys and values.
    """

    def __init__(
        self,
        model: UnlimitedOcrForConditionalGeneration,
        cells: Cells,
        values: npt.NDArray[np.float32],
        layout: Layout,
        side_px: int,
        mix: Mix,
    ) -> None:
        n = side_px // 64
        self.model, self.cells, self.mix = model, cells, mix
        self.tokens = torch.from_numpy(values).view(1, n, n, -1)
        self.grid, self.side_px = layout.grid, side_px
        prefix = decoder_prefix(model, cells, self.tokens)
        self.size = prefix.shape[1]
        self.cache = model.model.language_model(
            inputs_embeds=prefix, use_cache=True
        ).past_key_values

    def where(self, rows: Sequence[RowBox], length: int) -> CellGeometry:
        """Geometry of every cell, each line padded to `length` (padding stays on the page and is
        thrown away).
        """
        x = np.array([row.x for row in rows])[:, None] + np.arange(length)
        y = np.repeat([row.y for row in rows], length)
        columns = x.clip(max=self.grid.columns - 1).reshape(-1)
        return cell_geometry(
            columns, y, columns=self.grid.columns, rows=self.grid.rows, side_px=self.side_px
        )

    def masked(self, lines: int, length: int) -> Tensor:
        """What stands before each cell of so many lines when nothing is known: (lines, length) of
        `MASK`.
        """
        return torch.full((lines, length), MASK)

    def read(self, where: CellGeometry, lines: int, previous: Tensor) -> Tensor:
        """(lines, length, vocab): logits of both readings together; what normalises either alone
        cancels.

        `previous` (lines, length) are the ids of the characters before each cell, or `MASK`.
        """
        seen = self.cells.look(self.tokens, where)
        queries = self.cells.queries(
            where, seen, self.model.get_input_embeddings()(previous.view(1, -1))
        )
        logits = self.model.lm_head(self._lines(queries.view(lines, previous.shape[1], -1)))
        second = self.cells.grid_logits(seen).view_as(logits)
        both: Tensor = logits.mul_(self.mix.decoder).add_(second, alpha=self.mix.grid)
        return both

    def _lines(self, queries: Tensor) -> Tensor:
        """Hidden states (lines, length, d), all lines in one batch on the prefix's keys and values."""
        out: Tensor = self.model.model.language_model(
            inputs_embeds=queries,
            position_ids=(self.size + torch.arange(queries.shape[1]))[None].expand(
                len(queries), -1
            ),
            past_key_values=self.shared(len(queries)),
            use_cache=True,
        ).last_hidden_state
        return out

    def shared(self, lines: int) -> DynamicCache:
        """The prefix's keys and values for so many lines."""
        shared = DynamicCache()
        for i, layer in enumerate(self.cache.layers):
            shared.update(
                layer.keys.expand(lines, -1, -1, -1), layer.values.expand(lines, -1, -1, -1), i
            )
        return shared


Found = tuple[
    npt.NDArray[np.int64], npt.NDArray[np.float32]
]  # token ids and confidences of one row's cells
EMPTY: Found = (np.zeros(0, np.int64), np.zeros(0, np.float32))


def read_cells(eyes: PageEyes, layout: Layout) -> list[Found]:
    """Token ids and confidences for the cells of every row of the layout."""
    found: dict[int, Found] = {}
    for group in _groups(layout):
        rows = [layout.rows[i] for i in group]
        length = max(row.cells for row in rows)
        where = eyes.where(rows, length)
        ids, sure = _read_lines(eyes, where, len(rows), torch.tensor([row.cells for row in rows]))
        for i, row, a, b in zip(group, rows, ids.numpy(), sure.numpy(), strict=True):
            found[i] = a[: row.cells], b[: row.cells]
    return [found.get(i, EMPTY) for i in range(len(layout.rows))]


def _groups(layout: Layout) -> Iterator[list[int]]:
    """Rows with ink, those of like length together, so that little is read but cells of text."""
    order = sorted(
        (i for i, row in enumerate(layout.rows) if row.cells), key=lambda i: layout.rows[i].cells
    )
    for start in range(0, len(order), LINES_AT_ONCE):
        yield order[start : start + LINES_AT_ONCE]


def _read_lines(
    eyes: PageEyes, where: CellGeometry, lines: int, cells: Tensor
) -> tuple[Tensor, Tensor]:
    """Ids and confidences (lines, length): masked, then lines that are not sure with what stands
    before given.
    """
    length = len(where.slot) // lines
    p, ids = _best(eyes.read(where, lines, eyes.masked(lines, length)))
    inside = torch.arange(length) < cells[:, None]
    doubtful = p < CONFIDENT
    again = (doubtful & inside).any(1).nonzero()[:, 0]
    for _ in range(PASSES):
        if not len(again):
            break
        at = (again[:, None] * length + torch.arange(length)).view(-1)
        q, new = _best(eyes.read(where[at], len(again), _shifted(ids[again])))
        new = torch.where(doubtful[again], new, ids[again])
        p[again] = torch.where(doubtful[again], q, p[again])
        changed = ((new != ids[again]) & inside[again]).any(1)
        ids[again] = new
        again = again[changed]
    return ids, p


def _best(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of the best id of every cell, and the id."""
    best, ids = logits.max(-1)
    return (best - logits.logsumexp(-1)).exp(), ids


def _shifted(ids: Tensor) -> Tensor:
    """What stands before each cell of a line: `MASK` before the first."""
    return torch.cat([torch.full_like(ids[:, :1], MASK), ids[:, :-1]], dim=1)


# ---- the oracle ----------------------------------------------------------------------------------


def read_plainly(eyes: PageEyes, layout: Layout, lines_at_once: int = 1) -> list[Found]:
    """What `read_cells` is held against: every cell asked after those before it, one at a time, all
    of them given.
    """
    found: dict[int, Found] = {}
    inked = [i for i, row in enumerate(layout.rows) if row.cells]
    for start in range(0, len(inked), lines_at_once):
        group = inked[start : start + lines_at_once]
        rows = [layout.rows[i] for i in group]
        for i, row, a, b in zip(group, rows, *_plain_lines(eyes, rows), strict=True):
            found[i] = a[: row.cells], b[: row.cells]
    return [found.get(i, EMPTY) for i in range(len(layout.rows))]


def _plain_lines(
    eyes: PageEyes, rows: Sequence[RowBox]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    lines, length = len(rows), max(row.cells for row in rows)
    where, cache = eyes.where(rows, length), eyes.shared(lines)
    ids, sure = torch.full((lines, length), MASK), torch.zeros(lines, length)
    for t in range(length):
        here = where[torch.arange(lines) * length + t]
        seen = eyes.cells.look(eyes.tokens, here)
        before = ids[:, t - 1] if t else ids[:, 0]
        query = eyes.cells.queries(here, seen, eyes.model.get_input_embeddings()(before)[None])
        hidden = eyes.model.model.language_model(
            inputs_embeds=query.transpose(0, 1),
            position_ids=torch.full((lines, 1), eyes.size + t),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        first, second = eyes.model.lm_head(hidden[:, 0]), eyes.cells.grid_logits(seen)[0]
        sure[:, t], ids[:, t] = _best(eyes.mix.decoder * first + eyes.mix.grid * second)
    return ids.numpy(), sure.numpy()
