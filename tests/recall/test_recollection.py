"""A recollection says where it comes from and how far to trust it, and gives the passage that
answers.
"""

from __future__ import annotations

import pytest
from support.window_parts import page

from optical_memory.recall.open_turns import open_turn
from optical_memory.recall.recollection import Recollection
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.spans import Span
from optical_memory.turns import Turn


def recollection(text: str, *spans: Span) -> Recollection:
    return Recollection("p", text, spans, "tiny", 1.0, 1, ())


def test_forgotten_passages_and_doubtful_words_are_marked() -> None:
    page = recollection(
        "sure and dubt then lost words here",
        Span(0, 9, "verified", 1),
        Span(9, 13, "reconstructed", 0.3),
        Span(13, 19, "reconstructed", 0.9),
        Span(19, 29, "forgotten", 0),
        Span(29, 34, "original", 1),
    )
    assert page.marked() == "sure and [dubt?] then […] here"
    assert page.marked(9, 18) == "[dubt?] then"
    assert page.certainty == pytest.approx((14 + 4 * 0.3 + 6 * 0.9) / 34)
    assert page.share("forgotten") == pytest.approx(10 / 34)


def test_a_word_is_doubtful_below_a_half() -> None:
    spans = (Span(0, 5, "reconstructed", 0.5), Span(5, 9, "reconstructed", 0.49))
    assert recollection("even odds", *spans).marked() == "even [odds?]"


def test_a_page_without_text_is_certain_of_nothing() -> None:
    assert recollection("").certainty == 0.0
    assert recollection("").share("original") == 0.0


def test_a_page_says_where_it_comes_from() -> None:
    assert page(0, "x", rung=None).provenance == "[page 1, original text]"
    assert page(2, "x").provenance == "[page 3, read from tiny, 100 % verified]"
    stub = "[page 5, faded: only keywords and exact facts remain]"
    assert page(4, "x", rung="stub").provenance == stub


def test_an_excerpt_is_where_most_of_the_query_meets() -> None:
    text = "gate " + "blah blah " * 60 + "the gate code is 4K7Q2Z " + "blah blah " * 60
    excerpt = page(1, text).excerpt("what was the gate code?", chars=100)
    assert "gate code is 4K7Q2Z" in excerpt
    assert excerpt.startswith("… ")
    assert excerpt.endswith(" …")
    assert len(excerpt) <= 125


def test_an_excerpt_without_a_match_is_the_beginning_of_the_page() -> None:
    text = "gate " + "blah blah " * 60
    assert page(1, text).excerpt("something else", chars=50).startswith("gate blah")
    assert page(1, "short").excerpt("short") == "short"


def test_a_letter_by_itself_does_not_move_an_excerpt() -> None:
    text = "some words first " * 10 + "then plan b came " + "and words after it " * 10
    assert page(1, text).excerpt("b", chars=60).startswith("some words first")


def test_open_turns_stand_behind_all_pages_in_their_own_order() -> None:
    snapshot = Snapshot()
    ids = [f"t{n}" for n in range(11)]
    records = [TurnRecord.of(Turn("user", "hello"), id, n) for n, id in enumerate(ids)]
    turns = [open_turn(record, 1.0, snapshot) for record in records]
    in_order = sorted(turns, key=lambda turn: (turn.ordinal, turn.page))
    assert [turn.page for turn in in_order] == [f"turn {id}" for id in ids]
