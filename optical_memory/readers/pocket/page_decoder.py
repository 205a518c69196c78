"""pocket's decoder on one page: logits for any of its cells.

The keys and values of the prefix, which is the page's visual tokens, are made once. All lines share
them, and the positions of each line start after them. A line sees the prefix and its own past.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.models.unlimited_ocr.modeling_unlimited_ocr import apply_rotary_pos_emb

from optical_memory.pages import Grid, RowBox
from optical_memory.profiles import PX_PER_TOKEN, Rung
from optical_memory.readers.checkpoints.key_value_cache import cache_argument
from optical_memory.readers.pocket.cell_geometry import CellGeometry, cell_geometry
from optical_memory.readers.pocket.network import PocketNetwork, decoder_prefix
from optical_memory.readers.pocket.token_ids import MASK

__all__ = [
    "PageDecoder",
    "all_masked",
]


class PageDecoder:
    """The decoder on the visual tokens `values` (n * n, d) of a page that is drawn on `grid` at
    `rung`. Use it under `torch.inference_mode`.
    """

    def __init__(
        self, network: PocketNetwork, values: npt.NDArray[np.float32], grid: Grid, rung: Rung
    ) -> None:
        self.model = network.model
        self.cells = network.cells
        self.mix = network.mixes[rung.name]
        self.grid = grid
        self.side_px = rung.side_px
        n = rung.side_px // PX_PER_TOKEN
        self.device = network.model.device
        self.tokens = torch.from_numpy(values).view(1, n, n, -1).to(self.device)
        prefix = decoder_prefix(self.model, self.cells, self.tokens)
        self.n_prefix = prefix.shape[1]
        self._cache = DynamicCache()
        self._cache.update(*self._keys_and_values(prefix), 0)

    def _keys_and_values(self, prefix: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's keys and values (1, heads, n, d) of the prefix (1, n, d).

        Lines see nothing else of the prefix, as the decoder has a single layer. A whole pass over
        the prefix would give the same keys and values, and take ten times as long.
        """
        decoder: Any = self.model.model.language_model
        (layer,) = decoder.layers
        states = layer.input_layernorm(prefix)
        shape = (*states.shape[:2], -1, layer.self_attn.head_dim)
        keys = layer.self_attn.k_proj(states).view(shape).transpose(1, 2)
        values = layer.self_attn.v_proj(states).view(shape).transpose(1, 2)
        position_ids = torch.arange(self.n_prefix, device=self.device)[None]
        places = decoder.rotary_emb(prefix, position_ids=position_ids)
        _, turned_keys = apply_rotary_pos_emb(keys, keys, *places)
        return turned_keys, values

    def geometry(self, rows: Sequence[RowBox], length: int) -> CellGeometry:
        """Geometry of len(rows) * length cells, each row padded to `length`.

        The padding stays on the page; its readings are of no use.
        """
        starts = np.array([row.x for row in rows])
        x = (starts[:, None] + np.arange(length)).clip(max=self.grid.columns - 1).reshape(-1)
        y = np.repeat([row.y for row in rows], length)
        geometry = cell_geometry(
            x, y, columns=self.grid.columns, rows=self.grid.rows, side_px=self.side_px
        )
        return geometry.to(self.device)

    def logits(self, geometry: CellGeometry, previous: Tensor) -> Tensor:
        """(lines, length, vocab): the logits of both readings, weighted and added.

        They need no normalising: terms that would normalise either reading alone cancel.
        `previous` (lines, length) are the ids of the characters before each cell, or `MASK`.
        """
        decoder_logits, grid_logits = self.both_logits(geometry, previous)
        return decoder_logits.mul_(self.mix.decoder).add_(grid_logits, alpha=self.mix.grid)

    def both_logits(self, geometry: CellGeometry, previous: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of the decoder and those of the grid head, (lines, length, vocab) each."""
        n_lines, length = previous.shape
        cell_vectors = self.cells.look_up(self.tokens, geometry)
        embeddings = self.model.get_input_embeddings()(previous.view(1, -1))
        queries = self.cells.queries(geometry, cell_vectors, embeddings).view(n_lines, length, -1)
        positions = self.n_prefix + torch.arange(length, device=self.device).expand(n_lines, -1)
        states = self.hidden_states(queries, self.cache_for(n_lines), positions)
        decoder_logits: Tensor = self.model.lm_head(states)
        return decoder_logits, self.cells.grid_logits(cell_vectors).view_as(decoder_logits)

    def hidden_states(
        self, embeddings: Tensor, cache: DynamicCache, positions: Tensor | None = None
    ) -> Tensor:
        """Hidden states (b, n, d) of `embeddings` (b, n, d) after what `cache` holds.

        Their keys and values are added to `cache`.
        """
        decoder = self.model.model.language_model
        states: Tensor = decoder(
            inputs_embeds=embeddings,
            position_ids=positions,
            use_cache=True,
            **cache_argument(decoder, cache),
        ).last_hidden_state
        return states

    def cache_for(self, n_lines: int) -> DynamicCache:
        """A cache for `n_lines` lines that holds the keys and values of the prefix."""
        cache = DynamicCache()
        layers: list[Any] = self._cache.layers
        for i, layer in enumerate(layers):
            keys = layer.keys.expand(n_lines, -1, -1, -1)
            values = layer.values.expand(n_lines, -1, -1, -1)
            cache.update(keys, values, i)
        return cache


def all_masked(n_lines: int, length: int, device: torch.device) -> Tensor:
    """(n_lines, length) of `MASK` on `device`: no character before any cell is known."""
    return torch.full((n_lines, length), MASK, device=device)
