"""Pages become pixels: every character leaves ink, in reading order, the same pixels everywhere, stored exactly."""

from __future__ import annotations

import hashlib
import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import CorruptTokens, LayoutError
from optical_memory.pages import Grid, Page
from optical_memory.renderers.cells import escape, kind, split_line
from optical_memory.renderers.drawing import Image, draw_cells, draw_page, origins, visual_order
from optical_memory.renderers.glyphs import BITMAP_FONTS, bitmap_font, cell_ink
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.renderers.pictures import contact_sheet, from_png, png_bytes
from optical_memory.renderers.renderer import PageRenderer, escaped
from optical_memory.turns import Turn

SIDES = (512, 640, 1024, 1280)
TALL = Grid(128, 48, 2, 2)  # cells twice as high as wide or more, in two newspaper columns
SQUARE = Grid(80, 80, 1)
CELLS = sorted({(side // grid.columns, side // grid.rows) for grid in (TALL, SQUARE) for side in SIDES})
READABLE = "".join(map(chr, [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)])) + "–—‘’“”„…•→←€™≤≥≠−│─├└┌┐┘┤"
SCRIPTS = {
    "Latin": "Zażółć gęślą jaźń, Ünïcödé ĳ ŉ",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "Cyrillic": "Съешь же ещё этих мягких булок Ђ Ў",
    "Hebrew": "דג סקרן שָׁלוֹם (עולם) 42!",
    "Arabic": "نص حكيم لَهُ سِرٌّ قاطع ١٢٣ می‌خواهم",
    "Devanagari": "ऋषियों को सताने वाले दुष्ट १२३ क्‍ष",
    "Bengali": "বাংলা ভাষা ১২৩",
    "Tamil": "தமிழ் மொழி கொடு",
    "Thai": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์",
    "Telugu": "తెలుగు భాష",
    "Georgian": "ქართული ენა",
    "Armenian": "Հայերեն լեզու",
    "Han": "天地玄黃宇宙洪荒 视觉记忆",
    "Hangul": "다람쥐 헌 쳇바퀴에 타고파",
    "Kana": "いろはにほへと チリヌルヲ が ｶﾅ",
    "Ethiopic": "ሰላም ለዓለም",
    "Khmer": "ភាសាខ្មែរ",
    "Myanmar": "မြန်မာဘာသာ",
    "Signs": "∑ ∮ ⊥ ⌘ ☃ ✓ ♞ ⠇ ╬ ℵ ½ ₿ ⇥ ﷽",
    "Emoji": "😀👍🏽👩‍👩‍👧 ❤️ 🇫🇷 1️⃣",
    "Controls": "a\x00b\x1bc\x7f\x85\xad\u200b\u200e\u202e\u2028\ufeff\ud800\udfff\ue000\uffff\ufdd0",
    "Marks": "e\u0301\u0302\u0303\u0304 \u0301 中\u3099 n\u0303 \u20dd",
    "Token": "0123456789abcdef" * 20,
}


def page_of(*texts: str, grid: Grid | None = None) -> Page:
    turns = [PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts)]
    (page,) = paginate(turns, grid or TALL)
    return page


def undrawn(page: Page, image: Image) -> list[str]:
    """Atoms of the page that left no ink in their own cells, spaces aside."""
    grid, side = page.layout.grid, len(image)
    xs, ys = [*origins(grid.columns, side), side], [*origins(grid.rows, side), side]
    missing = []
    for row, text in zip(page.layout.rows, page.lines, strict=True):
        parts, char, cell = [], 0, 0
        for cluster in row.clusters:
            parts += [(text[char + i], cell + i, 1) for i in range(cluster.char - char)]
            inner = cluster.cell
            for atom, cells in visual_order(text[cluster.char : cluster.char + cluster.chars]):
                parts.append((atom, inner, cells))
                inner += cells
            char, cell = cluster.char + cluster.chars, cluster.cell + cluster.cells
            assert inner == cell
        parts += [(text[char + i], cell + i, 1) for i in range(row.chars - char)]
        for atom, first, cells in parts:
            left = row.x + first
            spot = image[ys[row.y] : ys[row.y + 1], xs[left] : xs[left + cells]]
            if (spot == 255).all() and not all(unicodedata.category(c) == "Zs" for c in atom):
                missing.append(atom)
    return missing


# ---- every character -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_character_of_a_script_leaves_ink_in_its_cells(script: str, side: int) -> None:
    for grid in (TALL, SQUARE):
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
            assert cell_ink(char, split_line(char).at[-1], 8, 21).any(), hex(code)


@pytest.mark.parametrize("script", ["Arabic", "Devanagari", "Bengali", "Tamil", "Thai", "Marks", "Hebrew", "Khmer"])
def test_no_mark_or_joiner_is_lost_in_its_cluster(script: str) -> None:
    text = SCRIPTS[script]
    whole = draw_page(page_of(text), 1280)
    for i, char in enumerate(text):
        if unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf"):
            assert (draw_page(page_of(text[:i] + text[i + 1 :]), 1280) != whole).any(), (i, char)


def test_escapes_are_visible_and_counted() -> None:
    page = page_of("a😀\x07b می\u200cخواهم \u200c")
    assert escaped(page) == 3  # the first joiner parts two letters, the last one has nothing to join
    picture = PageRenderer().picture(page, 1024)
    assert picture.escaped == 3
    spelled = draw_page(page_of("a" + escape("😀") + escape("\x07") + "b می\u200cخواهم " + escape("\u200c")), 1024)
    assert (picture.image == spelled).all()


@pytest.mark.parametrize("cell", CELLS)
def test_no_two_readable_characters_look_alike(cell: tuple[int, int]) -> None:
    looks: dict[bytes, str] = {}
    for char in READABLE + "\t":
        other = looks.setdefault(cell_ink(char, 1, *cell).tobytes(), char)
        assert other == char


# ---- reading order ---------------------------------------------------------------------------------------------------


def test_hebrew_is_drawn_from_right_to_left_and_numbers_in_it_from_left_to_right() -> None:
    drawn = draw_page(page_of("שלום 12"), 1024)
    assert "".join(atom for atom, _ in visual_order("שלום 12")) == "12 םולש"
    latin = draw_page(page_of("12"), 1024)
    assert (drawn[:21, 24:40] == latin[:21, 24:40]).all()  # the mark takes 3 cells; "12" stands leftmost


def test_brackets_are_mirrored_in_right_to_left_text() -> None:
    assert [atom for atom, _ in visual_order("א(ב)")] == ["(", "ב", ")", "א"]


def test_arabic_letters_join() -> None:
    word = draw_page(page_of("بيت"), 1280)
    apart = draw_page(page_of("ب ي ت"), 1280)
    assert int((word == 0).sum()) != int((apart == 0).sum())


# ---- pixels ----------------------------------------------------------------------------------------------------------


def test_text_in_the_bitmap_fonts_is_black_and_white() -> None:
    page = page_of(READABLE.replace("—", ""), "Plain words. " * 40)
    for side in (1024, 1280):
        assert set(np.unique(draw_page(page, side))) == {0, 255}


def test_the_fast_road_gives_the_pixels_of_cell_by_cell_drawing() -> None:
    rng = random.Random(5)
    codes = np.array([[ord(rng.choice(READABLE + " \t")) for _ in range(40)] for _ in range(17)])
    for side in (640, 701, 1024):
        width, height = side // 40, side // 17
        plain = np.full((side, side), 255, np.uint8)
        for y, top in enumerate(origins(17, side)):
            for x, left in enumerate(origins(40, side)):
                ink = cell_ink(chr(codes[y, x]), 1, width, height)
                plain[top : top + height, left : left + width] = 255 - ink
        assert (draw_cells(codes, side) == plain).all()


def test_cells_start_at_the_nearest_pixel() -> None:
    assert list(origins(48, 1024)[:4]) == [0, 21, 43, 64]
    assert list(origins(128, 512)[:3]) == [0, 4, 8]


def test_one_glyph_stands_in_the_middle_of_its_cell() -> None:
    image = draw_page(page_of("█", grid=Grid(16, 8, 1)), 512)
    ys, xs = np.nonzero(image[:64, 96:128] == 0)
    glyph = cell_ink("█", 1, 32, 64)
    assert (xs.min(), xs.max()) == tuple(np.nonzero(glyph.any(axis=0))[0][[0, -1]])
    assert ys.min() == (64 - 3 * 20) // 2  # 10x20 at three times its size


def test_sides_that_are_too_small_for_the_grid_are_refused_with_the_least_that_fits() -> None:
    with pytest.raises(LayoutError, match="512 px or more"):
        draw_page(page_of("x"), 500)
    assert draw_page(page_of("x"), 777).shape == (777, 777)


def test_the_small_fonts_have_the_ascii_characters() -> None:
    for width, height, name in BITMAP_FONTS:
        glyph = bitmap_font(name).glyph("A")
        assert glyph is not None
        assert glyph.shape == (height, width)


SHAPED = ("Arabic", "Devanagari", "Bengali", "Tamil", "Thai", "Khmer")
GOLDEN = {  # first 16 hex digits of SHA-256: bitmap fonts only, and the page with shaped scripts on it
    512: ("020eeb2931bf7066", "a43625a6cb0518dd"),
    640: ("9f0bc702d08d6b39", "7da88249a06ccc04"),
    1024: ("1225e9fca5e2fc0e", "d13a92846d9e16ba"),
    1280: ("77c4b5eb7dc426e8", "a0e1c0913a0e0b3f"),
}


@pytest.mark.parametrize("side", SIDES)
def test_the_same_page_gives_the_same_pixels_on_every_machine(side: int) -> None:
    bitmaps = page_of(*(SCRIPTS[s] for s in ("Latin", "Greek", "Cyrillic", "Hebrew", "Han", "Kana", "Signs", "Emoji")))
    shaped = page_of(*(SCRIPTS[s] for s in SHAPED))
    digests = [hashlib.sha256(draw_page(page, side).tobytes()).hexdigest()[:16] for page in (bitmaps, shaped)]
    assert tuple(digests) == GOLDEN[side]


# ---- pictures --------------------------------------------------------------------------------------------------------


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


def test_other_grays_and_broken_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 17"):
        png_bytes(np.full((4, 4), 100, np.uint8))
    whole = png_bytes(draw_page(page_of("text"), 512))
    for broken in (b"", b"not a picture", whole[: len(whole) // 2]):
        with pytest.raises(CorruptTokens, match="not a PNG"):
            from_png(broken)


def test_a_contact_sheet_shows_every_picture_whole() -> None:
    images = [draw_page(page_of("fading"), side) for side in SIDES]
    sheet = contact_sheet(images, [f"{side} px" for side in SIDES])
    x = 16
    for image in images:
        assert (sheet[52 : 52 + len(image), x : x + len(image)] == image).all()
        assert (sheet[16:36, x : x + 60] == 0).any()  # its caption
        x += len(image) + 16
