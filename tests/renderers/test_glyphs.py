"""Glyphs of the bitmap fonts: no two characters that a reader must tell apart look alike."""

from __future__ import annotations

import unicodedata
from itertools import product

import numpy as np
import pytest
from support.drawn_pages import READABLE, page_of

from optical_memory.pages import Grid
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.renderers.drawing import draw_page
from optical_memory.renderers.geometry import cell_size
from optical_memory.renderers.glyphs import BITMAP_FONTS, bitmap_font, cell_ink

CELLS = list(product((4, 8, 16), (6, 7, 8, 16)))  # all that a page can have
POCKET_CELLS = sorted({cell_size(Grid().columns, Grid().rows, rung.side_px) for rung in LADDER})

LATIN_GREEK_CYRILLIC = """
AΑА CС EΕ HΗН IΙ KΚК NΝ OΟО PΡ SЅ TΤТ XΧ YΥ ZΖ ΒВ cс eе oοо sѕ xх yу ëё ïї
"""
ALIKE = LATIN_GREEK_CYRILLIC.split()
"""Letters of two or three scripts that misc-fixed draws alike at both sizes that pocket reads."""


def test_the_small_fonts_have_the_ascii_characters() -> None:
    for width, height, name in BITMAP_FONTS:
        glyph = bitmap_font(name).glyph("A")
        assert glyph is not None
        assert glyph.shape == (height, width)


@pytest.mark.parametrize("cell", CELLS)
def test_no_two_readable_characters_look_alike(cell: tuple[int, int]) -> None:
    chars: dict[bytes, str] = {}
    for char in READABLE + "\t":
        first_char = chars.setdefault(cell_ink(char, 1, *cell).tobytes(), char)
        assert first_char == char


def test_pocket_reads_cells_of_two_sizes() -> None:
    assert POCKET_CELLS == [(4, 8), (8, 16)]


@pytest.mark.parametrize("cell", POCKET_CELLS)
def test_no_two_characters_that_pocket_reads_look_alike(cell: tuple[int, int]) -> None:
    looks: dict[bytes, list[str]] = {}
    for char in CHARSET:
        looks.setdefault(cell_ink(char, 1, *cell).tobytes(), []).append(char)
    assert [alike for alike in looks.values() if len(alike) > 1] == []


@pytest.mark.parametrize("cell", POCKET_CELLS)
@pytest.mark.parametrize("alike", ALIKE)
def test_a_tick_tells_greek_and_cyrillic_letters_from_latin_ones(
    alike: str, cell: tuple[int, int]
) -> None:
    inks = [cell_ink(char, 1, *cell) for char in alike]
    assert len({ink.tobytes() for ink in inks}) == len(alike)
    without = {np.pad(ink[:-1], ((0, 1), (0, 0))).tobytes() for ink in inks}
    assert len(without) == 1  # they differ in nothing else


@pytest.mark.parametrize("cell", POCKET_CELLS)
def test_the_lower_corners_of_a_cell_tell_the_script_of_a_letter(cell: tuple[int, int]) -> None:
    ticks = {"GREEK": (255, 0), "CYRILLIC": (0, 255)}
    for char in CHARSET:
        ink = cell_ink(char, 1, *cell)
        script = unicodedata.name(char, "").split()[0] if char.isalpha() else ""
        assert (ink[-1, 0], ink[-1, -1]) == ticks.get(script, (0, 0)), char


@pytest.mark.parametrize("side", [rung.side_px for rung in LADDER])
def test_pages_that_differ_in_the_script_of_a_letter_differ(side: int) -> None:
    images = {draw_page(page_of(f"vitamin {char}"), side).tobytes() for char in "AАΑ"}
    assert len(images) == 3
