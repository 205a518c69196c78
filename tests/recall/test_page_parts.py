"""The best pages that fit go into a window: whole, as an excerpt, or as a picture."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support.window_parts import PNG, page, page_ids, page_parts, text_cost

from optical_memory.counting import count_tokens, image_tokens
from optical_memory.errors import InputError
from optical_memory.recall.assemble import assemble
from optical_memory.recall.context import PagePicture
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Span
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Turn

QUESTION = [Turn("user", "q")]


def test_the_better_page_wins_the_room() -> None:
    pages = [page(1, "alpha " * 50, score=0.2), page(2, "beta " * 50, score=0.9)]
    assert page_ids(assemble(QUESTION, pages, 100)) == ["p2"]
    assert page_ids(assemble(QUESTION, pages[::-1], 100)) == ["p2"]


def test_of_two_pages_with_the_same_score_the_newer_wins_the_room() -> None:
    pages = [page(9, "alpha " * 50), page(10, "beta " * 50)]
    assert page_ids(assemble(QUESTION, pages, 100)) == ["p10"]
    assert page_ids(assemble(QUESTION, pages[::-1], 100)) == ["p10"]


def test_a_page_that_does_not_fit_leaves_room_for_the_next() -> None:
    pages = [page(1, "alpha " * 200, score=0.9), page(2, "beta", score=0.2)]
    assert page_ids(assemble(QUESTION, pages, 100)) == ["p2"]


def test_the_heading_is_paid_for_only_if_a_page_is_there() -> None:
    assert assemble(QUESTION, [page(1, "alpha " * 200)], 100).n_tokens == 1
    with_page = assemble(QUESTION, [page(1, "alpha")], 100)
    assert with_page.n_tokens == text_cost(with_page)


LONG = (
    "filler words go on and on. " * 100
    + "The gate code is 4K7Q2Z. "
    + "more filler of another sort. " * 100
)


def test_a_page_that_does_not_fit_gives_what_the_query_asks_for() -> None:
    context = assemble(QUESTION, [page(1, LONG)], 200, query="gate code?")
    (part,) = page_parts(context)
    assert "4K7Q2Z" in part.text
    assert context.n_tokens == text_cost(context) <= 200


@pytest.mark.parametrize(("budget", "chars"), [(550, 2_000), (300, 800), (150, 300)])
def test_the_longest_excerpt_that_fits_is_taken(budget: int, chars: int) -> None:
    recollection = page(1, LONG)
    (part,) = page_parts(assemble(QUESTION, [recollection], budget, query="gate code?"))
    excerpt = recollection.excerpt("gate code?", chars)
    assert part.text == f"{recollection.provenance}\n{excerpt}\n\n"
    assert chars - 20 < len(excerpt) < chars + 20


def test_a_page_without_a_query_goes_whole_or_not_at_all() -> None:
    assert page_parts(assemble(QUESTION, [page(1, LONG)], 550)) == []
    assert page_ids(assemble(QUESTION, [page(1, LONG)], 5_000)) == ["p1"]


def test_a_picture_costs_what_the_provider_bills_and_brings_its_exact_facts() -> None:
    spans = (
        Span(0, 5, "verified", 1.0),
        Span(5, 11, "original", 1.0),
        Span(11, 14, "reconstructed", 0.7),
    )
    recollection = Recollection("p1", "code 4K7Q2Z ok", spans, "small", 1.0, 9, (), 1)
    pictures = {"p1": PagePicture(640, PNG)}

    def window(budget: int):
        return assemble(
            QUESTION, [recollection], budget, mode="image", pictures=pictures, provider="claude"
        )

    context = window(2_000)
    _, words, picture = context.to_messages()[0]["content"]
    assert words["text"] == "[page 2, read from small, 78 % verified] Exact: 4K7Q2Z\n\n"
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert picture == {"type": "image_url", "image_url": {"url": url}}
    assert context.n_tokens == text_cost(context) + image_tokens(640, "claude")
    assert window(500).n_tokens == 1


def test_a_page_without_a_picture_goes_as_text_among_pictures() -> None:
    pages = [page(1, "looked at"), page(2, "keywords", rung="stub")]
    pictures = {"p1": PagePicture(512, PNG)}
    context = assemble(QUESTION, pages, 2_000, mode="image", pictures=pictures)
    kinds = [part["type"] for part in context.to_messages()[0]["content"]]
    assert kinds == ["text", "text", "image_url", "text"]


def test_in_mode_text_no_picture_is_shown() -> None:
    pictures = {"p1": PagePicture(512, PNG)}
    (part,) = page_parts(assemble(QUESTION, [page(1, "words")], 2_000, pictures=pictures))
    assert part.picture is None


def test_visual_tokens_cost_what_the_decoder_receives_and_have_no_message() -> None:
    visual = VisualTokens(np.zeros((64, 8), np.float32), "pocket", "1", "tiny")
    pictures = {"p1": PagePicture(512, None, visual, n_tokens=73)}
    context = assemble(QUESTION, [page(1, "words")], 500, mode="tokens", pictures=pictures)
    (part,) = page_parts(context)
    assert part.n_tokens == 73 + count_tokens(part.text)
    with pytest.raises(InputError, match="no form in a chat message"):
        context.to_messages()
