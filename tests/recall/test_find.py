"""Finding: turns on pages and open turns alike, by words, within days, in any state of their
pages.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from support.memories import Open
from support.page_life import RUNGS, SHORT_STUBS, to_rung, to_stubs
from support.shelf_turns import said

from optical_memory import OpticalMemory, Turn
from optical_memory.recall.choose import choose_turns
from optical_memory.recall.find import Finder, TimeLimits
from optical_memory.search import index as search_index

START = datetime(2023, 5, 8, 12, tzinfo=UTC)


def texts(memory: OpticalMemory, question: str, k: int = 5) -> list[str]:
    return [" ".join(passage.text.split()) for passage in memory.recall(question, k)]


def test_turns_on_pages_and_open_turns_are_found_alike(opened: Open) -> None:
    memory = opened()
    memory.remember([Turn("user", "The gate code is 4417."), *said(40)])
    memory.flush()
    memory.remember([Turn("user", "The gate is open."), Turn("user", "Noted.")])
    assert memory.pages()
    assert {"The gate code is 4417.", "The gate is open."} <= set(texts(memory, "Which gate?"))
    assert texts(memory, "Which code?", 1) == ["The gate code is 4417."]
    assert len(memory.recall("Which gate?", 1)) == 1
    assert memory.recall("zeppelin", 5) == []


def test_terms_of_one_letter_are_found(opened: Open) -> None:
    memory = opened(background=False)
    memory.remember([*said(9), Turn("user", "We go with plan b."), *said(9, first=9)])
    assert texts(memory, "b?", 1) == ["We go with plan b."]
    assert texts(memory, "plan b", 1) == ["We go with plan b."]


@pytest.mark.parametrize("question", ["hi", "ok, thanks!", "hello"])
def test_small_talk_is_found_by_who_looks_for_it_and_brings_nothing_into_a_window(
    opened: Open, question: str
) -> None:
    memory = opened(background=False, keep_turns=0)
    memory.remember([Turn("user", "hi there, hello, ok, thanks", id="talk"), *said(60)])
    memory.flush()
    assert memory.recall(question, 1)[0].turns == ("talk",)
    assert not any("hi there" in str(m) for m in memory.context(question, 400).to_messages())


def test_of_two_equal_turns_the_newer_is_first(opened: Open) -> None:
    memory = opened()
    same = "The heron sleeps under the bridge."
    memory.remember([*said(20), Turn("user", same, id="old"), *said(20, first=20)])
    memory.remember([Turn("user", same, id="new"), *said(20, first=40)])
    memory.flush()
    assert [p.turns for p in memory.recall("heron under the bridge", 2)] == [("new",), ("old",)]


@pytest.mark.parametrize("rung", RUNGS)
def test_a_page_is_found_by_every_word_at_every_rung(opened: Open, rung: str) -> None:
    memory = opened()
    memory.remember([Turn("user", "The zeppelin of Ann sleeps.", id="z"), *said(40)])
    memory.flush()
    to_rung(memory, rung, *[page.id for page in memory.pages()])
    for word in ("zeppelin", "Ann", "sleeping"):
        assert memory.recall(word, 1)[0].turns == ("z",)


def test_a_stub_is_found_by_its_keywords_and_what_faded_for_good_is_not(opened: Open) -> None:
    memory = opened(policy=SHORT_STUBS)
    memory.remember(
        [Turn("user", "The zeppelin and the flurbington, the zeppelin.", id="z"), *said(40)]
    )
    memory.flush()
    to_stubs(memory, "0000000")
    keywords = memory.inspect("0000000").record.keywords
    assert keywords
    for keyword in keywords:
        assert "0000000" in [passage.page for passage in memory.recall(keyword, 50)]
    (stub,) = [p for p in memory.recall(keywords[0], 50) if p.page == "0000000"]
    assert stub.rung == "stub"
    memory.fade(capacity=0)
    assert not any(p.page == "0000000" for p in memory.recall(keywords[0], 50))


def test_a_page_that_faded_for_good_is_found_if_its_text_is_kept(opened: Open) -> None:
    memory = opened(retain="text")
    memory.remember([Turn("user", "The zeppelin of Ann sleeps.", id="z"), *said(40)])
    memory.flush()
    memory.fade(capacity=0)
    (passage,) = memory.recall("zeppelin", 1)
    assert (passage.text, passage.turns) == ("The zeppelin of Ann sleeps.", ("z",))
    assert (passage.page, passage.rung) == ("0000000", None)


def test_a_question_about_a_month_or_a_day_finds_the_turns_of_that_time(opened: Open) -> None:
    memory = opened()
    turns = [
        Turn("user", f"Entry number {i} of the diary.", when=START + timedelta(days=3 * i))
        for i in range(60)
    ]
    memory.remember(turns)
    memory.flush()
    passages = memory.recall("What did the diary say in July 2023?", 8)
    assert {part.when.month for p in passages for part in p.parts if part.when} == {7}
    day = START + timedelta(days=60)
    (passage,) = memory.recall(f"What happened on {day:%d %B %Y}?", 1)
    assert passage.parts[0].when == day


def test_limits_of_days_leave_out_turns_before_and_after_and_turns_without_a_time(
    opened: Open,
) -> None:
    memory = opened(background=False)
    turns = [Turn("user", f"Heron number {i}.", when=START + timedelta(days=i)) for i in range(9)]
    memory.remember([*turns, Turn("user", "Heron of no day.")])
    day = START.date()

    def days(after: date | None, before: date | None) -> list[str]:
        passages = memory.recall("heron", 20, after=after, before=before)
        return sorted(p.text for p in passages)

    assert len(days(None, None)) == 10
    assert days(day + timedelta(days=7), None) == ["Heron number 7.", "Heron number 8."]
    assert days(None, day) == ["Heron number 0."]
    inside = days(day + timedelta(days=3), day + timedelta(days=4))
    assert inside == ["Heron number 3.", "Heron number 4."]


def test_a_finder_parses_only_what_has_changed(opened: Open) -> None:
    memory = opened(background=False)
    memory.remember(said(300))
    memory.remember(said(1, first=300))
    finder = Finder()
    old = finder.index(memory._archive.snapshot())
    assert finder.index(memory._archive.snapshot()) is old
    memory.remember(said(1, first=301))
    new = finder.index(memory._archive.snapshot())
    assert (old.n_units, new.n_units) == (301, 302)
    assert len(old.parts) == len(new.parts) == 2
    assert old.parts[0] is new.parts[0]


def test_a_ranking_of_days_that_nobody_spoke_on_is_empty(opened: Open) -> None:
    memory = opened(background=False)
    memory.remember(Turn("user", "heron", when=START))
    limits = TimeLimits(before=START.date() - timedelta(days=1))
    ranking = Finder().rank(memory._archive.snapshot(), "heron", limits)
    assert choose_turns(ranking, 3) == []


def test_days_are_looked_at_before_the_best_units_are_taken(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "LOOK_AT_ALL", 0)
    monkeypatch.setattr(search_index, "BEST_UNITS", 8)
    memory = opened(background=False, semantic=None)
    early = [
        Turn("user", f"the apple pie {i % 7} was apple good", when=START + timedelta(minutes=i))
        for i in range(300)
    ]
    late = Turn("user", "I like an apple, among other things.", when=START + timedelta(days=30))
    memory.remember([*early, late])
    june = (START + timedelta(days=29)).date()
    assert [p.text for p in memory.recall("apple", 1, after=june)] == [late.text]
    assert len(memory.recall("apple", 3, before=START.date())) == 3
    assert memory.recall("apple", 3, after=june + timedelta(days=9)) == []
