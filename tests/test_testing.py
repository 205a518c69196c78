"""The stand-ins for tests keep their word: a template reader reads pages, and misreads as asked."""

from __future__ import annotations

import numpy as np
import pytest
from support.memories import Open

from optical_memory import Turn
from optical_memory.certificate import certify_reading
from optical_memory.errors import ReaderMismatch
from optical_memory.pages import Page
from optical_memory.readings import UNREAD, Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.testing import ALPHABET, SMALL_GRID, SMALL_LADDER, TemplateReader, turn_texts
from optical_memory.tokens import INT8, unpack

PROSE = "The gate code is 4K7Q2Z, and the shelf is full. " * 6


def page_of(text: str) -> Page:
    """The page that this text fills."""
    (page,) = PageRenderer(SMALL_GRID).paginate([PlacedTurn(Turn("user", text), "m1", 1)])
    return page


def read(reader: TemplateReader, page: Page, rung: str, lines: list[int] | None = None) -> Reading:
    """The page, or lines of it, as the reader reads its picture at a rung."""
    step = reader.profile.rung(rung)
    image = PageRenderer(SMALL_GRID).draw(page, step.side_px)
    (tokens,) = reader.encode([image], step)
    page_lines = None if lines is None else [lines]
    (reading,) = reader.decode([unpack(INT8.pack(tokens))], [page.layout], page_lines)
    return reading


@pytest.mark.parametrize("rung", SMALL_LADDER.names)
def test_a_template_reader_reads_what_is_drawn_at_every_rung(rung: str):
    page = page_of(PROSE)
    assert read(TemplateReader(), page, rung).text == page.text


def test_it_reads_every_sign_of_its_alphabet():
    page = page_of(ALPHABET)
    assert read(TemplateReader(), page, "tiny").text == page.text


def test_it_cannot_read_other_characters():
    reading = read(TemplateReader(), page_of("so 中 and é"), "base")
    assert reading.text == f"1> so {UNREAD} and {UNREAD}"
    assert (reading.confidence == 0).sum() == 2


def test_it_misreads_about_the_wanted_share_at_the_rungs_that_are_named():
    page = page_of(PROSE)
    reader = TemplateReader(misread={"tiny": 0.2})
    assert read(reader, page, "large").text == page.text
    reading = read(reader, page, "tiny")
    assert 0.7 < certify_reading("tiny", page.text, reading).agreement < 0.9


def test_it_misreads_the_same_characters_whenever_it_reads_the_same_page():
    page = page_of(PROSE)
    readings = [read(TemplateReader(misread={"tiny": 0.2}), page, "tiny") for _ in range(2)]
    assert readings[0].text == readings[1].text != page.text


def test_it_counts_the_pages_that_it_encodes_and_decodes_and_the_lines_that_it_reads():
    reader = TemplateReader()
    page = page_of(PROSE)
    read(reader, page, "base")
    n_lines = len(page.lines)
    assert reader.calls == {"encoded": 1, "decoded": 1, "lines": n_lines}
    read(reader, page, "base", lines=[0, 2])
    assert reader.calls == {"encoded": 2, "decoded": 2, "lines": n_lines + 2}


def test_it_reads_the_lines_that_are_asked_for_and_leaves_the_others_blank():
    page = page_of(PROSE)
    reading = read(TemplateReader(), page, "base", lines=[0, 2])
    rows = page.layout.rows
    blank_lines = [line if i in (0, 2) else " " * len(line) for i, line in enumerate(page.lines)]
    assert reading.text == Page(page.layout, tuple(blank_lines)).text
    assert (reading.confidence == 0).sum() == sum(
        row.chars for i, row in enumerate(rows) if i not in (0, 2)
    )


def test_it_refuses_pictures_of_another_size_and_tokens_of_another_reader():
    reader = TemplateReader()
    base = reader.profile.rung("base")
    with pytest.raises(ReaderMismatch, match="384 px square"):
        reader.encode([np.zeros((512, 512), np.uint8)], base)
    tokens = reader.encode([np.full((384, 384), 255, np.uint8)], base)
    with pytest.raises(ReaderMismatch, match="template@1"):
        TemplateReader(revision="2").decode(tokens, [page_of("hello").layout])


def test_the_texts_of_turns_come_from_their_pages_and_from_those_still_open(opened: Open):
    turns = [Turn("user", f"Topic {i} is on shelf {i * 3}.", id=f"m{i}") for i in range(60)]
    memory = opened(background=False)
    memory.remember(turns)
    memory.flush()
    assert len(memory.pages()) >= 2
    assert turn_texts(memory) == {turn.id: turn.text for turn in turns}
