"""The ledger of a page: what a rung misreads or is not sure of, and never the page's own marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.memories import Open
from support.page_life import ANY_RUNG, RUNGS, SHORT_STUBS, to_rung, to_stubs, turns_with_secret

from optical_memory import ForgettingPolicy, Turn
from optical_memory.counting import count_tokens
from optical_memory.ledger import UNREADABLE, UNSURE, Ledger, LedgerScope, blank, extract
from optical_memory.pages import Page
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.facts.page_ledger import SURE, mark_ranges, page_facts, page_ledger
from optical_memory.session.records import put
from optical_memory.testing import SMALL_GRID, TemplateReader

CELLS = TemplateReader(reads_cells=True).profile
FREE = TemplateReader().profile


def page_of(*texts: str) -> Page:
    turns = [PlacedTurn(Turn("user", text), f"t{i}", 40 + i) for i, text in enumerate(texts)]
    (page,) = PageRenderer(SMALL_GRID).paginate(turns)
    return page


def reading(
    page: Page, doubts: dict[int, float] | None = None, wrong: Sequence[int] = ()
) -> Reading:
    """A reading with these confidences at some places, and wrong signs at others."""
    confidence = np.ones(len(page.text), np.float32)
    for place, p in (doubts or {}).items():
        confidence[place] = p
    text = "".join("#" if i in wrong else char for i, char in enumerate(page.text))
    return Reading(text, confidence)


def ledger_of(page: Page, *readings: Reading, scope: LedgerScope = "auto") -> Ledger:
    by_rung = dict(zip(RUNGS, readings, strict=False))
    return page_ledger(page, by_rung, CELLS, scope=scope)


# ---- what is kept --------------------------------------------------------------------------------


def test_a_page_that_every_rung_reads_right_needs_no_ledger():
    page = page_of("Order QX-2291 leaves on 2026-04-01 for 99.50 EUR.")
    assert ledger_of(page, reading(page), reading(page)).spans == ()


def test_whatever_any_rung_misreads_or_is_not_sure_of_is_kept():
    page = page_of("the reactor makes five megawatts today")
    wrong = page.text.index("reactor")
    doubtful = page.text.index("today")
    first = reading(page, wrong=[wrong])
    second = reading(page, doubts={doubtful: SURE - 0.01})
    spans = ledger_of(page, first, second).spans
    assert [(span.start, span.text, span.kind) for span in spans] == [
        (wrong, "r", UNSURE),
        (doubtful, "t", UNSURE),
    ]


def test_neighbours_become_one_span_since_a_line_of_its_own_costs_more():
    page = page_of("abcdefgh")
    places = [page.text.index(char) for char in "adg"]
    (span,) = ledger_of(page, reading(page, wrong=places)).spans
    assert span.text == "abcdefg"


def test_the_pages_own_marks_are_never_kept():
    page = page_of("hello there", "and here")
    wrong = [i for start, end in mark_ranges(page.layout) for i in range(start, end)]
    assert wrong
    ledger = ledger_of(page, reading(page, wrong=wrong), scope="all")
    assert ledger.spans == ()
    assert page_facts(page) == ()
    assert extract(page.text).spans, "a mark has the shape of a number"


def test_with_the_scope_all_exact_facts_are_kept_too_and_nothing_is_kept_twice():
    page = page_of("ticket QX-2291 is open")
    place = page.text.index("2291")
    spans = ledger_of(page, reading(page, wrong=[place, len(page.text) - 1]), scope="all").spans
    assert [span.text for span in spans] == ["QX-2291", "n"]


def test_a_reader_of_free_text_keeps_all_facts_since_nobody_knows_what_it_misreads():
    page = page_of("ticket QX-2291 is open")
    ledger = page_ledger(page, {"tiny": reading(page, wrong=[5, 6])}, FREE)
    assert [span.text for span in ledger.spans] == ["QX-2291"]


def test_nothing_of_a_forgotten_turn_is_kept():
    page = page_of("ticket QX-2291 is open", "ticket QX-7000 is not")
    first, second = page.layout.spans
    wrong = [first.body, second.body]
    ledger = page_ledger(
        page,
        {"tiny": reading(page, wrong=wrong)},
        CELLS,
        scope="all",
        erased_ranges=[(first.start, first.end)],
        stub_tokens=50,
    )
    assert [span.text for span in ledger.spans] == ["t", "QX-7000"]
    assert [fact.text for fact in ledger.stub_facts] == ["QX-7000"]


@pytest.mark.parametrize(
    "text",
    [
        "הפקודה היא make lint (פעם 4)",  # Latin letters and digits in a run from right to left
        "اكتب v2 ثم Enter",
        "Dial 4\u20e3 then B\u20dd",  # keycap, enclosing circle
        "e\u0301te\u0301 and n\u0303",
        "part\x00two\x1f",
        "表 7 的 p 值",
    ],
)
@pytest.mark.parametrize("reads_cells", [True, False])
def test_signs_that_share_a_cell_with_unreadable_signs_are_kept(
    opened: Open, text: str, reads_cells: bool
):
    policy = ANY_RUNG
    memory = opened(reader=TemplateReader(reads_cells=reads_cells), policy=policy)
    memory.remember([Turn("user", text), *turns_with_secret(30)])
    memory.seal()
    truth = memory.read("0000000").text
    memory.flush()
    for rung in RUNGS:
        to_rung(memory, rung, "0000000")
        page = memory.read("0000000")
        assert page.text == truth
        assert page.share("forgotten") == 0
    kinds = {span.kind for span in memory.inspect("0000000").ledger.spans}
    assert UNREADABLE in kinds


# ---- in a memory ---------------------------------------------------------------------------------


def test_identifiers_are_exact_at_every_rung_however_badly_it_is_read(opened: Open):
    reader = TemplateReader(misread={"small": 0.2, "tiny": 0.4}, reads_cells=True)
    memory = opened(reader=reader, policy=ANY_RUNG)
    memory.remember(turns_with_secret(40))
    memory.seal()
    page = memory.inspect("0000000").page
    assert page is not None
    memory.flush()
    for rung in RUNGS:
        to_rung(memory, rung, "0000000")
        text = memory.read("0000000").text
        for fact in page_facts(page):
            assert text[fact.start : fact.end] == fact.text


def test_the_ledger_is_written_when_the_page_is_certified(opened: Open):
    memory = opened(ledger="all")
    memory.remember(turns_with_secret(20))
    memory.seal()
    assert memory.inspect("0000000").ledger.spans == ()
    assert memory.read("0000000").share("original") == 1
    memory.flush()
    assert memory.inspect("0000000").ledger.spans
    assert memory.pages()[0].n_ledger_tokens == memory.inspect("0000000").ledger.n_tokens > 0


def test_a_certified_reader_keeps_less_than_all(opened: Open):
    memory = opened(reader=TemplateReader(reads_cells=True))
    memory.remember(turns_with_secret(20))
    memory.flush()
    assert memory.pages()[0].n_ledger_tokens == 0
    assert memory.stats().ledger_tokens == 0


# ---- for a stub ----------------------------------------------------------------------------------


def test_a_stub_has_facts_with_the_words_around_them(opened: Open):
    policy = ForgettingPolicy(condense=False, stub_tokens=60)
    memory = opened(reader=TemplateReader(reads_cells=True), policy=policy)
    fact = Turn("user", "As agreed, the code of the gate is HB-4417-QQ since May. Bye.")
    memory.remember([fact, *[Turn("user", "Apples lie beside the pears, uncounted.")] * 40])
    memory.flush()
    assert memory.inspect("0000000").ledger.spans == ()
    to_stubs(memory, "0000000")
    stub = memory.read("0000000")
    assert "of the gate is HB-4417-QQ since May." in stub.text
    assert stub.share("original") == 1
    assert count_tokens(stub.text) <= 60


def test_rare_facts_come_before_facts_that_many_pages_have(opened: Open):
    memory = opened(
        reader=TemplateReader(reads_cells=True),
        policy=replace(SHORT_STUBS, stub_tokens=24),
    )
    common = Turn("user", "Order ZZ-11 is on its way, as it is every week.")
    rare = Turn("user", "The spare key has the number KEY-7734-B.")
    memory.remember([rare, *[common] * 60])
    memory.flush()
    to_stubs(memory, "0000000")
    facts = [span.text for span in memory.inspect("0000000").ledger.spans]
    assert "KEY-7734-B" in " ".join(facts)


def test_a_stub_of_a_page_that_an_older_version_certified_has_no_marks(opened: Open):
    memory = opened(policy=ForgettingPolicy(condense=False, stub_tokens=200))
    memory.remember(turns_with_secret(30))
    memory.seal()
    page = memory.inspect("0000000").page
    assert page is not None
    memory.flush()
    marks = [
        [start, end, "number", page.text[start:end]] for start, end in mark_ranges(page.layout)
    ]
    fact = page_facts(page)[0]
    old = {"v": 1, "spans": sorted([*marks, [fact.start, fact.end, fact.kind, fact.text]])}
    record = memory.inspect("0000000").record.model_copy(update={"ledger": old})
    memory._archive.update(lambda _: ([put(record)], None))
    assert memory.pages()[0].n_ledger_tokens > 0
    assert fact.text in memory.read("0000000").text
    to_stubs(memory, "0000000")
    assert [span.text for span in memory.inspect("0000000").ledger.spans] == [fact.text]


@pytest.mark.parametrize(
    ("text", "never_written"),
    [
        ("the load is 10\u2077 newton", {"107", "10"}),
        ("sum of 4,750 yen", {"4750", "750"}),
        ("CO\u2082 rose by 2\u00bc", {"co2", "21", "2", "4"}),
    ],
)
@pytest.mark.parametrize("reads_cells", [True, False])
def test_a_stub_gives_no_word_as_original_that_was_never_written(
    opened: Open, text: str, never_written: set[str], reads_cells: bool
):
    memory = opened(reader=TemplateReader(reads_cells=reads_cells))
    filler = [Turn("user", "Apples lie beside the pears, uncounted.")] * 40
    memory.remember([Turn("user", text), *filler])
    memory.flush()
    to_stubs(memory, "0000000")
    assert never_written.isdisjoint(memory.read("0000000").text.split())


def test_terms_that_are_not_written_go_with_their_turn():
    page = page_of("the load is 10\u2077 newton", "and the rest is 10\u2077 too")
    ledger = ledger_of(page, reading(page))
    assert [span.text for span in ledger.unwritten] == ["107", "107"]
    first = page.layout.spans[0]
    assert len(blank(ledger, first.start, first.end).unwritten) == 1
    assert Ledger.from_json(ledger.to_json()) == ledger
