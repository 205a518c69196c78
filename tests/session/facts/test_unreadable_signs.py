"""Signs that the reader cannot read are kept in the page's ledger, whatever else is."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import ANY_TEXT, offsets_of
from support.page_life import RUNGS

from optical_memory import Turn
from optical_memory.ledger import KINDS, UNREADABLE, Ledger, LedgerScope, splice
from optical_memory.pages import Grid, Page
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.facts.page_ledger import page_ledger
from optical_memory.testing import ALPHABET, SMALL_GRID, TemplateReader

READER = TemplateReader(reads_cells=True)
POOR_READER = TemplateReader(misread=dict.fromkeys(RUNGS, 0.2), reads_cells=True)
LARGE_GRID = Grid(columns=500, rows=500, text_columns=1)


def pages_of(text: str, grid: Grid = SMALL_GRID) -> list[Page]:
    return PageRenderer(grid).paginate([PlacedTurn(Turn("user", text), "t", 0)])


def ledger_of(page: Page, scope: LedgerScope = "auto") -> Ledger:
    """All that is kept of a page if no reading has a wrong or doubtful sign."""
    return page_ledger(page, {}, READER.profile, scope=scope)


def reading_of(page: Page, rung_name: str, reader: TemplateReader) -> Reading:
    rung = reader.profile.rung(rung_name)
    image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
    (reading,) = reader.decode(reader.encode([image], rung), [page.layout])
    return reading


def bodies(page: Page, text: str) -> list[str]:
    """The turns of this text of a page, without the page's own marks."""
    return [text[span.body : span.end] for span in page.layout.spans]


def test_signs_that_the_reader_cannot_read_are_kept_over_the_blanks_between_them() -> None:
    (page,) = pages_of("He said 你好 世界 and السلام عليكم 🦊, cafe\u0301 too")
    spans = ledger_of(page).spans
    assert [span.text for span in spans] == ["你好 世界", "السلام عليكم 🦊", "e\u0301"]
    assert {span.kind for span in spans} == {UNREADABLE}
    (plain_page,) = pages_of("plain ascii text\nin two lines")
    assert ledger_of(plain_page).spans == ()


def test_enclosing_marks_are_kept_with_the_sign_that_they_enclose() -> None:
    (page,) = pages_of("dial 7\u20e3, then Q\u20dd")
    assert [span.text for span in ledger_of(page).spans] == ["7\u20e3", "Q\u20dd"]


def test_a_fact_among_unreadable_signs_is_kept_once() -> None:
    (page,) = pages_of("编号 ORD-2024-881 号")
    spans = ledger_of(page, "all").spans
    assert [(span.kind, span.text) for span in spans] == [
        (UNREADABLE, "编号"),
        ("identifier", "ORD-2024-881"),
        (UNREADABLE, "号"),
    ]


@settings(deadline=None)  # the first page loads the fonts, the first ledger the tokenizer
@given(ANY_TEXT)
def test_spans_are_ordered_apart_and_exactly_the_text(text: str) -> None:
    for page in pages_of(text):
        ledger = ledger_of(page, "all")
        spans = ledger.spans
        assert all(page.text[span.start : span.end] == span.text and span.text for span in spans)
        assert all(a.end <= b.start for a, b in pairwise(spans))
        assert {span.kind for span in spans} <= set(KINDS)
        assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger


@settings(deadline=None)
@given(ANY_TEXT, st.sampled_from(["auto", "all"]))
def test_no_character_outside_the_charset_is_left_out(text: str, scope: LedgerScope) -> None:
    for page in pages_of(text):
        outside = {i for i, char in enumerate(page.text) if char not in ALPHABET and char != "\n"}
        assert outside <= offsets_of(ledger_of(page, scope))


@settings(deadline=None)
@given(ANY_TEXT)
def test_a_ledger_repairs_a_reading_that_has_every_span_wrong(text: str) -> None:
    for page in pages_of(text):
        ledger = ledger_of(page, "all")
        misread = list(page.text)
        for span in ledger.spans:
            misread[span.start : span.end] = "~" * (span.end - span.start)
        assert splice("".join(misread), ledger) == page.text


@settings(deadline=None)
@given(ANY_TEXT, st.sampled_from(RUNGS))
def test_the_page_alone_says_which_signs_a_good_reader_cannot_read(
    text: str, rung_name: str
) -> None:
    for page in pages_of(text):
        reading = reading_of(page, rung_name, READER)
        spliced_text = splice(reading.text, ledger_of(page))
        assert bodies(page, spliced_text) == bodies(page, page.text)


@settings(deadline=None)
@given(ANY_TEXT, st.sampled_from(RUNGS))
def test_a_poor_reading_with_its_ledger_is_the_text(text: str, rung_name: str) -> None:
    for page in pages_of(text):
        reading = reading_of(page, rung_name, POOR_READER)
        spliced_text = splice(
            reading.text, page_ledger(page, {rung_name: reading}, POOR_READER.profile)
        )
        assert bodies(page, spliced_text) == bodies(page, page.text)


@pytest.mark.parametrize("seed", ["你", "你 ", "你abc", "e\u0301", "7\u20e3", "\u0301", "ש a1"])
def test_time_grows_no_faster_than_the_text(seed: str) -> None:
    """A page of a hundred thousand characters or more; a quadratic way would take many minutes."""
    text = (seed * 250_000)[:250_000]
    page = max(pages_of(text, LARGE_GRID), key=lambda page: len(page.text))
    assert len(page.text) > 100_000
    start = time.process_time()
    ledger_of(page, "all")
    assert time.process_time() - start < 2  # 0.2-0.8 s of CPU on two busy cores
