"""The optical code that a constructed start begins with: the pixels of one slot to a point on a
sphere.

A small network for each kind of slot, found in seconds. The points of different characters lie as
far apart as there is room. `start.py` builds it into pocket's vision tower.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from optical_memory.readers.pocket.cell_geometry import SLOTS, Slots
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.token_ids import FIRST_CHAR, UNKNOWN, VOCAB
from optical_memory.renderers.glyphs import cell_ink

PATCH = 16
"""Side of a patch, in px."""

PIXELS = 222
"""Principal directions of a patch that are kept: a dense patch has ink in 208 of its pixels."""

DENSE_WEIGHT = 50.0
"""Weight of a dense patch in these directions, beside a patch of Base, whose slots have room."""

BANK = 100_000
"""Slots that the slot networks learn from."""

UNITS = {8: 128, 4: 96}
"""Hidden units of the slot network, by the slot's width in px."""

WIDTHS = {8: 12, 4: 4}
"""Length of a code, by the slot's width in px."""

BLUR = {8: 0.15, 4: 0.05}
"""Noise that a code is learned with, by the slot's width: it drives characters apart."""

STRANGERS = "łńőřşţžĀĒŪŉƒƀǅǽȘɐʃ"
"""Some single-cell letters that pocket cannot read: all are UNKNOWN."""


class SlotCode(nn.Module):
    """The pixels of one slot (-1 to 1) to a point on the unit sphere; to zero if they are no such
    slot.
    """

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.into = nn.Linear(slots.width * slots.height, UNITS[slots.width])
        self.out = nn.Linear(UNITS[slots.width], WIDTHS[slots.width])
        self.classes = nn.Parameter(torch.randn(VOCAB, WIDTHS[slots.width]))
        self.sharpness = nn.Parameter(torch.tensor(2.5))

    def forward(self, pixels: Tensor) -> Tensor:
        """(…, height * width) pixels to (…, width of the code)."""
        code: Tensor = self.out(F.gelu(self.into(pixels)))
        return code

    def logits(self, code: Tensor) -> Tensor:
        """(…, width of the code) to (…, vocab)."""
        directions = F.normalize(code, dim=-1)
        class_directions = F.normalize(self.classes, dim=-1)
        logits: Tensor = self.sharpness.exp() * directions @ class_directions.T
        return logits


# ---- slots and patches ---------------------------------------------------------------------------


def slots_of_patch(slots: Slots) -> int:
    return PATCH * PATCH // (slots.width * slots.height)


def join_slots(pixels: Tensor, slots: Slots) -> Tensor:
    """(n, slots of a patch, height * width) to patches (n, 256): undoes `cut_slots`."""
    down = PATCH // slots.height
    across = PATCH // slots.width
    cells = pixels.view(-1, down, across, slots.height, slots.width)
    return cells.transpose(2, 3).reshape(-1, PATCH * PATCH)


def cut_slots(patches: Tensor, slots: Slots) -> Tensor:
    """(n, 256) patches to slots (n * slots of a patch, height * width)."""
    down = PATCH // slots.height
    across = PATCH // slots.width
    cells = patches.view(-1, down, slots.height, across, slots.width).transpose(2, 3)
    return cells.reshape(-1, slots.height * slots.width)


# ---- pixels to learn from ------------------------------------------------------------------------


def glyphs(slots: Slots) -> tuple[Tensor, Tensor]:
    """Pixels (characters, height * width) as the network sees them, and the token ids
    (characters,), of everything that pocket may meet.
    """
    chars = [*CHARSET, *STRANGERS]
    ink = np.stack([cell_ink(c, 1, slots.width, slots.height) * (c != " ") for c in chars])
    is_dense = slots.width == 4
    sign = 1 if is_dense else -1  # the network sees dense pages as negatives
    pixels = torch.from_numpy(ink.reshape(len(chars), -1) / 127.5 - 1).float() * sign
    ids = [FIRST_CHAR + i for i in range(len(CHARSET))] + [UNKNOWN] * len(STRANGERS)
    return pixels, torch.tensor(ids)


def second_moment(slots: Slots, n: int = 4000) -> Tensor:
    """(256, 256) second moment of patches full of characters that are all alike common."""
    pixels, _ = glyphs(slots)
    chars = torch.randint(len(pixels), (n, slots_of_patch(slots)))
    patches = join_slots(pixels[chars], slots)
    return patches.T @ patches / n


def principal_directions() -> Tensor:
    """(256, PIXELS) orthonormal: the directions in which patches differ most."""
    fine, dense = (second_moment(slots) for slots in SLOTS)
    eigenvectors = torch.linalg.eigh((fine + DENSE_WEIGHT * dense).double()).eigenvectors
    return eigenvectors[:, -PIXELS:].float()


def bank(slots: Slots, frequency: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Slots of random patches (n, height * width) and their ids (n,).

    Only the part of a patch in the kept `directions` is left. Half of the characters are drawn as
    often as `frequency` (vocab,) says, half alike.
    """
    pixels, ids = glyphs(slots)
    weight = 0.5 * frequency[ids] / frequency[ids].sum() + 0.5 / len(ids)
    chars = torch.multinomial(weight, BANK, replacement=True).view(-1, slots_of_patch(slots))
    patches = join_slots(pixels[chars], slots)
    return cut_slots(patches @ directions @ directions.T, slots), ids[chars].view(-1)


# ---- fitting -------------------------------------------------------------------------------------


def fit_code(slots: Slots, pixels: Tensor, ids: Tensor, strange: Tensor, steps: int) -> SlotCode:
    """The slot network for slots `pixels` (n, height * width) of characters `ids` (n,).

    It puts them as far apart on the sphere as there is room, and `strange` slots (m, height *
    width) at zero.
    """
    net = SlotCode(slots)
    adam = torch.optim.AdamW(net.parameters(), lr=4e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(adam, 8e-3, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        batch = torch.randint(len(pixels), (768,))
        code = net(pixels[batch])
        strange_code = net(strange[torch.randint(len(strange), (256,))])
        noisy = F.normalize(code, dim=-1) + BLUR[slots.width] * torch.randn_like(code)
        loss = F.cross_entropy(net.logits(noisy), ids[batch])
        length_loss = (code.norm(dim=-1) - 1).square().mean()
        loss = loss + 10 * length_loss + 10 * strange_code.square().sum(-1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        rates.step()
    with torch.no_grad():
        print_fit(slots, net, (pixels, ids), strange_code)
    return net


def print_fit(
    slots: Slots, net: SlotCode, examples: tuple[Tensor, Tensor], strange_code: Tensor
) -> None:
    pixels, ids = examples
    code = net(pixels)
    share = (net.logits(code).argmax(-1) == ids).float().mean()
    length = code.norm(dim=-1)
    print(
        f"slots of {slots.width} px: {share:.4f} of the characters; length {length.mean():.3f} ± "
        f"{length.std():.3f}, of strange slots {strange_code.norm(dim=-1).mean():.3f}",
        flush=True,
    )
