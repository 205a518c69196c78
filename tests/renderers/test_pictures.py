"""Pictures are stored exactly: a PNG gives the same image back, and broken bytes are told."""

from __future__ import annotations

import numpy as np
import pytest
from support.drawn_pages import SCRIPTS, SIDES, page_of

from optical_memory.errors import CorruptPicture, StoreError
from optical_memory.measure.contact_sheet import contact_sheet
from optical_memory.renderers.drawing import Image, draw_page
from optical_memory.renderers.pictures import from_png, png_bytes


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("script", ["Latin", "Han", "Arabic", "Token"])
def test_a_png_gives_the_same_image_back(script: str, side: int) -> None:
    image = draw_page(page_of(SCRIPTS[script]), side)
    assert (from_png(png_bytes(image)) == image).all()


def test_black_and_white_takes_one_bit_and_grays_take_four() -> None:
    def bit_depth(image: Image) -> int:
        return png_bytes(image)[24]  # of the IHDR chunk

    assert bit_depth(draw_page(page_of("plain"), 1024)) == 1
    assert bit_depth(draw_page(page_of(SCRIPTS["Thai"]), 1024)) == 4


def test_other_grays_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 17"):
        png_bytes(np.full((4, 4), 100, np.uint8))


def test_broken_bytes_are_a_store_error_that_says_so() -> None:
    whole = png_bytes(draw_page(page_of("text"), 512))
    for data in (b"", b"not a picture", whole[: len(whole) // 2]):
        with pytest.raises(CorruptPicture, match="not a PNG") as error:
            from_png(data)
        assert isinstance(error.value, StoreError)


def test_a_contact_sheet_shows_every_picture_whole() -> None:
    images = [draw_page(page_of("fading"), side) for side in SIDES]
    sheet = contact_sheet(images, [f"{side} px" for side in SIDES])
    x = 16
    for image in images:
        assert (sheet[52 : 52 + len(image), x : x + len(image)] == image).all()
        assert (sheet[16:36, x : x + 60] == 0).any()  # its caption
        x += len(image) + 16
