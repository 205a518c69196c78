"""pocket's forward pass for training: the encoder, the decoder and the grid head on a batch."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from batches import BLANK, Batch
from torch import Tensor
from torch.nn import functional as F
from transformers import DynamicCache, UnlimitedOcrForConditionalGeneration

from optical_memory.pages import Grid
from optical_memory.profiles import PX_PER_TOKEN
from optical_memory.readers.checkpoints.key_value_cache import cache_argument
from optical_memory.readers.pocket.cell_geometry import CellGeometry, cell_geometry
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.network import Cells, decoder_prefix, pixel_values
from optical_memory.readers.pocket.token_ids import FIRST_CHAR, MASK, VOCAB, chars_to_ids

NO_TARGET = -100
"""Cells with this target do not count."""

WRONG_SHARE = 0.03
"""Share of the characters before a cell that are replaced, because readings have errors too."""


class Network(NamedTuple):
    """The stock model, and the parts that pocket adds."""

    model: UnlimitedOcrForConditionalGeneration
    cells: Cells


class Logits(NamedTuple):
    """Both readings of a batch, (b, n, vocab) each, and their targets, (b, n) token ids each.

    The decoder reads the lines of the batch, the grid head every cell.
    """

    decoder: Tensor | None
    decoder_target: Tensor | None
    grid: Tensor
    grid_target: Tensor


@dataclass(frozen=True)
class Mode:
    """One way to train.

    `encoder`: the encoder learns. `decoder`: the decoder is asked at all. `noise`: the largest
    noise on a token, as a share of its absmax. `given_share`: the share of lines of which the
    decoder is given the characters before each cell.
    """

    encoder: bool = True
    decoder: bool = True
    noise: float = 0.0
    given_share: float = 0.0


def forward(network: Network, batch: Batch, rng: random.Random, mode: Mode, device: str) -> Logits:
    """Both readings of a batch, with their targets."""
    grid = batch.grid
    ids = torch.from_numpy(chars_to_ids(batch.codes))
    target = targets(batch, ids).to(device)
    geometry = all_cells(grid, batch.side_px).to(device)
    pictures = pixel_values(batch.images).to(device)
    tokens, cell_vectors, grid_logits = encode(network, pictures, geometry, mode)
    if not mode.decoder:
        return Logits(None, None, grid_logits, target)
    starts = [row * grid.columns + column for row, column in batch.lines]
    cells = np.concatenate([start + np.arange(grid.measure) for start in starts])
    previous = previous_ids(ids.flatten(1)[:, cells], grid.measure, rng, mode.given_share)
    queries = network.cells.queries(
        geometry[torch.from_numpy(cells).to(device)],
        cell_vectors[:, cells],
        network.model.get_input_embeddings()(previous.to(device)),
    )
    decoder_logits = decode(network, tokens, queries, len(batch.lines))
    return Logits(decoder_logits, target[:, cells], grid_logits, target)


def all_cells(grid: Grid, side_px: int) -> CellGeometry:
    """The geometry of every cell of a page, row by row."""
    y, x = np.divmod(np.arange(grid.rows * grid.columns), grid.columns)
    return cell_geometry(x, y, columns=grid.columns, rows=grid.rows, side_px=side_px)


def targets(batch: Batch, ids: Tensor) -> Tensor:
    """(b, cells) ids; `NO_TARGET` but for text, the three cells after it, and single spaces."""
    ink = torch.from_numpy(batch.codes != BLANK)
    counts = ink | F.pad(ink, (3, 0))[..., :-3] | F.pad(ink, (0, 1))[..., 1:]
    return ids.masked_fill(~counts, NO_TARGET).flatten(1)


def encode(
    network: Network, pictures: Tensor, geometry: CellGeometry, mode: Mode
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (b, n, n, d) with noise as of a codec, vectors of all cells, and the grid head's
    logits.
    """
    model, cells = network
    b = len(pictures)
    n = pictures.shape[-1] // PX_PER_TOKEN
    with torch.set_grad_enabled(mode.encoder and torch.is_grad_enabled()):
        features = model.model.vision_tower(pictures).last_hidden_state
        tokens = model.model.multi_modal_projector(features).view(b, n, n, -1)
        if mode.noise:
            absmax = tokens.detach().abs().amax(-1, keepdim=True)
            tokens = tokens + mode.noise * torch.randn_like(tokens) * absmax
        cell_vectors = cells.look_up(tokens, geometry)
        return tokens, cell_vectors, cells.grid_logits(cell_vectors)


def previous_ids(ids: Tensor, measure: int, rng: random.Random, given_share: float) -> Tensor:
    """(b, lines * measure) The ids before each cell, some of them wrong; `MASK` if not given.

    A line is given in part or as a whole, but for its first cell, which has nothing before it.
    """
    is_wrong = torch.rand(ids.shape) < WRONG_SHARE
    random_ids = torch.randint(FIRST_CHAR, FIRST_CHAR + len(CHARSET), ids.shape)
    ids = torch.where(is_wrong, random_ids, ids)
    n_lines = ids.shape[1] // measure
    lines_given = torch.tensor([rng.random() < given_share for _ in range(n_lines)])
    is_given = lines_given.repeat_interleave(measure)
    is_given = is_given & (torch.rand(is_given.shape) < rng.choice((0.5, 1.0, 1.0)))
    is_given[::measure] = False
    return torch.where(is_given, ids.roll(1, dims=1), MASK)


def decode(network: Network, tokens: Tensor, queries: Tensor, n_lines: int) -> Tensor:
    """The decoder's logits (b, lines * measure, vocab) for `queries` (b, lines * measure, d).

    A page's prefix runs once, and all its lines use its keys and values.
    """
    model, cells = network
    decoder = model.model.language_model
    prefix = decoder_prefix(model, cells, tokens)
    cache = DynamicCache()
    decoder(inputs_embeds=prefix, use_cache=True, **cache_argument(decoder, cache))
    queries = queries.reshape(len(tokens) * n_lines, -1, queries.shape[-1])
    positions = prefix.shape[1] + torch.arange(queries.shape[1], device=tokens.device)
    states = decoder(
        inputs_embeds=queries,
        position_ids=positions[None].expand(len(queries), -1),
        use_cache=True,
        **cache_argument(decoder, repeat_cache(cache, n_lines)),
    ).last_hidden_state
    return model.lm_head(states).view(len(tokens), -1, VOCAB)


def repeat_cache(cache: DynamicCache, times: int) -> DynamicCache:
    """A cache with every page's keys and values `times` in a row."""
    lines = DynamicCache()
    for i, layer in enumerate(cache.layers):
        keys = layer.keys.repeat_interleave(times, dim=0)
        values = layer.values.repeat_interleave(times, dim=0)
        lines.update(keys, values, i)
    return lines
