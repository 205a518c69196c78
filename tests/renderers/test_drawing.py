"""Pages become pixels: every character leaves ink, in reading order, the same pixels everywhere."""

from __future__ import annotations

import hashlib
import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_pages import READABLE, SCRIPTS, SIDES, page_of

from optical_memory.errors import LayoutError
from optical_memory.pages import Cluster, Grid, Page, RowBox
from optical_memory.renderers.cells import escape, kind, split_line
from optical_memory.renderers.drawing import Image, draw_cells, draw_page, visual_order
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.renderers.glyphs import cell_ink
from optical_memory.renderers.renderer import PageRenderer, count_escapes

# The last grid has cells of 6 px, no power of two, at 512.
GRIDS = (Grid(), Grid(128, 48, 2, 2), Grid(80, 80, 1))


def row_atoms(row: RowBox, text: str) -> list[tuple[str, int, int]]:
    """(atom, first cell, cells) of a row, from left to right."""
    atoms: list[tuple[str, int, int]] = []
    char = cell = 0
    for cluster in (*row.clusters, Cluster(row.chars, 0, row.cells, 0)):
        atoms += [(text[char + i], cell + i, 1) for i in range(cluster.char - char)]
        char = cluster.char + cluster.chars
        cell = cluster.cell
        for atom, cells in visual_order(text[cluster.char : char]):
            atoms.append((atom, cell, cells))
            cell += cells
        assert cell == cluster.cell + cluster.cells
    return atoms


def undrawn(page: Page, image: Image) -> list[str]:
    """Atoms of the page that left no ink in their own cells, spaces aside."""
    grid = page.layout.grid
    side_px = len(image)
    width, height = cell_size(grid.columns, grid.rows, side_px)
    xs = origins(grid.columns, side_px, width)
    ys = origins(grid.rows, side_px, height)
    atoms_without_ink = []
    for row, text in zip(page.layout.rows, page.lines, strict=True):
        for atom, cell, cells in row_atoms(row, text):
            x = row.x + cell
            spot = image[ys[row.y] : ys[row.y] + height, xs[x] : xs[x + cells - 1] + width]
            if (spot == 255).all() and not all(unicodedata.category(c) == "Zs" for c in atom):
                atoms_without_ink.append(atom)
    return atoms_without_ink


# ---- every character -----------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_character_of_a_script_leaves_ink_in_its_cells(script: str, side: int) -> None:
    for grid in GRIDS:
        page = page_of(SCRIPTS[script], grid=grid)
        assert undrawn(page, draw_page(page, side)) == []


@given(st.text(st.characters(exclude_characters="\n"), max_size=80), st.sampled_from(SIDES))
@settings(deadline=None, max_examples=200)
def test_no_text_at_all_has_undrawn_characters(text: str, side: int) -> None:
    page = page_of(text)
    assert undrawn(page, draw_page(page, side)) == []


def test_every_code_point_is_drawn_or_escaped_or_a_space() -> None:
    for code in range(0x10000):
        char = chr(code)
        if kind(char) in ("plain", "wide", "mark") and unicodedata.category(char) != "Zs":
            assert cell_ink(char, split_line(char).positions[-1], 8, 16).any(), hex(code)


@pytest.mark.parametrize(
    "script", ["Arabic", "Devanagari", "Bengali", "Tamil", "Thai", "Marks", "Hebrew", "Khmer"]
)
def test_no_mark_or_joiner_is_lost_in_its_cluster(script: str) -> None:
    text = SCRIPTS[script]
    whole = draw_page(page_of(text), 1280)
    for i, char in enumerate(text):
        if unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf"):
            assert (draw_page(page_of(text[:i] + text[i + 1 :]), 1280) != whole).any(), (i, char)


