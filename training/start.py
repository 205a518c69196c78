"""A start that already reads: fresh weights for pocket, arranged so that every part passes on what
the next part needs.

Random weights learn the language first and the picture late or never; LOG.md has what was tried.
Here the vision tower begins as an optical code. A cell of a page fills a slot of a 16 x 16 px patch
(two of 8 x 16 px at Base, eight of 4 x 8 px at Small and Tiny). So a small network from the pixels
of a slot to a point on a sphere, with a point for each character, can be found for all slots at
once, in seconds (`slot_code.py`). Copies of it, one for each slot, are the first MLP of the tower.
Everything behind it (neck, compressor, projector) starts as an isometry that puts the codes of a
token's slots side by side, and the lookups take them apart again. Codes of constant length make
every normalisation on the way harmless; pictures of -1 and 1 have constant length too. Training
goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from slot_code import (
    PATCH,
    PIXELS,
    UNITS,
    WIDTHS,
    SlotCode,
    bank,
    cut_slots,
    fit_code,
    principal_directions,
    slots_of_patch,
)
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket.cell_geometry import SLOTS, Slots
from optical_memory.readers.pocket.network import Cells, Lookup, pocket_config
from optical_memory.readers.pocket.sizes import CELL_DIM, ENCODER_DIM, PLACES, TOKEN_DIM

CODES = 32
"""Channels of a patch for the codes of its slots."""

NECK = 128
"""Channels of the neck. Its norm keeps the sum of their squares at this number."""

DENSE = 8
"""Slots of a dense patch, whose codes share that sum."""

AMPLITUDE = 4.0
"""Length of a slot's code beside the 16 of a patch's pixels."""

LOUDNESS = 16.0
"""Length of the vector of a cell in a decoder's query, beside the place and codes."""

GRID_HEAD_CHANNELS = (4, 0)
"""The first channel of a cell's vector that holds the code of a slot, for each of SLOTS."""


# ---- isometries ----------------------------------------------------------------------------------


def orthonormal(rows: int, columns: int, avoid: Tensor) -> Tensor:
    """(rows, columns) with orthonormal columns, orthogonal to the columns of `avoid` (rows, k)."""
    basis, _ = torch.linalg.qr(torch.cat([avoid, torch.randn(rows, columns)], dim=1))
    return basis[:, avoid.shape[1] :]


def unit_ones(n: int) -> Tensor:
    """(n, 1) of equal numbers, of length 1: the direction that a layer norm takes away."""
    return torch.ones(n, 1) / math.sqrt(n)


# ---- the model -----------------------------------------------------------------------------------


def new_model(
    patches: dict[int, Tensor], frequency: Tensor, seed: int = 0, steps: int = 8000
) -> tuple[UnlimitedOcrForConditionalGeneration, Cells]:
    """Fresh weights.

    `patches` are 16 x 16 px patches (n, 256) of pages as the network sees them, by the width of
    their slots; `frequency` (vocab,) says how often each character is met.
    """
    torch.manual_seed(seed)
    model = UnlimitedOcrForConditionalGeneration(pocket_config())
    cells = Cells()
    directions = principal_directions()
    codes = []
    for slots, other_slots in zip(SLOTS, reversed(SLOTS), strict=True):
        pixels, ids = bank(slots, frequency, directions)
        other_patches = patches[other_slots.width] @ directions @ directions.T
        codes.append(fit_code(slots, pixels, ids, cut_slots(other_patches, slots), steps))
    with torch.no_grad():
        places = _start_tower(model.model.vision_tower.sam_encoder, directions, codes)
        _start_compressor(model, places)
        _start_cells(cells, codes)
        _start_decoder(model, cells)
    return model, cells


