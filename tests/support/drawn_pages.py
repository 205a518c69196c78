"""Pages of many scripts to draw, and the sides at which they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optical_memory.pages import Grid, Page
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.turns import Turn

SIDES = (512, 640, 1024, 1280)

LATIN_1 = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
READABLE = "".join(map(chr, LATIN_1)) + "–—‘’“”„…•→←€™≤≥≠−│─├└┌┐┘┤"
"""Characters that every bitmap font draws in a way of its own."""

NOT_CHARACTERS = "\ud800\udfff\ue000\uffff\ufdd0"
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
    "Controls": "a\x00b\x1bc\x7f\x85\xad\u200b\u200e\u202e\u2028\ufeff" + NOT_CHARACTERS,
    "Marks": "e\u0301\u0302\u0303\u0304 \u0301 中\u3099 n\u0303 \u20dd",
    "Token": "0123456789abcdef" * 20,
}

"""A text of each script, with its marks, joiners and digits."""


def page_of(*texts: str, grid: Grid | None = None) -> Page:
    """The page that these turns fill, which must be a single page."""
    turns = [PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts)]
    (page,) = paginate(turns, grid or Grid())
    return page


def seal_as_they_come(
    turns: list[PlacedTurn], paginate: Callable[[list[PlacedTurn]], list[Page]]
) -> tuple[list[Page], list[PlacedTurn]]:
    """The pages that are full after each turn, and the turns that are open at the end."""
    full_pages: list[Page] = []
    open_turns: list[PlacedTurn] = []
    for turn in turns:
        open_turns.append(turn)
        pages = paginate(open_turns)[:-1]
        for page in pages:
            open_turns = open_after(page, open_turns)
        full_pages += pages
    return full_pages, open_turns


def open_after(page: Page, open_turns: list[PlacedTurn]) -> list[PlacedTurn]:
    """The turns that are still open once the page is sealed, the last of its turns in part."""
    rest = {turn.id: turn for turn in open_turns}
    for span in page.layout.spans:
        turn = rest.pop(span.turn)
        if span.more:
            rest[turn.id] = replace(turn, offset=turn.offset + span.end - span.body)
    return sorted(rest.values(), key=lambda turn: turn.ordinal)