def test_escapes_are_visible_and_counted() -> None:
    page = page_of("a😀\x07b می\u200cخواهم \u200c")
    # The first joiner parts two letters; the last joiner has nothing to join.
    assert count_escapes(page) == 3
    spelled_out = page_of(
        "a" + escape("😀") + escape("\x07") + "b می\u200cخواهم " + escape("\u200c")
    )
    assert (PageRenderer().draw(page, 1024) == draw_page(spelled_out, 1024)).all()


# ---- reading order -------------------------------------------------------------------------------


def test_hebrew_is_drawn_from_right_to_left_and_numbers_in_it_from_left_to_right() -> None:
    hebrew = draw_page(page_of("שלום 12"), 1024)
    assert "".join(atom for atom, _ in visual_order("שלום 12")) == "12 םולש"
    latin = draw_page(page_of("12"), 1024)
    # The mark takes 3 cells; then "12" stands leftmost.
    assert (hebrew[:16, 24:40] == latin[:16, 24:40]).all()


def test_brackets_are_mirrored_in_right_to_left_text() -> None:
    assert [atom for atom, _ in visual_order("א(ב)")] == ["(", "ב", ")", "א"]


def test_arabic_letters_join() -> None:
    word = draw_page(page_of("بيت"), 1280)
    apart = draw_page(page_of("ب ي ت"), 1280)
    assert int((word == 0).sum()) != int((apart == 0).sum())


# ---- pixels --------------------------------------------------------------------------------------


def test_text_in_the_bitmap_fonts_is_black_and_white() -> None:
    page = page_of(READABLE.replace("—", ""), "Plain words. " * 40)
    for side in (1024, 1280):
        assert set(np.unique(draw_page(page, side))) == {0, 255}


@pytest.mark.parametrize(
    ("rows", "columns", "side_px"),
    [(17, 40, 640), (17, 40, 701), (17, 40, 1024), (64, 128, 640), (90, 90, 640)],
)
def test_drawing_in_one_blit_gives_the_pixels_of_drawing_cell_by_cell(
    rows: int, columns: int, side_px: int
) -> None:
    chars = random.Random(5).choices(READABLE + " \t", k=rows * columns)
    codes = np.array([ord(char) for char in chars]).reshape(rows, columns)
    width, height = cell_size(columns, rows, side_px)
    plain = np.full((side_px, side_px), 255, np.uint8)
    for row, y in enumerate(origins(rows, side_px, height)):
        for column, x in enumerate(origins(columns, side_px, width)):
            ink = cell_ink(chr(codes[row, column]), 1, width, height)
            plain[y : y + height, x : x + width] = 255 - ink
    assert (draw_cells(codes, side_px) == plain).all()


def test_sides_that_are_too_small_for_the_grid_are_refused_with_the_least_that_fits() -> None:
    with pytest.raises(LayoutError, match="512 px or more"):
        draw_page(page_of("x"), 500)
    assert draw_page(page_of("x"), 777).shape == (777, 777)


BITMAP_SCRIPTS = ("Latin", "Greek", "Cyrillic", "Hebrew", "Han", "Kana", "Signs", "Emoji")
SHAPED_SCRIPTS = ("Arabic", "Devanagari", "Bengali", "Tamil", "Thai", "Khmer")
GOLDEN = {  # first 16 hex digits of SHA-256: of the page in bitmap fonts, and of the shaped page
    512: ("f7ec1b7c5a4c9db2", "1c6674684aac860b"),
    640: ("af06d7aa57a16b3a", "c96364475bede778"),
    1024: ("802f9d5364738922", "a0e71d42563dda5e"),
    1280: ("f442ddb4db0f32eb", "cc420a15b73da4db"),
}


@pytest.mark.parametrize("side", SIDES)
def test_the_same_page_gives_the_same_pixels_on_every_machine(side: int) -> None:
    digests = []
    for scripts in (BITMAP_SCRIPTS, SHAPED_SCRIPTS):
        image = draw_page(page_of(*(SCRIPTS[script] for script in scripts)), side)
        digests.append(hashlib.sha256(image.tobytes()).hexdigest()[:16])
    assert tuple(digests) == GOLDEN[side]