def _start_tower(sam: nn.Module, directions: Tensor, codes: list[SlotCode]) -> Tensor:
    """Patch embedding: an isometry of the pixels. First MLP: the slot networks. The rest of the
    layers: near nothing.

    Gives the places of the codes in the tower's channels: (width, CODES).
    """
    width = sam.patch_embed.projection.out_channels
    room = orthonormal(width, PIXELS, unit_ones(width))  # (width, PIXELS)
    places = orthonormal(width, CODES, torch.cat([unit_ones(width), room], dim=1))
    embedding = (room @ directions.T / 3).view(width, 1, PATCH, PATCH)
    sam.patch_embed.projection.weight.copy_(embedding.expand(-1, 3, -1, -1))
    sam.patch_embed.projection.bias.zero_()
    for layer in sam.layers:
        layer.attn.proj.weight.zero_()
        layer.mlp.lin1.weight.normal_(0, 1 / math.sqrt(width))
        layer.mlp.lin2.weight.zero_()
    scale = math.sqrt(width / PATCH**2)  # of pixels of -1 and 1 after the layer norm
    pixels = directions @ room.T / scale  # (256, width): back from a normalised patch
    _start_mlp(sam.layers[0].mlp, pixels, places, codes)
    return places


def _start_mlp(mlp: nn.Module, pixels: Tensor, places: Tensor, codes: list[SlotCode]) -> None:
    """A copy of its slot network for every slot of a patch."""
    unit = 0
    for slots, code in zip(SLOTS, codes, strict=True):
        n_units = UNITS[slots.width]
        for i in range(slots_of_patch(slots)):
            units = slice(unit, unit + n_units)
            mlp.lin1.weight[units] = code.into.weight @ pixels[_pixels_of_slot(slots, i)]
            mlp.lin1.bias[units] = code.into.bias
            code_places = places[:, _channels(slots, i)] * AMPLITUDE
            mlp.lin2.weight[:, units] = code_places @ code.out.weight
            mlp.lin2.bias += code_places @ code.out.bias
            unit += n_units


