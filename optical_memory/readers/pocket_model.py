"""pocket's network: DeepSeek-OCR's architecture at a small size, and the few parts that ask it about cells.

The checkpoint is two files. `model.safetensors` is a `UnlimitedOcrForConditionalGeneration` (SAM-style windowed
attention, 16x convolutional compressor, CLIP-style global attention, projector, mixture-of-experts decoder).
`cells.safetensors` is what pocket adds (`Cells`): a query for every cell of a page, vectors for the rows and columns of
visual tokens, and a linear grid head that reads the same cells without the decoder.

A cell is asked for by where it is: the visual token under its centre (row and column vectors, added to the visual
tokens too) and its place and size inside that token (Fourier features). What was read before it on the line may be
given or masked. Knows tensors and geometry; knows nothing of pages, stores or files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from optical_memory.readers.charset import CHARSET

__all__ = [
    "IMAGE",
    "MASK",
    "UNKNOWN",
    "CellGeometry",
    "Cells",
    "cell_geometry",
    "chars_to_ids",
    "decoder_prefix",
    "ids_to_text",
    "pocket_config",
]

BOS, EOS, PAD, IMAGE, MASK, UNKNOWN = range(6)
FIRST_CHAR = 8
VOCAB = 256
HIDDEN = 320
CODE = 20  # width of a row or column vector, and the number of rows and columns at Large (1280 / 64)
TOKEN_PX = 64

_IDS = np.full(0x110000, UNKNOWN, np.int64)
_IDS[[ord(c) for c in CHARSET]] = np.arange(FIRST_CHAR, FIRST_CHAR + len(CHARSET))
_CHARS = np.full(VOCAB, "\ufffd")
_CHARS[FIRST_CHAR : FIRST_CHAR + len(CHARSET)] = list(CHARSET)


def chars_to_ids(codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Code points to token ids; what is not in `CHARSET` is `UNKNOWN`."""
    ids: npt.NDArray[np.int64] = _IDS[codes]
    return ids


def ids_to_text(ids: npt.NDArray[np.integer]) -> str:
    """Token ids to text, U+FFFD for `UNKNOWN` and specials."""
    return "".join(_CHARS[ids].tolist())


def pocket_config() -> UnlimitedOcrConfig:
    """The stock config at pocket's size, built by keyword. A window of 8 patches divides all four sizes."""
    sam = {
        "hidden_size": 192,
        "output_channels": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "mlp_dim": 768,
        "window_size": 8,
        "global_attn_indexes": [],
        "use_abs_pos": False,
        "downsample_channels": [256, 256],
        "initializer_range": 0.02,  # the default of 1e-10 gives denormal numbers
    }
    clip = {
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 256,
        "patch_size": 16,
    }
    text = {
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": 1024,
        "num_hidden_layers": 3,
        "num_attention_heads": 5,
        "num_key_value_heads": 5,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "moe_intermediate_size": 256,
        "routed_scaling_factor": 4.0,
        "mlp_layer_types": ["dense", "sparse", "sparse"],
        "layer_types": ["full_attention"] * 3,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e10},
        "max_position_embeddings": 8192,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
    }
    return UnlimitedOcrConfig(
        vision_config={"sam_config": sam, "encoder_config": clip}, text_config=text, image_token_id=IMAGE
    )


# ---- where cells are ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellGeometry:
    """For cells of one page at one size: the visual token under each centre, and features of the place inside it."""

    token_row: Tensor  # (cells,) int64
    token_column: Tensor  # (cells,) int64
    place_x: Tensor  # (cells,) float32 in 0..1 of the token's width
    place_y: Tensor  # (cells,) float32 in 0..1 of the token's height
    features: Tensor  # (cells, N_FEATURES) float32
    table: int  # which lookup serves cells of this size

    def __getitem__(self, index: Tensor) -> CellGeometry:
        """The geometry of some of the cells."""
        return CellGeometry(
            self.token_row[index],
            self.token_column[index],
            self.place_x[index],
            self.place_y[index],
            self.features[index],
            self.table,
        )


_WAVES_X = (1, 2, 3, 4, 6, 8, 12, 16)
_WAVES_Y = (1, 2, 3, 4, 6, 8)
N_FEATURES = 2 * (len(_WAVES_X) + len(_WAVES_Y)) + 2 + 4


