"""Scripts whose letters join, reorder or stack: shaped by HarfBuzz with small Noto fonts, filled by
FreeType.

Knows outline fonts and runs of text; nothing of pages. Widths are in cells of half an em, so that a
run takes the same cells at every size of the page; grays are cut to 4 bits.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil

import freetype
import numpy as np
import uharfbuzz

from optical_memory.renderers.glyphs import FONT_DIR, FREETYPE, Ink

__all__ = [
    "SCRIPTS",
    "Outline",
    "Script",
    "four_bits",
    "joiner_shows",
    "outline",
    "run_cells",
    "run_ink",
    "script_of",
]


@dataclass(frozen=True, slots=True)
class Script:
    """A shaped script: its ISO 15924 tag, font, Unicode ranges, and whether it writes spaces
    between words.
    """

    tag: str
    font: str
    ranges: tuple[tuple[int, int], ...]
    rtl: bool = False
    spaced: bool = True


SCRIPTS = (
    Script("Arab", "NotoSansArabic", ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF)), rtl=True),
    Script("Deva", "NotoSansDevanagari", ((0x900, 0x97F), (0xA8E0, 0xA8FF))),
    Script("Beng", "NotoSansBengali", ((0x980, 0x9FF),)),
    Script("Taml", "NotoSansTamil", ((0xB80, 0xBFF),)),
    Script("Thai", "NotoSansThai", ((0xE00, 0xE7F),), spaced=False),
)

CELLS_PER_EM = 2
WIDEST = 1.5  # how far letters are stretched to fill square cells


@cache
def script_of(char: str) -> Script | None:
    """The shaped script of a letter or mark; None for digits, punctuation and everything that needs
    no shaping.
    """
    if not char or unicodedata.category(char)[0] not in "LM":
        return None
    for script in SCRIPTS:
        if any(low <= ord(char) <= high for low, high in script.ranges) and outline(
            script.font
        ).has(char):
            return script
    return None


_UPRIGHT = freetype.Matrix(0x10000, 0, 0, 0x10000)


class Outline:
    """One outline font, open in HarfBuzz (what goes where) and in FreeType (how it looks)."""

    def __init__(self, name: str) -> None:
        data = (FONT_DIR / f"{name}.ttf").read_bytes()
        self._hb = uharfbuzz.Font(uharfbuzz.Face(data))
        self._ft = freetype.Face(str(FONT_DIR / f"{name}.ttf"))
        self.units: int = self._ft.units_per_EM
        self.space = self._ft.get_char_index(" ")
        self.ascent, self.descent = self._ft.ascender, -self._ft.descender

    def has(self, char: str) -> bool:
        return bool(self._ft.get_char_index(char))

    def shape(self, text: str, script: Script) -> list[tuple[int, int, int, int]]:
        """(glyph, x, y, advance) in visual order, in font units, x from the start of the run."""
        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.direction, buffer.script = "rtl" if script.rtl else "ltr", script.tag
        uharfbuzz.shape(self._hb, buffer)
        placed, pen = [], 0
        for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            placed.append((info.codepoint, pen + at.x_offset, at.y_offset, at.x_advance))
            pen += at.x_advance
        return placed

    def fill(
        self, glyph: int, x_ppem: float, y_ppem: float, dx: float, dy: float
    ) -> tuple[Ink, int, int]:
        """(ink, left, top) of a glyph moved by (dx, dy) px; `left` and `top` as FreeType has them."""
        self._ft.set_char_size(round(x_ppem * 64), round(y_ppem * 64), 72, 72)
        self._ft.set_transform(_UPRIGHT, freetype.Vector(round(dx * 64), round(dy * 64)))
        self._ft.load_glyph(glyph, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_RENDER)
        slot, bitmap = self._ft.glyph, self._ft.glyph.bitmap
        ink = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, max(1, bitmap.pitch))[
            :, : bitmap.width
        ]
        return ink, slot.bitmap_left, slot.bitmap_top


@cache
def outline(name: str) -> Outline:
    return Outline(name)


@lru_cache(maxsize=65536)
def run_cells(text: str, script: Script) -> int:
    """Cells that a run of one script takes: its shaped width in half ems, rounded up."""
    font = outline(script.font)
    advance: int = sum(advance for _, _, _, advance in font.shape(text, script))
    return max(1, ceil(advance * CELLS_PER_EM / font.units))


@lru_cache(maxsize=4096)
def joiner_shows(before: str, joiner: str, after: str, script: Script) -> bool:
    """Whether a zero-width (non-)joiner between two letters changes what is drawn."""
    font = outline(script.font)

    def drawn(text: str) -> list[tuple[int, int, int, int]]:
        return [glyph for glyph in font.shape(text, script) if glyph[3] or glyph[0] != font.space]

    return drawn(before + joiner + after) != drawn(before + after)


def run_ink(text: str, script: Script, width: int, height: int, cells: int) -> Ink:
    """The shaped run drawn into (height, width) px, `cells` cells wide; its darkest pixel is black."""
    font = outline(script.font)
    y_ppem = min(CELLS_PER_EM * width / cells, height * font.units / (font.ascent + font.descent))
    x_ppem = min(CELLS_PER_EM * width / cells, WIDEST * y_ppem)
    baseline = (height + (font.ascent - font.descent) * y_ppem / font.units) / 2
    ink = np.zeros((height, width), np.uint8)
    placed = font.shape(text, script)
    margin = max(0.0, (width - sum(advance for *_, advance in placed) * x_ppem / font.units) / 2)
    with FREETYPE:
        for glyph, x, y, _ in placed:
            dx, dy = margin + x * x_ppem / font.units, y * y_ppem / font.units
            part, left, top = font.fill(glyph, x_ppem, y_ppem, dx, dy + ceil(baseline) - baseline)
            _merge(ink, part, ceil(baseline) - top, left)
    return four_bits(ink)


def _merge(ink: Ink, part: Ink, top: int, left: int) -> None:
    """Keep the darker of the two, moved inside where a glyph would leave the run's cells."""
    left = min(max(left, 0), max(0, ink.shape[1] - part.shape[1]))
    top = min(max(top, 0), max(0, ink.shape[0] - part.shape[0]))
    part = part[: ink.shape[0] - top, : ink.shape[1] - left]
    spot = ink[top : top + part.shape[0], left : left + part.shape[1]]
    np.maximum(spot, part, out=spot)


def four_bits(ink: Ink) -> Ink:
    scaled = ink.astype(np.int64) * 15 // max(1, int(ink.max(initial=0)))
    return (scaled * 17).astype(np.uint8)
