"""Pages become pixels: every character leaves ink, in reading order, the same pixels everywhere,
stored exactly.
"""

from __future__ import annotations

import hashlib
import random
import unicodedata
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.errors import CorruptTokens, LayoutError
from optical_memory.measure.contact_sheet import contact_sheet
from optical_memory.pages import Grid, Page
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.renderers.cells import escape, kind, split_line
from optical_memory.renderers.drawing import Image, draw_cells, draw_page, visual_order
from optical_memory.renderers.geometry import PATCH_PX, cell_size, origins
from optical_memory.renderers.glyphs import BITMAP_FONTS, bitmap_font, cell_ink
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.renderers.renderer import PageRenderer, escaped
from optical_memory.turns import Turn

SIDES = (512, 640, 1024, 1280)
GRIDS = (
    Grid(),
    Grid(128, 48, 2, 2),
    Grid(80, 80, 1),
)  # the last: cells of 6 px, no power of two, at 512
CELLS = list(product((4, 8, 16), (6, 7, 8, 16)))  # all that a page can have
POCKET_CELLS = sorted({cell_size(Grid().columns, Grid().rows, rung.side_px) for rung in LADDER})
READABLE = (
    "".join(map(chr, [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]))
    + "–—‘’“”„…•→←€™≤≥≠−│─├└┌┐┘┤"
)
# Latin, Greek, Cyrillic letters that misc-fixed draws alike at both sizes that pocket reads
ALIKE = [
    "AΑА",
    "CС",
    "EΕ",
    "HΗН",
    "IΙ",
    "KΚК",
    "NΝ",
    "OΟО",
    "PΡ",
    "SЅ",
    "TΤТ",
    "XΧ",
    "YΥ",
    "ZΖ",
    "ΒВ",
]
ALIKE += ["cс", "eе", "oοо", "sѕ", "xх", "yу", "ëё", "ïї"]
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
    (page,) = paginate(turns, grid or Grid())
    return page


def undrawn(page: Page, image: Image) -> list[str]:
    """Atoms of the page that left no ink in their own cells, spaces aside."""
    grid, side = page.layout.grid, len(image)
    width, height = cell_size(grid.columns, grid.rows, side)
    lefts, tops = origins(grid.columns, side, width), origins(grid.rows, side, height)
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
            x, top = row.x + first, tops[row.y]
            spot = image[top : top + height, lefts[x] : lefts[x + cells - 1] + width]
            if (spot == 255).all() and not all(unicodedata.category(c) == "Zs" for c in atom):
                missing.append(atom)
    return missing


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
            assert cell_ink(char, split_line(char).at[-1], 8, 16).any(), hex(code)


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
    assert (
        escaped(page) == 3
    )  # the first joiner parts two letters, the last one has nothing to join
    picture = PageRenderer().picture(page, 1024)
    assert picture.escaped == 3
    spelled = draw_page(
        page_of("a" + escape("😀") + escape("\x07") + "b می\u200cخواهم " + escape("\u200c")), 1024
    )
    assert (picture.image == spelled).all()


@pytest.mark.parametrize("cell", CELLS)
def test_no_two_readable_characters_look_alike(cell: tuple[int, int]) -> None:
    looks: dict[bytes, str] = {}
    for char in READABLE + "\t":
        other = looks.setdefault(cell_ink(char, 1, *cell).tobytes(), char)
        assert other == char


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


# ---- reading order -------------------------------------------------------------------------------


def test_hebrew_is_drawn_from_right_to_left_and_numbers_in_it_from_left_to_right() -> None:
    drawn = draw_page(page_of("שלום 12"), 1024)
    assert "".join(atom for atom, _ in visual_order("שלום 12")) == "12 םולש"
    latin = draw_page(page_of("12"), 1024)
    assert (
        drawn[:16, 24:40] == latin[:16, 24:40]
    ).all()  # the mark takes 3 cells; "12" stands leftmost


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


def test_the_fast_road_gives_the_pixels_of_cell_by_cell_drawing() -> None:
    rng = random.Random(5)
    for rows, columns, side in (
        (17, 40, 640),
        (17, 40, 701),
        (17, 40, 1024),
        (64, 128, 640),
        (90, 90, 640),
    ):
        codes = np.array(
            [[ord(rng.choice(READABLE + " \t")) for _ in range(columns)] for _ in range(rows)]
        )
        width, height = cell_size(columns, rows, side)
        plain = np.full((side, side), 255, np.uint8)
        for y, top in enumerate(origins(rows, side, height)):
            for x, left in enumerate(origins(columns, side, width)):
                ink = cell_ink(chr(codes[y, x]), 1, width, height)
                plain[top : top + height, left : left + width] = 255 - ink
        assert (draw_cells(codes, side) == plain).all()


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
    for top, left in product(origins(64, side, height), origins(128, side, width)):
        between[top : top + height, left : left + width] = False
    assert between.any() == (side in (640, 1280))
    assert (image[between] == 255).all()
    assert (image[~between] == 0).any()


def test_one_glyph_stands_in_the_middle_of_its_cell() -> None:
    image = draw_page(
        page_of("█", grid=Grid(16, 8, 1)), 512
    )  # 32 x 64 px of room, a cell of one patch in it
    ys, xs = np.nonzero(image[:64, 96:128] == 0)
    assert (ys.min(), ys.max()) == (0, 15)  # 5x8 at twice its size
    assert (xs.min(), xs.max()) == (3, 12)


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
    512: ("f7ec1b7c5a4c9db2", "1c6674684aac860b"),
    640: ("af06d7aa57a16b3a", "c96364475bede778"),
    1024: ("802f9d5364738922", "a0e71d42563dda5e"),
    1280: ("f442ddb4db0f32eb", "cc420a15b73da4db"),
}


@pytest.mark.parametrize("side", SIDES)
def test_the_same_page_gives_the_same_pixels_on_every_machine(side: int) -> None:
    bitmaps = page_of(
        *(
            SCRIPTS[s]
            for s in ("Latin", "Greek", "Cyrillic", "Hebrew", "Han", "Kana", "Signs", "Emoji")
        )
    )
    shaped = page_of(*(SCRIPTS[s] for s in SHAPED))
    digests = [
        hashlib.sha256(draw_page(page, side).tobytes()).hexdigest()[:16]
        for page in (bitmaps, shaped)
    ]
    assert tuple(digests) == GOLDEN[side]


# ---- pictures ------------------------------------------------------------------------------------


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
