"""A recollection says where it comes from and how far to trust it, and gives the passage that
answers.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.window_parts import page

from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.spans import Span, Status


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


def test_control_characters_are_shown_and_look_like_nothing_forgotten() -> None:
    text = "a\x00b\x1b[0m and \x7f\x85 tab\there"
    whole = recollection(text, Span(0, len(text), "original", 1.0))
    assert whole.marked() == "a\u2400b\u241b[0m and \u2421\\x85 tab\there"
    assert "a\u2400b" in whole.excerpt("tab")
    gap = recollection("a\x00b c", Span(0, 3, "original", 1.0), Span(3, 5, "forgotten", 0.0))
    assert gap.marked() == "a\u2400b[…]"


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


def test_an_excerpt_is_where_a_letter_by_itself_is_asked_for() -> None:
    text = "some words first " * 10 + "then plan b came " + "and words after it " * 10
    assert "plan b came" in page(1, text).excerpt("b", chars=60)


def test_a_passage_says_from_which_pages_and_rungs_it_was_read() -> None:
    parts = (
        PassageTurn("t1", "user", 0, 4, page="p1", rung="tiny", last_page="p2"),
        PassageTurn("t2", "user", 5, 8, page="p2", rung="small"),
        PassageTurn("t3", "user", 9, 12),
    )
    text = "gate and key"
    spans = (Span(0, 12, "verified", 1),)
    talk = Recollection("p1", text, spans, "tiny", 1.0, 3, ("t1", "t2", "t3"), parts=parts)
    assert talk.pages == ("p1", "p2")
    assert talk.rungs == ("tiny", "small")
    assert talk.provenance == "[read from tiny, small, 100 % verified]"
    open_talk = replace(talk, page="turn t3", rung="open", parts=parts[2:])
    assert open_talk.pages == open_talk.rungs == ()
    assert open_talk.provenance == "[original text]"


def test_a_whole_page_is_its_only_page() -> None:
    assert (page(2, "x").pages, page(2, "x").rungs) == (("p2",), ("tiny",))
    assert (page(2, "x", rung=None).pages, page(2, "x", rung=None).rungs) == (("p2",), ())
    open_turn = Recollection("turn t1", "x", (), "open", 1.0, 1, ("t1",))
    assert (open_turn.pages, open_turn.rungs) == ((), ())


def test_a_recollection_says_if_it_has_marks() -> None:
    sure = recollection("sure", Span(0, 4, "reconstructed", 0.5))
    assert (sure.is_doubtful, sure.is_incomplete) == (False, False)
    faded = recollection("dubt", Span(0, 2, "reconstructed", 0.4), Span(2, 4, "forgotten", 0))
    assert (faded.is_doubtful, faded.is_incomplete) == (True, True)


STATUSES = st.sampled_from(["original", "verified", "reconstructed", "forgotten"])


@given(
    st.lists(st.tuples(st.text("ab \n", min_size=1, max_size=5), STATUSES, st.floats(0, 1))),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_a_piece_is_marked_as_the_same_piece_by_itself(
    rows: list[tuple[str, Status, float]], start: int, end: int
) -> None:
    text = ""
    spans: list[Span] = []
    for words, status, p in rows:
        spans.append(Span(len(text), len(text) + len(words), status, p))
        text += words
    whole = recollection(text, *spans)
    first, stop = sorted((min(start, len(text)), min(end, len(text))))
    inside = [span for span in spans if span.end > first and span.start < stop]
    pieces = [
        replace(span, start=max(span.start, first) - first, end=min(span.end, stop) - first)
        for span in inside
    ]
    assert whole.marked(first, stop) == recollection(text[first:stop], *pieces).marked()


def test_an_excerpt_of_a_huge_text_costs_by_its_length() -> None:
    text = "gate request status ok " * 20_000
    start = time.process_time()
    page(1, text).excerpt("gate request status", chars=2_000)
    assert time.process_time() - start < 5  # 0.6 s; with a square of the words it took minutes
