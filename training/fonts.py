"""Measure which font suits a slot: how well a code of a few numbers tells its characters apart, by
how much noise.

    python training/fonts.py

Needs Debian's fonts-spleen, fonts-terminus-otb and fonts-dejavu-core.

For the slots of Base (8 x 16 px, 12 numbers) and of Small and Tiny (4 x 8 px, 4 numbers), ASCII and
Latin-1, all characters alike common. `alike`: pairs with the same pixels; `nearest`: mean pixels by
which a character differs from the one most like it (a gray pixel counts in part); then the share
read right with noise on the unit code.
"""

from __future__ import annotations

from pathlib import Path

import freetype
import numpy as np
import torch
from slot_code import fit_code
from torch.nn import functional as F

from optical_memory.readers.pocket.cell_geometry import SLOTS, Slots
from optical_memory.readers.pocket.token_ids import FIRST_CHAR
from optical_memory.renderers.glyphs import cell_ink, fit_ink, native_ink

CHARS = [chr(c) for c in (*range(33, 127), *range(0xA1, 0x100)) if c != 0xAD]
NOISE = (0.05, 0.1, 0.2)
STEPS = 3000
FONTS = Path("/usr/share/fonts")
OUTLINES = {
    "Spleen 8x16": (FONTS / "X11/misc/spleen-8x16.pcf.gz", 16),
    "Terminus 8x16": (FONTS / "opentype/terminus/terminus-normal.otb", 16),
    "DejaVu Sans Mono": (FONTS / "truetype/dejavu/DejaVuSansMono.ttf", 0),
}


def misc_fixed(char: str, slots: Slots) -> np.ndarray:
    return cell_ink(char, 1, slots.width, slots.height)


def unifont(char: str, slots: Slots) -> np.ndarray:
    ink = native_ink(char)
    assert ink is not None
    return fit_ink(ink, slots.height, slots.width)


def outline(name: str, char: str, slots: Slots) -> np.ndarray | None:
    """A font file's glyph: bitmaps as they are, outlines in the largest size that fits; None
    without the character.
    """
    file, height = OUTLINES[name]
    face = freetype.Face(str(file))
    face.set_pixel_sizes(0, height or slots.height * 3 // 4)
    if not face.get_char_index(char) or height > slots.height:
        return None
    face.load_char(char, freetype.FT_LOAD_RENDER | (freetype.FT_LOAD_TARGET_MONO if height else 0))
    return cell_of_bitmap(face.glyph, slots, is_mono=bool(height))


def cell_of_bitmap(glyph: freetype.GlyphSlot, slots: Slots, *, is_mono: bool) -> np.ndarray:
    """(height, width) The glyph in its cell, in 16 shades, the baseline at three quarters."""
    bitmap = glyph.bitmap
    ink = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
    if is_mono:
        ink = np.unpackbits(ink, axis=1) * np.uint8(255)
    top = max(0, slots.height * 3 // 4 - glyph.bitmap_top)
    part = ink[: slots.height - top, : min(bitmap.width, slots.width)]
    x = min(max(0, glyph.bitmap_left), slots.width - part.shape[1])
    cell = np.zeros((slots.height, slots.width), np.uint8)
    cell[top : top + part.shape[0], x : x + part.shape[1]] = part
    return cell // 17 * 17


def measure(name: str, slots: Slots, cells: list[np.ndarray]) -> str:
    """One line of the table."""
    ink = torch.from_numpy(np.stack(cells).reshape(len(cells), -1)).float() / 255
    distances = torch.cdist(ink, ink, p=1).fill_diagonal_(torch.inf)
    n_alike = int((distances == 0).sum()) // 2
    nearest = float(distances.min(1).values.mean())
    shares = " | ".join(f"{share:.4f}" for share in shares_right(slots, 2 * ink - 1))
    return f"| {slots.width} x {slots.height} | {name} | {n_alike} | {nearest:.1f} | {shares} |"


def shares_right(slots: Slots, pixels: torch.Tensor) -> list[float]:
    """The share of `pixels` (characters, height * width) that a code tells apart, by `NOISE`."""
    ids = torch.arange(FIRST_CHAR, FIRST_CHAR + len(pixels))
    torch.manual_seed(0)
    net = fit_code(slots, pixels, ids, -pixels, STEPS)
    shares = []
    with torch.inference_mode():
        code = F.normalize(net(pixels), dim=-1).expand(50, -1, -1)
        for noise in NOISE:
            noisy = code + noise * torch.randn_like(code)
            shares.append(float((net.logits(noisy).argmax(-1) == ids).float().mean()))
    return shares


def cells_by_font(slots: Slots) -> dict[str, list[np.ndarray]]:
    """Every character of the fonts that have all of them and fit the slot."""
    fonts = {
        "misc-fixed": [misc_fixed(char, slots) for char in CHARS],
        "Unifont": [unifont(char, slots) for char in CHARS],
    }
    for name in OUTLINES:
        cells = [outline(name, char, slots) for char in CHARS]
        complete = [cell for cell in cells if cell is not None]
        if len(complete) == len(CHARS):
            fonts[name] = complete
    return fonts


def main() -> None:
    print("| slot | font | alike | nearest | " + " | ".join(f"right at {s}" for s in NOISE) + " |")
    print("|---|---|---|---|---|---|---|")
    for slots in SLOTS:
        for name, cells in cells_by_font(slots).items():
            print(measure(name, slots, cells), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
