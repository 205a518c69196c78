"""The style "sans": proportional text that is laid out once for all sides, loses nothing, and stays
in its rows.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.drawn_pages import seal_as_they_come

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid, Layout, Page
from optical_memory.profiles import V1_LADDER
from optical_memory.renderers import sans
from optical_memory.renderers.cells import escape, kind
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.renderers.renderer import PageRenderer, count_escapes
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.renderers.styles import STYLES
from optical_memory.turns import Turn, body

SMALL = Grid(columns=50, rows=20, text_columns=1, gutter=0, style="sans")  # 24 em a line
READABLE_GRID = sans_grid(512, 85)
SIDES = [rung.side_px for rung in V1_LADDER]
CHARS = st.one_of(
    st.sampled_from(" \n\tab,-(\u00a0\rilWM"),
    st.sampled_from(
        "éßЖλ中カ한กำมीन्שאםعربي٣\u200c\u0301\u064b\u3000😀\x00\ud800\u202e\u0b95\u0bc8ẪṒ⸎\u200a"
    ),
    st.characters(),
)
TEXTS = st.one_of(
    st.text(CHARS, max_size=300), st.text(st.sampled_from("abc de  fgiW\n"), max_size=500)
)
TURNS = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant", "tool"]), TEXTS), max_size=6)
SCRIPTS = {
    "Latin": "Zażółć gęślą jaźń, Ünïcödé ĳ ŉ ẪṒ Ů j|{}[]()",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "Cyrillic": "Съешь же ещё этих мягких булок Ђ Ў",
    "Hebrew": "דג סקרן שָׁלוֹם (עולם) 42!",
    "Arabic": "نص حكيم لَهُ سِرٌّ قاطع ١٢٣ می‌خواهم",
    "Devanagari": "ऋषियों को सताने वाले दुष्ट १२३ क्‍ष",
    "Bengali": "বাংলা ভাষা ১২৩",
    "Tamil": "தமிழ் மொழி கொடு",
    "Thai": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์",
    "Han": "天地玄黃宇宙洪荒 视觉记忆",
    "Kana": "いろはにほへと チリヌルヲ が ｶﾅ",
    "Khmer": "ភាសាខ្មែរ",
    "Signs": "∑ ∮ ⊥ ⌘ ☃ ✓ ♞ ⠇ ╬ ℵ ½ ₿ ⇥ ﷽ → \t ←",
    "Emoji": "😀👍🏽 ❤️ 🇫🇷 1️⃣",
    "Controls": "a\x00b\x1bc\x7f\xad\u200b\u202e\u2028\ufeff\ud800\ue000\uffff",
    "Marks": "e\u0301\u0302\u0303\u0304 \u0301 中\u3099 n\u0303 \u20dd q\u0301\u0302 x\u0323",
}


def place(turns: Sequence[Turn]) -> list[PlacedTurn]:
    return [PlacedTurn(turn, f"t{i}", i + 1) for i, turn in enumerate(turns)]


def page_of(*texts: str, grid: Grid = READABLE_GRID) -> Page:
    (page,) = paginate(place([Turn("user", text) for text in texts]), grid)
    return page


def draw(page: Page, side: int) -> npt.NDArray[np.uint8]:
    return PageRenderer(page.layout.grid).draw(page, side)


def units(text: str, grid: Grid) -> int:
    """The width at which a row's text is drawn, from left to right."""
    return sum(sans.width(atom, cells) for atom, cells in sans.in_order(text, grid.measure))


# ---- layout --------------------------------------------------------------------------------------


@given(TURNS)
@example([Turn("user", "क" * 200)])
@example([Turn("user", "क्" * 200)])
@settings(deadline=None, max_examples=200)
def test_the_bodies_on_the_pages_are_the_turns_exactly(turns: list[Turn]) -> None:
    bodies: dict[str, str] = {}
    for page in paginate(place(turns), SMALL):
        for span in page.layout.spans:
            bodies[span.turn] = bodies.get(span.turn, "") + page.text[span.body : span.end]
    assert bodies == {f"t{i}": body(turn) for i, turn in enumerate(turns)}


