"""A page in Noto Sans has the density that it was made for."""

from __future__ import annotations

import pytest

from optical_memory.errors import InputError
from optical_memory.loaders import example
from optical_memory.pages import Grid
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.renderers.sans_grid import prose_chars, sans_grid
from optical_memory.turns import Turn


def prose() -> str:
    """Running text: the long English paragraphs of the bundled conversation."""
    paragraphs = "\n".join(turn.text for turn in example().turns).splitlines()
    return " ".join(
        text for text in paragraphs if len(text) > 60 and text.isascii() and text[0].isalpha()
    )


@pytest.mark.parametrize("density", [45, 65, 85])
def test_a_full_page_of_english_prose_has_the_wanted_density(density: int) -> None:
    grid = sans_grid(512, density)
    *full_pages, _ = paginate([PlacedTurn(Turn("user", prose()), "t0", 1)], grid)
    densities = [page.density_px2_per_char(512) for page in full_pages]
    assert sum(densities) / len(densities) == pytest.approx(density, rel=0.02)
    assert min(page.fill for page in full_pages) > 0.92
    assert 1.2 <= (grid.columns - 1) / 2 / grid.rows <= 1.25


def test_density_and_not_the_side_decides_the_page() -> None:
    assert sans_grid(1024, 340) == sans_grid(512, 85) == Grid(87, 35, 1, 0, "sans")


def test_a_picture_with_room_for_too_few_characters_is_refused() -> None:
    with pytest.raises(InputError, match="hold too few"):
        sans_grid(64, 85)


def test_the_characters_of_a_page_are_its_cells_or_in_noto_sans_about_those_of_its_density() -> (
    None
):
    assert prose_chars(Grid()) == Grid().capacity
    assert prose_chars(sans_grid(512, 85)) == pytest.approx(512 * 512 / 85, rel=0.02)
