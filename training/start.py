"""A start that already reads: fresh weights for pocket, arranged so that every part passes on what
the next one needs.

Random weights learn the language first and the picture late or never; LOG.md has what was tried.
Here the vision tower begins as an optical code. A cell of a page fills a slot of a 16 x 16 px patch
(two of 8 x 16 px at Base, eight of 4 x 8 px at Small and Tiny), so one small network from the
pixels of a slot to a point on a sphere, one point for each character, can be found for all slots at
once, in seconds. Copies of it, one for each slot, are the first MLP of the tower. Everything behind
it (neck, compressor, projector) starts as an isometry that puts the codes of a token's slots side
by side, and the lookups take them apart again. Codes of constant length make every normalisation on
the way harmless; pictures of -1 and 1 have constant length too. Training goes on from there.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.network import (
    CODE,
    FIRST_CHAR,
    HIDDEN,
    LOOK,
    SEEN,
    SLOTS,
    UNKNOWN,
    VOCAB,
    Cells,
    Slots,
    pocket_config,
)
from optical_memory.renderers.glyphs import cell_ink

PATCH = 16
PIXELS = (
    222  # principal directions of a patch that are kept: a dense patch has ink in 208 of its pixels
)
DENSE_FIRST = 50.0  # what a dense patch counts for in these directions, beside one of Base, whose slots have room
CODES = 32  # channels of a patch for the codes of its slots
BANK = 100_000  # slots that the slot networks learn from
UNITS = {8: 128, 4: 96}  # hidden units of the slot network, by the slot's width
NECK, DENSE = (
    128,
    8,
)  # a neck's norm makes its channels of the codes of a dense patch, squared and added
BLUR = {
    8: 0.15,
    4: 0.05,
}  # noise that a code is learned with: keeps characters as far apart as there is room
WIDTHS = {8: 12, 4: 4}  # length of a code, by the slot's width
STRANGERS = (
    "łńőřşţžĀĒŪŉƒƀǅǽȘɐʃ"  # some single-cell letters that pocket cannot read: all are UNKNOWN
)


class SlotCode(nn.Module):
    """The pixels of one slot (-1 to 1) to a point on the unit sphere; zero for anything that is not
    such a slot.
    """

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.into = nn.Linear(slots.width * slots.height, UNITS[slots.width])
        self.out = nn.Linear(UNITS[slots.width], WIDTHS[slots.width])
        self.classes = nn.Parameter(torch.randn(VOCAB, WIDTHS[slots.width]))
        self.sharpness = nn.Parameter(torch.tensor(2.5))

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.out(F.gelu(self.into(pixels)))
        return out

    def logits(self, code: Tensor) -> Tensor:
        out: Tensor = (
            self.sharpness.exp() * F.normalize(code, dim=-1) @ F.normalize(self.classes, dim=-1).T
        )
        return out


def glyphs(slots: Slots) -> tuple[Tensor, Tensor]:
    """Pixels (characters, height * width) as the network sees them, and token ids of all that
    pocket may meet.
    """
    chars = [*CHARSET, *STRANGERS]
    ink = np.stack([cell_ink(c, 1, slots.width, slots.height) * (c != " ") for c in chars]).reshape(
        len(chars), -1
    )
    pixels = torch.from_numpy(ink / 127.5 - 1).float() * (
        1 if slots.width == 4 else -1
    )  # the dense are negatives
    ids = [FIRST_CHAR + i for i in range(len(CHARSET))] + [UNKNOWN] * len(STRANGERS)
    return pixels, torch.tensor(ids)


def directions(slots: Slots, n: int = 4000) -> Tensor:
    """(256, 256) second moment of patches full of characters that are all alike common."""
    pixels, _ = glyphs(slots)
    patches = joined(pixels[torch.randint(len(pixels), (n, slots_of_patch(slots)))], slots)
    return patches.T @ patches / n


def bank(slots: Slots, frequency: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Slots of random patches, (n, height * width), as far as they lie in the `kept` directions,
    and their ids.
    """
    pixels, ids = glyphs(slots)
    weight = 0.5 * frequency[ids] / frequency[ids].sum() + 0.5 / len(ids)
    chosen = torch.multinomial(weight, BANK, replacement=True).view(-1, slots_of_patch(slots))
    return windows(joined(pixels[chosen], slots) @ kept @ kept.T, slots), ids[chosen].view(-1)


