"""Measure which font suits a slot: how well a code of a few numbers tells its characters apart, by
how much noise.

python training/fonts.py        # needs Debian's fonts-spleen, fonts-terminus-otb and
fonts-dejavu-core

For the slots of Base (8 x 16 px, 12 numbers) and of Small and Tiny (4 x 8 px, 4 numbers), ASCII and
Latin-1, all characters alike common. `alike`: pairs with the same pixels; `nearest`: mean pixels by
which a character differs from the one most like it (a gray pixel counts in part); then the share
read right with noise on the unit code.
"""

from __future__ import annotations

from pathlib import Path

import freetype
import numpy as np
import start  # type: ignore[import-not-found]  # beside this script
import torch
from torch.nn import functional as F

from optical_memory.readers.pocket.network import FIRST_CHAR, SLOTS, Slots
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
    bitmap = face.glyph.bitmap
    rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
    ink = (
        np.unpackbits(rows, axis=1)[:, : bitmap.width] * np.uint8(255)
        if height
        else rows[:, : bitmap.width]
    )
    cell = np.zeros((slots.height, slots.width), np.uint8)
    top = max(0, slots.height * 3 // 4 - face.glyph.bitmap_top)
    part = ink[: slots.height - top, : slots.width]
    left = min(max(0, face.glyph.bitmap_left), slots.width - part.shape[1])
    cell[top : top + part.shape[0], left : left + part.shape[1]] = part
    return cell // 17 * 17


def measure(name: str, slots: Slots, drawn: list[np.ndarray]) -> str:
    """One line of the table."""
    ink = torch.from_numpy(np.stack(drawn).reshape(len(drawn), -1)).float() / 255
    apart = torch.cdist(ink, ink, p=1).fill_diagonal_(torch.inf)
    pixels, ids = 2 * ink - 1, torch.arange(FIRST_CHAR, FIRST_CHAR + len(drawn))
    torch.manual_seed(0)
    net = start.fit_code(slots, pixels, ids, -pixels, STEPS)
    with torch.inference_mode():
        code = F.normalize(net(pixels), dim=-1).expand(50, -1, -1)
        right = [
            (net.logits(code + s * torch.randn_like(code)).argmax(-1) == ids).float().mean()
            for s in NOISE
        ]
    alike, nearest = int((apart == 0).sum()) // 2, float(apart.min(1).values.mean())
    shares = " | ".join(f"{float(share):.4f}" for share in right)
    return f"| {slots.width} x {slots.height} | {name} | {alike} | {nearest:.1f} | {shares} |"


def main() -> None:
    lines = []
    for slots in SLOTS:
        fonts = {
            "misc-fixed": [misc_fixed(c, slots) for c in CHARS],
            "Unifont": [unifont(c, slots) for c in CHARS],
        }
        for name in OUTLINES:
            drawn = [cell for c in CHARS if (cell := outline(name, c, slots)) is not None]
            fonts |= {name: drawn} if len(drawn) == len(CHARS) else {}
        lines += [measure(name, slots, drawn) for name, drawn in fonts.items()]
    print("| slot | font | alike | nearest | " + " | ".join(f"right at {s}" for s in NOISE) + " |")
    print("\n".join(["|---|---|---|---|---|---|---|", *lines]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
