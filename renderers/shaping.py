"""Scripts whose letters join, reorder or stack: shaped by HarfBuzz with small Noto fonts, filled by
FreeType.

Knows outline fonts and runs of text; nothing of pages. Widths are in cells of half an em, so that a
run takes the same cells at every size of the page. Grays are cut to 4 bits.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from typing import NamedTuple

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
    """A shaped script: its ISO 15924 tag, font and Unicode ranges.

    `rtl` says that it runs from right to left, `spaced` that it writes spaces between words.
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

WIDEST = 1.5
"""How far letters are stretched to fill square cells: more, and they are hard to tell apart."""


@cache
def script_of(char: str) -> Script | None:
    """The shaped script of a letter or mark.

    None for digits, punctuation and all other characters that need no shaping.
    """
    if not char or unicodedata.category(char)[0] not in "LM":
        return None
    code = ord(char)
    for script in SCRIPTS:
        in_script = any(low <= code <= high for low, high in script.ranges)
        if in_script and outline(script.font).has(char):
            return script
    return None


class PlacedGlyph(NamedTuple):
    """A glyph of a shaped run, in font units; `x` counts from the start of the run."""

    number: int
    x: int
    y: int
    advance: int


# The identity, in 16.16 fixed point: FreeType wants a matrix to move a glyph by parts of a pixel.
_UPRIGHT = freetype.Matrix(0x10000, 0, 0, 0x10000)


class Outline:
    """One outline font, open in HarfBuzz (where glyphs go) and in FreeType (how they look)."""

    def __init__(self, name: str) -> None:
        file = FONT_DIR / f"{name}.ttf"
        self._hb = uharfbuzz.Font(uharfbuzz.Face(file.read_bytes()))
        self._ft = freetype.Face(str(file))
        self.units: int = self._ft.units_per_EM
        self.space: int = self._ft.get_char_index(" ")
        self.ascent: int = self._ft.ascender
        self.descent: int = -self._ft.descender

    def has(self, char: str) -> bool:
        """The font has a glyph for the character."""
        return bool(self._ft.get_char_index(char))

    def shape(self, text: str, script: Script) -> list[PlacedGlyph]:
        """The glyphs of a run in visual order."""
        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.direction = "rtl" if script.rtl else "ltr"
        buffer.script = script.tag
        uharfbuzz.shape(self._hb, buffer)
        glyphs = []
        pen = 0
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            x = pen + position.x_offset
            glyphs.append(PlacedGlyph(info.codepoint, x, position.y_offset, position.x_advance))
            pen += position.x_advance
        return glyphs

    def fill(
        self, number: int, x_ppem: float, y_ppem: float, dx: float, dy: float
    ) -> tuple[Ink, int, int]:
        """(ink, x, top) of a glyph moved by (dx, dy) px.

        `x` counts px from the pen to the ink, `top` px from the baseline up to the ink's first row.
        Hold `FREETYPE` around it.
        """
        # In 26.6 fixed point; at 72 dpi a point is a pixel.
        self._ft.set_char_size(round(x_ppem * 64), round(y_ppem * 64), 72, 72)
        self._ft.set_transform(_UPRIGHT, freetype.Vector(round(dx * 64), round(dy * 64)))
        self._ft.load_glyph(number, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_RENDER)
        slot = self._ft.glyph
        bitmap = slot.bitmap
        # An empty bitmap has a pitch of 0.
        rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, max(1, bitmap.pitch))
        return rows[:, : bitmap.width], slot.bitmap_left, slot.bitmap_top


@cache
def outline(name: str) -> Outline:
    """The bundled outline font of this file name, opened once."""
    return Outline(name)


@lru_cache(maxsize=65536)
def run_cells(text: str, script: Script) -> int:
    """Cells that a run of one script takes: its shaped width in half ems, rounded up."""
    font = outline(script.font)
    return max(1, ceil(_advance(font.shape(text, script)) * CELLS_PER_EM / font.units))


def _advance(glyphs: list[PlacedGlyph]) -> int:
    return sum(glyph.advance for glyph in glyphs)


@lru_cache(maxsize=4096)
def joiner_shows(letters_before: str, joiner: str, next_letter: str, script: Script) -> bool:
    """True if a zero-width (non-)joiner between two letters changes the glyphs that are drawn."""
    font = outline(script.font)

    def visible_glyphs(text: str) -> list[PlacedGlyph]:
        glyphs = font.shape(text, script)
        return [glyph for glyph in glyphs if glyph.advance or glyph.number != font.space]

    with_joiner = visible_glyphs(letters_before + joiner + next_letter)
    return with_joiner != visible_glyphs(letters_before + next_letter)


def run_ink(text: str, script: Script, width: int, height: int, cells: int) -> Ink:
    """The shaped run drawn into (height, width) px, `cells` cells wide.

    Its darkest pixel is black.
    """
    font = outline(script.font)
    cell_ppem = CELLS_PER_EM * width / cells
    y_ppem = min(cell_ppem, height * font.units / (font.ascent + font.descent))
    x_ppem = min(cell_ppem, WIDEST * y_ppem)
    exact_baseline = (height + (font.ascent - font.descent) * y_ppem / font.units) / 2
    baseline = ceil(exact_baseline)
    glyphs = font.shape(text, script)
    margin = max(0.0, (width - _advance(glyphs) * x_ppem / font.units) / 2)
    ink = np.zeros((height, width), np.uint8)
    with FREETYPE:
        for glyph in glyphs:
            dx = margin + glyph.x * x_ppem / font.units
            dy = glyph.y * y_ppem / font.units + baseline - exact_baseline
            part, x, top = font.fill(glyph.number, x_ppem, y_ppem, dx, dy)
            _merge(ink, part, x, baseline - top)
    return four_bits(ink)


def _merge(ink: Ink, part: Ink, x: int, y: int) -> None:
    """Keep the darker of the two; a glyph that would leave the run's cells is moved inside."""
    height, width = ink.shape
    x = min(max(x, 0), max(0, width - part.shape[1]))
    y = min(max(y, 0), max(0, height - part.shape[0]))
    part = part[: height - y, : width - x]
    spot = ink[y : y + part.shape[0], x : x + part.shape[1]]
    np.maximum(spot, part, out=spot)


def four_bits(ink: Ink) -> Ink:
    """Coverage of 0 to 255 as grays of 4 bits; the darkest pixel becomes black."""
    levels = ink.astype(np.int64) * 15 // max(1, int(ink.max(initial=0)))
    return (levels * 17).astype(np.uint8)