def _pixels_of_slot(slots: Slots, i: int) -> Tensor:
    """(256,) True at the pixels of slot `i` of a patch."""
    row, column = divmod(i, PATCH // slots.width)
    top = row * slots.height
    left_px = column * slots.width
    window = torch.zeros(PATCH, PATCH, dtype=torch.bool)
    window[top : top + slots.height, left_px : left_px + slots.width] = True
    return window.view(-1)


def _channels(slots: Slots, i: int) -> slice:
    """The channels of a patch that the code of its slot `i` takes."""
    n_channels = CODES * slots.width * slots.height // PATCH**2
    return slice(i * n_channels, i * n_channels + WIDTHS[slots.width])


def _start_compressor(model: UnlimitedOcrForConditionalGeneration, places: Tensor) -> None:
    """The neck takes the codes out of the tower's channels, and its norms leave them alone. The
    compressor puts the codes of a token's 16 patches side by side; the projector copies them.
    """
    sam = model.model.vision_tower.sam_encoder
    width = sam.neck.conv1.out_channels
    carriers = orthonormal(width, CODES, unit_ones(width))
    sam.neck.conv1.weight.copy_((carriers @ places.T)[..., None, None])
    sam.neck.conv2.weight.zero_()
    sam.neck.conv2.weight[:, :, 1, 1] = torch.eye(width)
    first = sam.proj.conv1.weight
    second = sam.proj.conv2.weight
    first.zero_()
    second.zero_()
    for i, (dy, dx) in enumerate(((1, 1), (1, 2), (2, 1), (2, 2))):
        first[64 * i : 64 * i + CODES, :, dy, dx] = carriers.T
        for j in range(4):
            row = 128 * i + CODES * j
            column = 64 * j
            second[row : row + CODES, column : column + CODES, dy, dx] = torch.eye(CODES)
    projector = model.model.multi_modal_projector
    projector.weight.zero_()
    projector.weight[:ENCODER_DIM, -ENCODER_DIM:] = torch.eye(ENCODER_DIM)
    projector.bias.zero_()


# ---- the parts that pocket adds ------------------------------------------------------------------


def _start_cells(cells: Cells, codes: list[SlotCode]) -> None:
    for vectors, first in (
        (cells.row_vectors, ENCODER_DIM),
        (cells.column_vectors, ENCODER_DIM + PLACES),
    ):
        basis, _ = torch.linalg.qr(torch.randn(PLACES, PLACES))
        vectors[:, first : first + PLACES] = basis * math.sqrt(PLACES)
    cells.grid_head.weight.zero_()
    cells.grid_head.bias.zero_()
    kinds = zip(cells.lookups, SLOTS, codes, GRID_HEAD_CHANNELS, strict=True)
    for lookup, slots, code, first in kinds:
        classes = F.normalize(code.classes, dim=-1) * code.sharpness.exp()
        cells.grid_head.weight[:, first : first + WIDTHS[slots.width]] = classes
        _start_lookup(lookup, slots, first)
    cells.seen.weight.zero_()
    directions = orthonormal(ENCODER_DIM, CELL_DIM, unit_ones(ENCODER_DIM))
    cells.seen.weight[:ENCODER_DIM] = LOUDNESS * directions
    cells.seen.bias.zero_()
    for place in cells.places:
        place.weight.normal_(0, 0.3)
        place.weight[:, ENCODER_DIM : ENCODER_DIM + 2 * PLACES] = 0


def _start_lookup(lookup: Lookup, slots: Slots, first: int) -> None:
    """The lookup of a slot copies its code out of the token, into the channels from `first` on."""
    n_channels = WIDTHS[slots.width]
    length = math.sqrt(NECK / DENSE)
    lookup.maps.weight.zero_()
    lookup.maps.bias.zero_()
    for slot, code_channel in enumerate(_code_channels(slots)):
        row = slot * CELL_DIM + first
        columns = slice(code_channel, code_channel + n_channels)
        lookup.maps.weight[row : row + n_channels, columns] = torch.eye(n_channels) / length


def _code_channels(slots: Slots) -> Iterator[int]:
    """For every slot of a token, the first channel of its code in the token."""
    across = PATCH // slots.width
    for slot in range(slots.count):
        row, column = divmod(slot, slots.across)
        patch_row, row_in_patch = divmod(row, PATCH // slots.height)
        patch_column, column_in_patch = divmod(column, across)
        quarter = patch_row // 2 * 2 + patch_column // 2
        patch = patch_row % 2 * 2 + patch_column % 2
        channels = _channels(slots, row_in_patch * across + column_in_patch)
        yield 128 * quarter + CODES * patch + channels.start


def _start_decoder(
    model: UnlimitedOcrForConditionalGeneration,
    cells: Cells,
    sharpness: float = 1.6,
    quietness: float = 0.3,
) -> None:
    """The decoder starts by repeating the grid head, whose reading the queries carry and the head
    takes out again.

    Layer 0 compares codes of places, in rotary dimensions too slow to turn, and looks at the token
    under the cell.
    """
    square_sum = LOUDNESS**2 + 2 * PLACES + 0.09 * TOKEN_DIM  # cell, two codes of places, slot
    rms = math.sqrt(square_sum / TOKEN_DIM)  # of a query
    head = cells.grid_head.weight @ cells.seen.weight.T
    model.lm_head.weight.copy_(head * (rms / LOUDNESS**2))
    model.get_input_embeddings().weight[:, ENCODER_DIM : ENCODER_DIM + 2 * PLACES] = 0
    for vector in (model.model.image_newline, model.model.view_separator):
        vector.normal_(0, 0.02)
    decoder = model.model.language_model
    _start_attention(decoder.layers[0].self_attn, model.config.text_config, sharpness)
    for name, weight in decoder.named_parameters():
        if "gate_proj" in name or "up_proj" in name:
            weight *= 2.5  # a gated lookup starts at a saddle when both factors are small
        elif "o_proj" in name or "down_proj" in name:
            weight *= quietness


def _start_attention(attention: nn.Module, text_config, sharpness: float) -> None:
    """Every head selects the codes of row and column."""
    n_heads = text_config.num_attention_heads
    width = TOKEN_DIM // n_heads
    half = width // 2
    select = torch.zeros(width, TOKEN_DIM)
    for i in range(PLACES):  # rotary pairs are (i, i + half); the last pairs hardly turn
        select[half - PLACES + i, ENCODER_DIM + i] = sharpness
        select[width - PLACES + i, ENCODER_DIM + PLACES + i] = sharpness
    attention.q_proj.weight.copy_(select.repeat(n_heads, 1))
    attention.k_proj.weight.copy_(select.repeat(text_config.num_key_value_heads, 1))
