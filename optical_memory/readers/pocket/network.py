"""pocket's network: DeepSeek-OCR's architecture at a small size, and the few parts that ask it
about cells.

The checkpoint is two files. `model.safetensors` is a `UnlimitedOcrForConditionalGeneration`
(SAM-style windowed attention, 16x convolutional compressor, CLIP-style global attention, projector,
mixture-of-experts decoder). `cells.safetensors` is what pocket adds (`Cells`): a query for every
cell of a page, vectors for the rows and columns of visual tokens, and a linear grid head that reads
the same cells without the decoder.

A cell fills one slot of a visual token: 8 x 16 px at Base, 4 x 8 px at Small and Tiny. It is asked
for by the token (row and column vectors, added to the visual tokens too), by the slot, and by what
a linear lookup sees in the slot. What was read before it on the line may be given or masked. Knows
tensors and geometry; nothing of pages or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import PX_PER_TOKEN
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.renderers.geometry import cell_size, origins

__all__ = [
    "IMAGE",
    "MASK",
    "SLOTS",
    "UNKNOWN",
    "CellGeometry",
    "Cells",
    "cell_geometry",
    "chars_to_ids",
    "decoder_prefix",
    "ids_to_text",
    "network_pixels",
    "pocket_config",
]

BOS, EOS, PAD, IMAGE, MASK, UNKNOWN = range(6)
FIRST_CHAR = 8
VOCAB = 512
CODE = 20  # width of a row or column vector, and the number of rows and columns of tokens at Large (1280 / 64)
SEEN = 512  # channels of the encoder
HIDDEN = 576  # width of a visual token: what was seen, the place codes, and room
DENSE_BELOW_PX = 1024
"""Pages smaller than this are shown to the network as negatives, so that it knows which of the two
slots is in use.
"""

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
    """The stock config at pocket's size, built by keyword. A window of the vision tower is one
    visual token.
    """
    sam = {
        "hidden_size": 256,
        "output_channels": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "mlp_dim": 1024,
        "window_size": 4,
        "global_attn_indexes": [],
        "use_abs_pos": False,
        "downsample_channels": [256, SEEN],
        "initializer_range": 0.02,  # the default of 1e-10 gives denormal numbers
    }
    clip = {
        "hidden_size": SEEN,
        "intermediate_size": 1024,
        "num_hidden_layers": 1,
        "num_attention_heads": 8,
        "image_size": 256,
        "patch_size": 16,
    }
    text = {
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
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
    return UnlimitedOcrConfig(
        vision_config={"sam_config": sam, "encoder_config": clip},
        text_config=text,
        image_token_id=IMAGE,
    )


def network_pixels(images: npt.NDArray[np.uint8]) -> Tensor:
    """(b, side, side) pictures, 0 on 255, to what the network sees: (b, 3, side, side) float32 in
    -1..1.

    Small and Tiny are seen as negatives.
    """
    sign = 1 if images.shape[-1] >= DENSE_BELOW_PX else -1
    pixels = torch.from_numpy(images).float().div_(127.5).sub_(1).mul_(sign)
    return pixels[:, None].expand(-1, 3, -1, -1)


# ---- where cells are -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Slots:
    """A regular division of a visual token into `across` x `down` slots of `width` x `height` px; a
    cell fills one.
    """

    width: int
    height: int

    @property
    def across(self) -> int:
        return PX_PER_TOKEN // self.width

    @property
    def count(self) -> int:
        return self.across * (PX_PER_TOKEN // self.height)


SLOTS = (Slots(8, 16), Slots(4, 8))
"""32 slots a token at Base, 128 at Small (where four of five in a row and column are used) and
Tiny.
"""


@dataclass(frozen=True)
class CellGeometry:
    """For cells of one page at one size: the visual token that each stands in, and its slot there."""

    token_row: Tensor  # (cells,) int64
    token_column: Tensor  # (cells,) int64
    slot: Tensor  # (cells,) int64
    table: int  # which of SLOTS

    def __getitem__(self, index: Tensor) -> CellGeometry:
        """The geometry of some of the cells."""
        return CellGeometry(
            self.token_row[index], self.token_column[index], self.slot[index], self.table
        )

    def to(self, device: str) -> CellGeometry:
        """The same on another device: an embedding takes no indices from elsewhere."""
        return CellGeometry(
            self.token_row.to(device),
            self.token_column.to(device),
            self.slot.to(device),
            self.table,
        )


def cell_geometry(
    x: npt.NDArray[np.integer], y: npt.NDArray[np.integer], *, columns: int, rows: int, side_px: int
) -> CellGeometry:
    """Geometry of the cells at columns `x` and rows `y` of a `columns` x `rows` grid drawn at
    `side_px`.

    Raises `ReaderMismatch` for a grid whose cells are not slots: pocket was not trained on it.
    """
    width, height = cell_size(columns, rows, side_px)
    if Slots(width, height) not in SLOTS:
        raise ReaderMismatch(
            f"pocket does not read {columns} x {rows} cells at {side_px} px (cells of {width} x {height} px), only "
            f"cells of {' or '.join(f'{s.width} x {s.height}' for s in SLOTS)} px"
        )
    table = SLOTS.index(Slots(width, height))
    left, top = origins(columns, side_px, width)[x], origins(rows, side_px, height)[y]
    slot = top % PX_PER_TOKEN // height * SLOTS[table].across + left % PX_PER_TOKEN // width
    return CellGeometry(
        torch.from_numpy(top // PX_PER_TOKEN),
        torch.from_numpy(left // PX_PER_TOKEN),
        torch.from_numpy(slot),
        table,
    )


# ---- what pocket adds to the stock class ---------------------------------------------------------

LOOK = 16  # width of what a cell is seen as


class Lookup(nn.Module):
    """What is in a slot of a visual token: one linear map for each slot."""

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.count = slots.count
        self.maps = nn.Linear(HIDDEN, slots.count * LOOK)

    def forward(self, tokens: Tensor, where: CellGeometry) -> Tensor:
        """(b, n, n, d) tokens to (b, cells, LOOK)."""
        b, n = tokens.shape[:2]
        seen = self.maps(tokens).view(b, n * n * self.count, LOOK)
        found: Tensor = seen[
            :, (where.token_row * n + where.token_column) * self.count + where.slot
        ]
        return found


class Cells(nn.Module):
    """Cell queries, row and column vectors, and the grid head: the content of `cells.safetensors`."""

    def __init__(self) -> None:
        super().__init__()
        self.row_vectors = nn.Parameter(torch.zeros(CODE, HIDDEN))
        self.column_vectors = nn.Parameter(torch.zeros(CODE, HIDDEN))
        self.places = nn.ModuleList(nn.Embedding(slots.count, HIDDEN) for slots in SLOTS)
        self.lookups = nn.ModuleList(Lookup(slots) for slots in SLOTS)
        self.seen = nn.Linear(LOOK, HIDDEN)
        self.grid_head = nn.Linear(LOOK, VOCAB)

    def place_vectors(self, tokens: Tensor) -> Tensor:
        """Visual tokens (b, n, n, d) with the vectors of their rows and columns added."""
        n = tokens.shape[1]
        return tokens + self.row_vectors[:n, None] + self.column_vectors[None, :n]

    def look(self, tokens: Tensor, where: CellGeometry) -> Tensor:
        """(b, cells, LOOK): what stands in each cell, read linearly off the token under it; tokens
        (b, n, n, d).
        """
        out: Tensor = self.lookups[where.table](tokens, where)
        return out

    def queries(self, where: CellGeometry, seen: Tensor, previous: Tensor) -> Tensor:
        """(b, cells, d): what the decoder is asked about each cell.

        `seen` (b, cells, LOOK) is what `look` found, `previous` (b, cells, d) the embedding of the
        character before it on the line, or of the mask.
        """
        codes = self.row_vectors[where.token_row] + self.column_vectors[where.token_column]
        out: Tensor = self.places[where.table](where.slot) + codes + self.seen(seen) + previous
        return out

    def grid_logits(self, seen: Tensor) -> Tensor:
        """(b, cells, vocab): the second reading, without the decoder."""
        out: Tensor = self.grid_head(seen)
        return out


def decoder_prefix(
    model: UnlimitedOcrForConditionalGeneration, cells: Cells, tokens: Tensor
) -> Tensor:
    """What the decoder receives before the queries: (b, n, n, d) tokens to (b, 1 + n(n+1) + 1, d)
    embeddings.
    """
    b, n, _, d = tokens.shape
    newline = model.model.image_newline.expand(b, n, 1, d)
    rows = torch.cat([cells.place_vectors(tokens), newline], dim=2).reshape(b, n * (n + 1), d)
    start = model.get_input_embeddings()(torch.full((b, 1), BOS, device=tokens.device))
    return torch.cat([start, rows, model.model.view_separator.expand(b, 1, d)], dim=1)
