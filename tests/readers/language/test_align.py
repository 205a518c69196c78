"""Free text finds its place on a page: rows of the right length, joins from the layout, and doubt
if the alignment had to guess.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optical_memory.certificate import certify_reading
from optical_memory.loaders import example as conversation
from optical_memory.pages import Page
from optical_memory.readers.language.align import fit, unread
from optical_memory.readers.language.decoder import Transcript
from optical_memory.readings import CONFIDENT
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.turns import Turn

GRID = sans_grid(512, 85.0)


def pages_of(*turns: Turn) -> list[Page]:
    placed_turns = [PlacedTurn(turn, f"t{i}", i) for i, turn in enumerate(turns)]
    return PageRenderer(GRID).paginate(placed_turns)


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return pages_of(*conversation().turns[:60])[:8]


def transcript_of(text: str) -> Transcript:
    return Transcript(text, np.full(len(text), 0.99, np.float32), True)


def as_lines(page: Page) -> str:
    return "\n".join(page.lines)


def as_paragraphs(page: Page) -> str:
    rows = zip(page.lines, page.layout.rows, strict=True)
    return "".join(line + (row.join or "") for line, row in rows)


def as_spaced_lines(page: Page) -> str:
    return "\n\n".join(page.lines) + "\n"


@pytest.mark.parametrize(
    "form", [as_lines, as_paragraphs, as_spaced_lines], ids=lambda form: form.__name__
)
def test_a_perfect_reading_fits_exactly_however_its_lines_are_broken(
    form: Callable[[Page], str], pages: list[Page]
) -> None:
    assert pages
    for page in pages:
        reading = fit(transcript_of(form(page)), page.layout)
        assert reading.text == page.text
        assert reading.confidence.min() >= 0.98


def test_a_reading_that_starts_with_blanks_fits_too(pages: list[Page]) -> None:
    page = pages[0]
    assert fit(transcript_of("\n  " + as_lines(page)), page.layout).text == page.text


def test_a_wrong_character_stays_in_its_place(pages: list[Page]) -> None:
    page = pages[0]
    place = next(i for i, char in enumerate(page.text) if i > 200 and char.isalpha())
    wrong = page.text[:place] + "#" + page.text[place + 1 :]
    assert fit(transcript_of(wrong), page.layout).text == wrong


def test_a_lost_line_costs_that_line_only(pages: list[Page]) -> None:
    page = pages[2]
    lines = [line for i, line in enumerate(page.lines) if i != 10]
    reading = fit(transcript_of("\n".join(lines)), page.layout)
    proof = certify_reading("tiny", page.text, reading)
    assert proof.agreement > 1 - 3 * max(map(len, page.lines)) / len(page.text)


def test_where_characters_are_missing_or_too_many_the_row_is_doubtful(pages: list[Page]) -> None:
    page = pages[0]
    row = next(i for i, line in enumerate(page.lines) if len(line) > 40)
    rows = list(zip(page.lines, page.layout.rows, strict=True))
    start = sum(len(line) + len(box.join) for line, box in rows[:row])
    end = start + len(page.lines[row])
    head = page.text[: start + 10]
    tail = page.text[start + 10 :]
    for text in (head + tail[1:], head + "xx" + tail):
        reading = fit(transcript_of(text), page.layout)
        assert len(reading.text) == len(page.text)
        assert (reading.confidence[start:end] < CONFIDENT).all()
        assert certify_reading("tiny", page.text, reading).agreement > 0.95


def test_the_least_sure_character_is_the_one_too_many(pages: list[Page]) -> None:
    page = pages[0]
    place = len(page.lines[0]) // 2
    transcript = transcript_of(page.text[:place] + "x" + page.text[place:])
    transcript.confidence[place] = 0.3
    assert fit(transcript, page.layout).text == page.text


def test_a_gap_is_put_before_the_least_sure_character(pages: list[Page]) -> None:
    page = pages[0]
    place = len(page.lines[0]) // 2
    transcript = transcript_of(page.text[:place] + page.text[place + 1 :])
    transcript.confidence[place] = 0.3
    with_gap = page.text[:place] + "\ufffd" + page.text[place + 1 :]
    assert fit(transcript, page.layout).text == with_gap


def test_an_unread_page_keeps_its_joins_and_nothing_else(pages: list[Page]) -> None:
    reading = unread(pages[0].layout)
    assert len(reading.text) == len(pages[0].text)
    assert set(reading.text) <= {"\ufffd", " ", "\n"}
    is_unread = [char == "\ufffd" for char in reading.text]
    assert any(is_unread)
    assert (reading.confidence[is_unread] == 0).all()


def test_chinese_needs_no_blanks() -> None:
    text = "记忆是把旧的对话画成图片，再从图片里读出来。" * 40
    pages = pages_of(Turn("user", text))
    assert pages
    for page in pages:
        assert fit(transcript_of(as_lines(page)), page.layout).text == page.text
        assert fit(transcript_of(as_paragraphs(page)), page.layout).text == page.text


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=400))
@example("\0")
@example("")
def test_any_text_gives_a_reading_of_the_layouts_length(text: str) -> None:
    (page,) = pages_of(Turn("user", "a few words on a page, and a second line\nof them"))
    reading = fit(transcript_of(text), page.layout)
    assert len(reading.text) == len(reading.confidence) == len(page.text)
    assert ((reading.confidence >= 0) & (reading.confidence <= 1)).all()
