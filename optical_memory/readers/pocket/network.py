"""pocket's network: DeepSeek-OCR's architecture at a small size, and the parts that pocket adds.

The checkpoint is two files. `model.safetensors` is a `UnlimitedOcrForConditionalGeneration`
(SAM-style windowed attention, 16x convolutional compressor, CLIP-style global attention, projector,
mixture-of-experts decoder). `cells.safetensors` is `Cells`: a query for every cell of a page,
vectors for the rows and columns of visual tokens, and a linear grid head that reads the same cells
without the decoder.

A query asks the decoder about one cell. It says in which token and slot the cell stands (the
vectors of row and column are added to the visual tokens too), which vector a linear lookup reads
off that slot, and which character was read before it on the line, or that this is not known.

Knows tensors and geometry; nothing of pages or files. The names of a module's attributes are names
of tensors in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket.cell_geometry import SLOTS, CellGeometry, Slots
from optical_memory.readers.pocket.sizes import CELL_DIM, ENCODER_DIM, PLACES, TOKEN_DIM
from optical_memory.readers.pocket.token_ids import BOS, EOS, IMAGE, PAD, VOCAB

__all__ = [
    "Cells",
    "Mix",
    "PocketNetwork",
    "decoder_prefix",
    "pixel_values",
    "pocket_config",
]

CPU = torch.device("cpu")
NEGATIVE_BELOW_PX = 1024
"""The network sees smaller pages than this as negatives, so that it knows which of the two slots
is in use.
"""


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights of the log probabilities of the decoder and of the grid head.

    `training/calibrate.py` fits them on held-out text, so that the confidence is a probability.
    """

    decoder: float = 0.5
    grid: float = 0.5


@dataclass(frozen=True)
class PocketNetwork:
    """A loaded checkpoint: the stock model, pocket's own parts, and the mix of each rung."""

    model: UnlimitedOcrForConditionalGeneration
    cells: Cells
    mixes: Mapping[str, Mix]


# ---- the stock class -----------------------------------------------------------------------------


def pocket_config() -> UnlimitedOcrConfig:
    """The stock config at pocket's size. A window of the vision tower is one visual token."""
    return UnlimitedOcrConfig(
        vision_config={"sam_config": _sam_config(), "encoder_config": _clip_config()},
        text_config=_text_config(),
        image_token_id=IMAGE,
    )


def _sam_config() -> dict[str, Any]:
    return {
        "hidden_size": 256,
        "output_channels": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "mlp_dim": 1024,
        "window_size": 4,
        "global_attn_indexes": [],
        "use_abs_pos": False,
        "downsample_channels": [256, ENCODER_DIM],
        "initializer_range": 0.02,  # the default of 1e-10 gives denormal numbers
    }


def _clip_config() -> dict[str, Any]:
    return {
        "hidden_size": ENCODER_DIM,
        "intermediate_size": 1024,
        "num_hidden_layers": 1,
        "num_attention_heads": 8,
        "image_size": 256,
        "patch_size": 16,
    }


def _text_config() -> dict[str, Any]:
    return {
        "vocab_size": VOCAB,
        "hidden_size": TOKEN_DIM,
        "num_hidden_layers": 1,
        "num_attention_heads": 9,
        "num_key_value_heads": 1,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "moe_intermediate_size": 128,
        "routed_scaling_factor": 4.0,
        "mlp_layer_types": ["sparse"],
        "layer_types": ["full_attention"],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e10},
        "max_position_embeddings": 8192,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
    }


def pixel_values(images: npt.NDArray[np.uint8], device: torch.device = CPU) -> Tensor:
    """(b, side, side) pictures, 0 on 255, to (b, 3, side, side) float32 in -1..1 on `device`.

    Small and Tiny become negatives.
    """
    sign = 1 if images.shape[-1] >= NEGATIVE_BELOW_PX else -1
    pixels = torch.from_numpy(images).to(device).float().div_(127.5).sub_(1).mul_(sign)
    return pixels[:, None].expand(-1, 3, -1, -1)


# ---- the parts that pocket adds ------------------------------------------------------------------


class Lookup(nn.Module):
    """The content of each slot of a visual token: one linear map for each slot."""

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.count = slots.count
        self.maps = nn.Linear(TOKEN_DIM, slots.count * CELL_DIM)

    def forward(self, tokens: Tensor, geometry: CellGeometry) -> Tensor:
        """(b, n, n, d) tokens to (b, cells, CELL_DIM) vectors of cells."""
        b, n = tokens.shape[:2]
        vectors = self.maps(tokens).view(b, n * n * self.count, CELL_DIM)
        token = geometry.token_row * n + geometry.token_column
        cell_vectors: Tensor = vectors[:, token * self.count + geometry.slot]
        return cell_vectors


class Cells(nn.Module):
    """Cell queries, vectors of rows and columns, and the grid head: `cells.safetensors`."""

    def __init__(self) -> None:
        super().__init__()
        self.row_vectors = nn.Parameter(torch.zeros(PLACES, TOKEN_DIM))
        self.column_vectors = nn.Parameter(torch.zeros(PLACES, TOKEN_DIM))
        self.places = nn.ModuleList(nn.Embedding(slots.count, TOKEN_DIM) for slots in SLOTS)
        self.lookups = nn.ModuleList(Lookup(slots) for slots in SLOTS)
        self.seen = nn.Linear(CELL_DIM, TOKEN_DIM)
        self.grid_head = nn.Linear(CELL_DIM, VOCAB)

    def add_places(self, tokens: Tensor) -> Tensor:
        """(b, n, n, d) visual tokens with the vectors of their rows and columns added."""
        n = tokens.shape[1]
        return tokens + self.row_vectors[:n, None] + self.column_vectors[None, :n]

    def look_up(self, tokens: Tensor, geometry: CellGeometry) -> Tensor:
        """(b, n, n, d) tokens to (b, cells, CELL_DIM): each cell, read linearly off its token."""
        cell_vectors: Tensor = self.lookups[geometry.table](tokens, geometry)
        return cell_vectors

    def queries(self, geometry: CellGeometry, cell_vectors: Tensor, previous: Tensor) -> Tensor:
        """(b, cells, d): the question to the decoder about each cell.

        `cell_vectors` (b, cells, CELL_DIM) come from `look_up`; `previous` (b, cells, d) is the
        embedding of the character before the cell on its line, or of `MASK`.
        """
        place = self.row_vectors[geometry.token_row] + self.column_vectors[geometry.token_column]
        slot: Tensor = self.places[geometry.table](geometry.slot)
        queries: Tensor = slot + place + self.seen(cell_vectors) + previous
        return queries

    def grid_logits(self, cell_vectors: Tensor) -> Tensor:
        """(b, cells, CELL_DIM) to (b, cells, vocab): the second reading, without the decoder."""
        logits: Tensor = self.grid_head(cell_vectors)
        return logits


def decoder_prefix(
    model: UnlimitedOcrForConditionalGeneration, cells: Cells, tokens: Tensor
) -> Tensor:
    """The embeddings that the decoder receives before the queries.

    (b, n, n, d) tokens to (b, 1 + n(n+1) + 1, d): the start, each row with its newline, and the
    separator.
    """
    b, n, _, d = tokens.shape
    newline = model.model.image_newline.expand(b, n, 1, d)
    rows = torch.cat([cells.add_places(tokens), newline], dim=2).reshape(b, n * (n + 1), d)
    start = model.get_input_embeddings()(torch.full((b, 1), BOS, device=tokens.device))
    return torch.cat([start, rows, model.model.view_separator.expand(b, 1, d)], dim=1)