def cell_geometry(
    x: npt.NDArray[np.integer], y: npt.NDArray[np.integer], *, columns: int, rows: int, side_px: int
) -> CellGeometry:
    """Geometry of the cells at columns `x` and rows `y` of a `columns` x `rows` grid drawn at `side_px`."""
    width, height = side_px / columns, side_px / rows
    centre_x, centre_y = (x + 0.5) * width / TOKEN_PX, (y + 0.5) * height / TOKEN_PX
    column, row = np.floor(centre_x), np.floor(centre_y)
    place_x, place_y = centre_x - column, centre_y - row
    angles = [2 * math.pi * k * place_x for k in _WAVES_X] + [2 * math.pi * k * place_y for k in _WAVES_Y]
    scale = [math.log2(width / 8), math.log2(height / 16), width / 8, height / 16]
    features = np.stack(
        [np.sin(a) for a in angles]
        + [np.cos(a) for a in angles]
        + [2 * place_x - 1, 2 * place_y - 1]
        + [np.full(len(x), s) for s in scale],
        axis=1,
    )
    return CellGeometry(
        torch.from_numpy(row.astype(np.int64)),
        torch.from_numpy(column.astype(np.int64)),
        torch.from_numpy(place_x.astype(np.float32)),
        torch.from_numpy(place_y.astype(np.float32)),
        torch.from_numpy(features.astype(np.float32)),
        min(range(len(TABLES)), key=lambda i: abs(math.log(TABLES[i] * width / TOKEN_PX))),
    )


# ---- what pocket adds to the stock class ----------------------------------------------------------------------------

LOOK = 16  # width of what a cell is seen as
TABLES = (4, 5, 8, 10)
"""Cells across and down a visual token at Large, Base, Small and Tiny: one lookup each."""


class Lookup(nn.Module):
    """What is at a place inside a visual token: one linear map for each of `across` x `across` places."""

    def __init__(self, across: int) -> None:
        super().__init__()
        self.across = across
        self.maps = nn.Linear(HIDDEN, across * across * LOOK)

    def forward(self, tokens: Tensor, where: CellGeometry) -> Tensor:
        """(b, n, n, d) tokens to (b, cells, LOOK)."""
        b, n = tokens.shape[:2]
        seen = self.maps(tokens).view(b, n * n * self.across**2, LOOK)
        column, row = (where.place_x * self.across).long(), (where.place_y * self.across).long()
        token = where.token_row * n + where.token_column
        found: Tensor = seen[:, (token * self.across + row) * self.across + column]
        return found


class Cells(nn.Module):
    """Cell queries, row and column vectors, and the grid head: the content of `cells.safetensors`."""

    def __init__(self) -> None:
        super().__init__()
        self.row_vectors = nn.Parameter(torch.zeros(CODE, HIDDEN))
        self.column_vectors = nn.Parameter(torch.zeros(CODE, HIDDEN))
        self.place = nn.Sequential(nn.Linear(N_FEATURES, 256), nn.SiLU(), nn.Linear(256, HIDDEN))
        self.lookups = nn.ModuleList(Lookup(across) for across in TABLES)
        self.seen = nn.Linear(LOOK, HIDDEN)
        self.grid_head = nn.Linear(LOOK, VOCAB)

    def place_vectors(self, tokens: Tensor) -> Tensor:
        """Visual tokens (b, n, n, d) with the vectors of their rows and columns added."""
        n = tokens.shape[1]
        return tokens + self.row_vectors[:n, None] + self.column_vectors[None, :n]

    def look(self, tokens: Tensor, where: CellGeometry) -> Tensor:
        """(b, cells, LOOK): what stands in each cell, read linearly off the token under it; tokens (b, n, n, d)."""
        out: Tensor = self.lookups[where.table](tokens, where)
        return out

    def queries(self, where: CellGeometry, seen: Tensor, previous: Tensor) -> Tensor:
        """(b, cells, d): what the decoder is asked about each cell.

        `seen` (b, cells, LOOK) is what `look` found, `previous` (b, cells, d) the embedding of the character before it
        on the line, or of the mask.
        """
        codes = self.row_vectors[where.token_row] + self.column_vectors[where.token_column]
        out: Tensor = self.place(where.features) + codes + self.seen(seen) + previous
        return out

    def grid_logits(self, seen: Tensor) -> Tensor:
        """(b, cells, vocab): the second reading, without the decoder."""
        out: Tensor = self.grid_head(seen)
        return out


def decoder_prefix(model: UnlimitedOcrForConditionalGeneration, cells: Cells, tokens: Tensor) -> Tensor:
    """What the decoder receives before the queries: (b, n, n, d) tokens to (b, 1 + n(n+1) + 1, d) embeddings."""
    b, n, _, d = tokens.shape
    newline = model.model.image_newline.expand(b, n, 1, d)
    rows = torch.cat([cells.place_vectors(tokens), newline], dim=2).reshape(b, n * (n + 1), d)
    start = model.get_input_embeddings()(torch.full((b, 1), BOS))
    return torch.cat([start, rows, model.model.view_separator.expand(b, 1, d)], dim=1)
