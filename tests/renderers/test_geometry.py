"""Cells stand apart, each at its place, and none straddles two patches of the encoder."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_pages import SIDES, page_of

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid
from optical_memory.renderers.drawing import draw_cells, draw_page
from optical_memory.renderers.geometry import PATCH_PX, cell_size, edges, origins


def test_cells_start_at_the_multiple_of_their_pitch_before_or_at_the_nearest_pixel() -> None:
    assert list(origins(128, 512, 4)[:3]) == [0, 4, 8]
    assert list(origins(128, 640, 4)[:7]) == [0, 4, 8, 12, 20, 24, 28]  # every fifth slot is blank
    assert list(origins(48, 1024, 16)[:5]) == [0, 16, 32, 64, 80]
    assert list(origins(90, 640, 7)[:5]) == [0, 7, 14, 21, 28]
    assert list(origins(80, 512, 6)[:5]) == [0, 6, 13, 19, 26]


@given(st.integers(12, 200), st.integers(9, 150), st.integers(200, 1400))
@settings(max_examples=300)
def test_cells_stand_apart_near_their_place_and_on_the_picture(
    columns: int, rows: int, side: int
) -> None:
    if side < max(4 * columns, 6 * rows):
        with pytest.raises(LayoutError):
            cell_size(columns, rows, side)
        return
    for count, pitch in zip((columns, rows), cell_size(columns, rows, side), strict=True):
        starts = origins(count, side, pitch)
        assert starts[0] == 0
        assert (np.diff(starts) >= pitch).all()
        assert starts[-1] + pitch <= side
        assert (abs(starts - np.arange(count) * side / count) < pitch).all()
        if pitch & (pitch - 1) == 0:
            assert (starts // PATCH_PX == (starts + pitch - 1) // PATCH_PX).all()


@pytest.mark.parametrize("side", SIDES)
def test_no_cell_of_a_page_straddles_two_patches_of_the_encoder(side: int) -> None:
    grid = Grid()
    assert (grid.columns, grid.rows) == (128, 64)
    for count, pitch in zip((128, 64), cell_size(128, 64, side), strict=True):
        starts = origins(count, side, pitch)
        assert (starts // 16 == (starts + pitch - 1) // 16).all()


@pytest.mark.parametrize("side", SIDES)
def test_what_is_between_the_cells_is_blank(side: int) -> None:
    image = draw_cells(np.full((64, 128), ord("█")), side)
    width, height = cell_size(128, 64, side)
    between = np.ones_like(image, bool)
    for y, x in product(origins(64, side, height), origins(128, side, width)):
        between[y : y + height, x : x + width] = False
    assert between.any() == (side in (640, 1280))
    assert (image[between] == 255).all()
    assert (image[~between] == 0).any()


def test_one_glyph_stands_in_the_middle_of_its_cell() -> None:
    # A cell has 32 x 64 px of room, and takes a patch of it.
    image = draw_page(page_of("█", grid=Grid(16, 8, 1)), 512)
    ys, xs = np.nonzero(image[:64, 96:128] == 0)
    assert (ys.min(), ys.max()) == (0, 15)  # 5x8 at twice its size
    assert (xs.min(), xs.max()) == (3, 12)


def test_the_edges_of_a_grid_are_its_origins_and_the_side() -> None:
    ys, xs = edges(Grid(), 640)
    assert (len(ys), len(xs)) == (65, 129)
    assert ys[:-1] == origins(64, 640, 8).tolist()
    assert xs[:-1] == origins(128, 640, 4).tolist()
    assert ys[-1] == xs[-1] == 640