@given(TURNS)
@settings(deadline=None, max_examples=200)
def test_rows_stay_in_their_measure_and_are_drawn_as_wide_as_laid_out(turns: list[Turn]) -> None:
    for page in paginate(place(turns), SMALL):
        assert len(page.layout.rows) <= SMALL.rows
        assert len(page.text) == page.layout.n_chars
        for i, (row, line) in enumerate(zip(page.layout.rows, page.lines, strict=True)):
            assert (row.y, row.x, row.chars, row.clusters) == (i, 1, len(line), ())
            assert row.cells <= SMALL.measure == 48
            assert -(-units(line, SMALL) // sans.UNIT) == row.cells


@given(TURNS)
@settings(deadline=None, max_examples=100)
def test_sealing_full_pages_as_they_come_gives_the_same_pages_as_laying_out_everything(
    turns: list[Turn],
) -> None:
    full_pages, open_turns = seal_as_they_come(place(turns), lambda rest: paginate(rest, SMALL))
    assert full_pages + paginate(open_turns, SMALL) == paginate(place(turns), SMALL)


def test_a_layout_names_its_style_in_json_and_those_of_cells_stay_as_they_were() -> None:
    layout = page_of("hello").layout
    assert layout.to_json()["grid"] == [87, 35, 1, 0, "sans"]
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout
    page = page_of("hello", grid=Grid())
    assert page.layout.to_json()["grid"] == [128, 64, 2, 2]
    digest = hashlib.sha256(b'[[128,64,2,2],[[0,0,8,"","1> hello"]]]').hexdigest()
    assert page.digest == f"sha256:{digest}"


def test_words_wrap_where_they_do_not_fit_and_only_wide_characters_are_parted() -> None:
    page = page_of("Щ" * 15 + " " + "Щ" * 15, "中" * 30, grid=SMALL)
    assert page.lines == ("1> " + "Щ" * 15, "Щ" * 15, "2> " + "中" * 22, "中" * 8)


def test_narrow_letters_take_less_room_than_wide_ones() -> None:
    assert [row.cells for row in page_of("i" * 20, "W" * 20).layout.rows] == [14, 41]


def test_a_grid_that_is_too_narrow_for_a_mark_is_refused() -> None:
    with pytest.raises(LayoutError, match="more columns"):
        paginate(place([Turn("user", "hi")]), Grid(16, 6, 1, 0, "sans"))


# ---- ink -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [*SIDES, 176, 777])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_character_of_a_script_leaves_ink_that_is_seen(script: str, side: int) -> None:
    em, band = sans.em_and_band(READABLE_GRID, side)
    for atom, cells in sans.in_order(SCRIPTS[script], READABLE_GRID.measure):
        ink, _, top = sans.glyph(atom, cells, em, 0, band)
        blank = all(unicodedata.category(char) == "Zs" for char in atom)
        assert blank or ink.max(initial=0) >= 51, atom
        assert 0 <= top <= band - len(ink)


def test_every_code_point_is_drawn_or_escaped_or_a_space() -> None:
    for char in map(chr, [*range(0x2600), *range(0x2600, 0xA640, 64), *range(0xA640, 0x10000, 8)]):
        if kind(char) in ("plain", "wide", "mark") and unicodedata.category(char) != "Zs":
            (atom, cells), *_ = sans.in_order(char, 48)
            assert sans.glyph(atom, cells, 11 * 64, 0, 14)[0].any(), hex(ord(char))


@pytest.mark.parametrize(
    "script", ["Arabic", "Devanagari", "Bengali", "Tamil", "Thai", "Marks", "Hebrew", "Khmer"]
)
def test_no_mark_or_joiner_is_lost(script: str) -> None:
    text = SCRIPTS[script]
    whole = draw(page_of(text), 1024)
    for i, char in enumerate(text):
        if unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf"):
            assert (draw(page_of(text[:i] + text[i + 1 :]), 1024) != whole).any(), (i, char)


def test_escapes_are_spelled_out_and_counted() -> None:
    assert count_escapes(page_of("a😀\x07b می\u200cخواهم \u200c")) == 3
    spelled_out = page_of("a" + escape("😀") + escape("\x07") + "b")
    assert (draw(page_of("a😀\x07b"), 640) == draw(spelled_out, 640)).all()


@given(st.text(CHARS, max_size=200), st.sampled_from([*SIDES, 333]))
@settings(deadline=None, max_examples=100)
def test_ink_never_leaves_the_band_of_its_row_nor_touches_the_side_of_the_picture(
    text: str, side: int
) -> None:
    ys, xs = STYLES["sans"].edges(SMALL, side)
    for page in paginate(place([Turn("user", text)]), SMALL):
        image = draw(page, side)
        assert (image[:, [0, -1]] == 255).all()
        for i, row in enumerate(page.layout.rows):
            without_band = image.copy()
            without_band[ys[row.y] : ys[row.y + 1], xs[row.x] : xs[row.x + SMALL.measure]] = 255
            assert (draw(without_row(page, i), side) == without_band).all()


def without_row(page: Page, i: int) -> Page:
    """The page with blanks in place of a row's characters."""
    blank = " " * len(page.lines[i])
    return Page(page.layout, (*page.lines[:i], blank, *page.lines[i + 1 :]))


@pytest.mark.parametrize("side", SIDES)
def test_prose_does_not_touch_the_border_of_the_picture(side: int) -> None:
    page = paginate(place([Turn("user", "Why j(ÅÉ) " * 2000)]), READABLE_GRID)[0]
    image = draw(page, side)
    assert len(page.lines) == READABLE_GRID.rows
    assert all((edge == 255).all() for edge in (image[0], image[-1], image[:, :2], image[:, -2:]))


@pytest.mark.parametrize("side", SIDES)
def test_grays_have_four_bits_and_a_png_gives_the_same_image_back(side: int) -> None:
    image = draw(page_of(*SCRIPTS.values()), side)
    assert (from_png(png_bytes(image)) == image).all()


def test_hebrew_is_drawn_from_right_to_left_after_the_mark() -> None:
    assert "".join(atom for atom, _ in sans.in_order("1> שלום 12", 48)) == "1> 12 םולש"


def test_sides_that_are_too_small_and_lines_that_are_too_low_are_refused() -> None:
    with pytest.raises(LayoutError, match="at 174 px or more"):
        draw(page_of("x"), 173)
    assert draw(page_of("x"), 174).shape == (174, 174)
    with pytest.raises(LayoutError, match="fewer rows"):
        draw(page_of("x", grid=Grid(50, 40, 1, 0, "sans")), 512)


GOLDEN = {  # first 16 hex digits of SHA-256
    512: "bfd0f1e2eb8be811",
    640: "e65f7551a0fe66cd",
    1024: "0ce42ed8aa3d8996",
    1280: "ae247ffeb2bb0023",
}


@pytest.mark.parametrize("side", SIDES)
def test_the_same_page_gives_the_same_pixels_on_every_machine(side: int) -> None:
    scripts = ("Latin", "Greek", "Cyrillic", "Han", "Signs", "Emoji", "Marks")
    page = page_of(*(SCRIPTS[script] for script in scripts))
    assert hashlib.sha256(draw(page, side).tobytes()).hexdigest()[:16] == GOLDEN[side]