def fit_code(slots: Slots, seen: Tensor, wanted: Tensor, strange: Tensor, steps: int) -> SlotCode:
    """The slot network of slots `seen` (n, height * width) with ids `wanted`: as far apart on the
    sphere as there is room, and zero for `strange` slots (m, height * width).
    """
    net = SlotCode(slots)
    adam = torch.optim.AdamW(net.parameters(), lr=4e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, 8e-3, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        some = torch.randint(len(seen), (768,))
        code, off = net(seen[some]), net(strange[torch.randint(len(strange), (256,))])
        noisy = F.normalize(code, dim=-1) + BLUR[slots.width] * torch.randn_like(code)
        loss = F.cross_entropy(net.logits(noisy), wanted[some])
        loss = (
            loss + 10 * (code.norm(dim=-1) - 1).square().mean() + 10 * off.square().sum(-1).mean()
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
        rates.step()
    with torch.no_grad():
        code = net(seen)
        right = (net.logits(code).argmax(-1) == wanted).float().mean()
        print(
            f"slots of {slots.width} px: {right:.4f} of the characters; length {code.norm(dim=-1).mean():.3f} ± "
            f"{code.norm(dim=-1).std():.3f}, of strange ones {off.norm(dim=-1).mean():.3f}",
            flush=True,
        )
    return net


def slots_of_patch(slots: Slots) -> int:
    return PATCH * PATCH // (slots.width * slots.height)


def joined(pixels: Tensor, slots: Slots) -> Tensor:
    """(n, slots of a patch, height * width) put together as patches (n, 256): what `windows` cuts."""
    down, across = PATCH // slots.height, PATCH // slots.width
    return (
        pixels.view(-1, down, across, slots.height, slots.width)
        .transpose(2, 3)
        .reshape(-1, PATCH * PATCH)
    )


def windows(patches: Tensor, slots: Slots) -> Tensor:
    """(n, 256) patches cut into slots: (n * slots of a patch, height * width)."""
    down, across = PATCH // slots.height, PATCH // slots.width
    cut = patches.view(-1, down, slots.height, across, slots.width).transpose(2, 3)
    return cut.reshape(-1, slots.height * slots.width)


# ---- isometries ----------------------------------------------------------------------------------


def orthonormal(rows: int, columns: int, avoid: Tensor) -> Tensor:
    """(rows, columns) with orthonormal columns, orthogonal to the columns of `avoid` (rows, k)."""
    basis, _ = torch.linalg.qr(torch.cat([avoid, torch.randn(rows, columns)], dim=1))
    return basis[:, avoid.shape[1] :]


def ones(n: int) -> Tensor:
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
    fine, dense = (directions(slots) for slots in SLOTS)
    kept = (
        torch.linalg.eigh((fine + DENSE_FIRST * dense).double()).eigenvectors[:, -PIXELS:].float()
    )
    codes = [
        fit_code(
            slots,
            *bank(slots, frequency, kept),
            windows(patches[other.width] @ kept @ kept.T, slots),
            steps,
        )
        for slots, other in zip(SLOTS, reversed(SLOTS), strict=True)
    ]
    with torch.no_grad():
        place = _see_slots(model.model.vision_tower.sam_encoder, kept, codes)
        _pass_on(model, place)
        _start_cells(cells, codes)
        _start_decoder(model, cells)
    return model, cells


def _see_slots(sam: nn.Module, pixels: Tensor, codes: list[SlotCode]) -> Tensor:
    """Patch embedding: an isometry of the pixels. First MLP: the slot networks. The rest of the
    layers: near nothing.

    Gives where the codes are in the tower's channels: (width, CODES).
    """
    width = sam.patch_embed.projection.out_channels
    room = orthonormal(width, PIXELS, ones(width))  # (width, PIXELS)
    place = orthonormal(width, CODES, torch.cat([ones(width), room], dim=1))  # (width, CODES)
    sam.patch_embed.projection.weight.copy_(
        (room @ pixels.T / 3).view(width, 1, PATCH, PATCH).expand(-1, 3, -1, -1)
    )
    sam.patch_embed.projection.bias.zero_()
    for layer in sam.layers:
        layer.attn.proj.weight.zero_()
        layer.mlp.lin1.weight.normal_(0, 1 / math.sqrt(width))
        layer.mlp.lin2.weight.zero_()
    mlp, unit = sam.layers[0].mlp, 0
    scale = math.sqrt(width / PATCH**2)  # what the layer norm does to pixels of -1 and 1
    seen = pixels @ room.T / scale  # (256, width): the pixels back from a normalised patch
    for slots, code in zip(SLOTS, codes, strict=True):
        for j in range(PATCH // slots.width * PATCH // slots.height):
            top, left = divmod(j, PATCH // slots.width)
            window = torch.zeros(PATCH, PATCH, dtype=torch.bool)
            window[
                top * slots.height : (top + 1) * slots.height,
                left * slots.width : (left + 1) * slots.width,
            ] = True
            n = UNITS[slots.width]
            mlp.lin1.weight[unit : unit + n] = code.into.weight @ seen[window.view(-1)]
            mlp.lin1.bias[unit : unit + n] = code.into.bias
            at = place[:, _channels(slots, j)] * AMPLITUDE
            mlp.lin2.weight[:, unit : unit + n] = at @ code.out.weight
            mlp.lin2.bias += at @ code.out.bias
            unit += n
    return place


AMPLITUDE = 4.0  # length of a slot's code beside the 16 of a patch's pixels


def _channels(slots: Slots, j: int) -> slice:
    """The channels of a patch that the code of its slot `j` takes."""
    k = CODES * slots.width * slots.height // PATCH**2
    return slice(j * k, j * k + WIDTHS[slots.width])


def _pass_on(model: UnlimitedOcrForConditionalGeneration, place: Tensor) -> None:
    """The neck takes the codes out of the tower's channels, its norms leave them alone; the
    compressor puts the codes of a token's 16 patches side by side; the projector copies them.
    """
    sam, projector = model.model.vision_tower.sam_encoder, model.model.multi_modal_projector
    width = sam.neck.conv1.out_channels
    carried = orthonormal(width, CODES, ones(width))
    sam.neck.conv1.weight.copy_((carried @ place.T)[..., None, None])
    sam.neck.conv2.weight.zero_()
    sam.neck.conv2.weight[:, :, 1, 1] = torch.eye(width)
    first, second = sam.proj.conv1, sam.proj.conv2
    first.weight.zero_()
    second.weight.zero_()
    for i, (dy, dx) in enumerate(((1, 1), (1, 2), (2, 1), (2, 2))):
        first.weight[64 * i : 64 * i + CODES, :, dy, dx] = carried.T
        for inner in range(4):
            rows, columns = 128 * i + 32 * inner, 64 * inner
            second.weight[rows : rows + CODES, columns : columns + CODES, dy, dx] = torch.eye(CODES)
    projector.weight.zero_()
    projector.weight[:SEEN, -SEEN:] = torch.eye(SEEN)
    projector.bias.zero_()


def _start_cells(cells: Cells, codes: list[SlotCode]) -> None:
    for vectors, at in ((cells.row_vectors, SEEN), (cells.column_vectors, SEEN + CODE)):
        basis, _ = torch.linalg.qr(torch.randn(CODE, CODE))
        vectors[:, at : at + CODE] = basis * math.sqrt(CODE)
    cells.grid_head.weight.zero_()
    cells.grid_head.bias.zero_()
    length = math.sqrt(NECK / DENSE)
    for lookup, slots, code, at in zip(cells.lookups, SLOTS, codes, (4, 0), strict=True):
        k = WIDTHS[slots.width]
        cells.grid_head.weight[:, at : at + k] = (
            F.normalize(code.classes, dim=-1) * code.sharpness.exp()
        )
        lookup.maps.weight.zero_()
        lookup.maps.bias.zero_()
        for slot in range(slots.count):
            row, column = divmod(slot, slots.across)
            patch_y, top = divmod(row, PATCH // slots.height)
            patch_x, left = divmod(column, PATCH // slots.width)
            i, inner = patch_y // 2 * 2 + patch_x // 2, patch_y % 2 * 2 + patch_x % 2
            channels = _channels(slots, top * (PATCH // slots.width) + left)
            first = 128 * i + 32 * inner + channels.start
            lookup.maps.weight[slot * LOOK + at : slot * LOOK + at + k, first : first + k] = (
                torch.eye(k) / length
            )
    cells.seen.weight.zero_()
    cells.seen.weight[:SEEN] = LOUD * orthonormal(SEEN, LOOK, ones(SEEN))
    cells.seen.bias.zero_()
    for place in cells.places:
        place.weight.normal_(0, 0.3)
        place.weight[:, SEEN : SEEN + 2 * CODE] = 0


LOUD = 16.0  # length of what a cell is seen as in a decoder's query, beside its place and codes


def _start_decoder(
    model: UnlimitedOcrForConditionalGeneration,
    cells: Cells,
    sharpness: float = 1.6,
    quiet: float = 0.3,
) -> None:
    """The decoder starts by saying what the grid head says, which its queries carry and its head
    takes out again.

    Layer 0 compares place codes, in rotary dimensions too slow to turn, and looks at the token
    under the cell.
    """
    rms = math.sqrt(
        (LOUD**2 + 2 * CODE + 0.09 * HIDDEN) / HIDDEN
    )  # of a query: what is seen, two codes, the place
    model.lm_head.weight.copy_(cells.grid_head.weight @ cells.seen.weight.T * (rms / LOUD**2))
    text, decoder = model.config.text_config, model.model.language_model
    heads, shared = text.num_attention_heads, text.num_key_value_heads
    width = HIDDEN // heads
    model.get_input_embeddings().weight[:, SEEN : SEEN + 2 * CODE] = 0
    for vector in (model.model.image_newline, model.model.view_separator):
        vector.normal_(0, 0.02)
    attention, half = decoder.layers[0].self_attn, width // 2
    select = torch.zeros(width, HIDDEN)
    for i in range(CODE):  # rotary pairs are (i, i + half); the last ones hardly turn
        select[half - CODE + i, SEEN + i] = sharpness
        select[width - CODE + i, SEEN + CODE + i] = sharpness
    attention.q_proj.weight.copy_(select.repeat(heads, 1))
    attention.k_proj.weight.copy_(select.repeat(shared, 1))
    for name, weight in decoder.named_parameters():
        if "gate_proj" in name or "up_proj" in name:
            weight *= 2.5  # a gated lookup starts at a saddle when both factors are small
        elif "o_proj" in name or "down_proj" in name:
            weight *= quiet
