"""A passage goes in as text, or as the picture of its page if that costs less."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest
from support.window_parts import MONDAY, PNG, passage, text_cost
from support.windows import assemble, frame_cost

from optical_memory.counting import LineCounter, image_tokens
from optical_memory.errors import InputError
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.frame import frame
from optical_memory.recall.window.parts import PagePicture
from optical_memory.recall.window.passage_parts import passage_parts
from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.spans import Span
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Turn

LONG = "many words that cost more than a small picture does. " * 40
SHORT = "few words"


def window(
    passages: list[Recollection],
    pictures: dict[str, PagePicture],
    mode: Mode = "image",
    budget: int = 5_000,
    provider: str = "claude",
) -> Context:
    recent = newest_parts([Turn("user", "q")], budget)
    return assemble(recent, passages, budget, mode=mode, pictures=pictures, provider=provider)


def talk(n: int, words: str, page: str = "p1", score: float = 1.0) -> Recollection:
    return passage(n, ("user", "Ann", words), page=page, score=score, when=MONDAY)


def test_a_bound_is_at_least_the_cost_in_a_frame() -> None:
    passages = [talk(1, SHORT), talk(5, LONG), talk(9, "code\nx = 1\n\n\ny = 2")]
    parts = passage_parts(passages, LineCounter())
    for i, part in enumerate(parts):
        others = passages[:i] + passages[i + 1 :]
        assert part.n_tokens >= frame_cost(passages) - frame_cost(others)
        assert part.text == passages[i].text
        assert (part.page, part.ordinal, part.rung) == ("p1", passages[i].ordinal, "tiny")
        assert part.turns == passages[i].turns


def test_a_picture_costs_what_the_provider_bills_and_brings_its_exact_facts() -> None:
    long_talk = talk(1, f"code 4K7Q2Z ok {LONG}")
    n_chars = len(long_talk.text)
    spans = (
        Span(0, 5, "verified", 1.0),
        Span(5, 11, "original", 1.0),
        Span(11, n_chars, "reconstructed", 0.7),
    )
    context = window([replace(long_talk, spans=spans)], {"p1": PagePicture(448, PNG)})
    words, picture, end = context.to_messages()[0]["content"]
    mark = "[read from tiny, 0 % verified] Exact: 4K7Q2Z"
    assert words["text"].endswith(f"\n[Mon 2023-05-08, 13:56 UTC]\n{mark}\n")
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert picture == {"type": "image_url", "image_url": {"url": url}}
    assert end == {"type": "text", "text": "</recall>\nq"}
    assert context.n_tokens == text_cost(context) + image_tokens(448, "claude")


def test_a_picture_that_costs_more_than_the_text_stays_text() -> None:
    passages = [talk(1, SHORT), talk(5, "other words")]
    context = window(passages, {"p1": PagePicture(448, PNG)})
    assert context.to_messages()[0]["content"] == f"{frame(passages)}\nq"
    assert all(part.picture is None for part in context.passages)


def test_passages_of_a_page_share_its_picture() -> None:
    words = LONG[: len(LONG) // 4]
    passages = [talk(2 * n, f"{n} {words}") for n in range(4)]
    pictures = {"p1": PagePicture(448, PNG)}
    assert window(passages[:1], pictures).passages[0].picture is None
    context = window(passages, pictures)
    (part,) = context.passages
    assert part.picture is not None
    assert part.turns == ("t0", "t2", "t4", "t6")
    assert context.n_tokens == text_cost(context) + image_tokens(448, "claude")


def test_pictures_and_texts_stand_in_the_order_of_the_conversation() -> None:
    passages = [talk(1, "first", "p0"), talk(5, LONG, "p1"), talk(9, "last", "p2")]
    content = window(passages, {"p1": PagePicture(448, PNG)}).to_messages()[0]["content"]
    assert [block["type"] for block in content] == ["text", "image_url", "text"]
    assert "Ann: first" in content[0]["text"]
    assert content[2]["text"].startswith("…\nAnn: last\n")


def test_a_passage_that_goes_on_to_another_page_stays_text() -> None:
    long_talk = talk(1, LONG)
    part = replace(long_talk.parts[0], last_page="p2")
    context = window([replace(long_talk, parts=(part,))], {"p1": PagePicture(448, PNG)})
    assert context.passages[0].picture is None


def test_no_mode_finds_less_than_text() -> None:
    passages = [talk(3 * n, f"{n} {LONG[: 60 * n]}", f"p{n % 3}", 1 / (n + 1)) for n in range(12)]
    pictures = {f"p{n}": PagePicture(448, PNG) for n in range(3)}
    for budget in range(100, 2_500, 150):
        turns: dict[Mode, set[str]] = {}
        for mode in ("text", "image"):
            context = window(passages, pictures, mode, budget)
            assert context.n_tokens <= budget
            turns[mode] = {id for part in context.passages for id in part.turns}
        assert turns["text"] <= turns["image"]


def test_in_mode_text_no_picture_is_shown() -> None:
    context = window([talk(1, LONG)], {"p1": PagePicture(448, PNG)}, "text")
    assert context.passages[0].picture is None


def test_visual_tokens_cost_what_the_decoder_receives_and_have_no_message() -> None:
    visual = VisualTokens(np.zeros((64, 8), np.float32), "pocket", "1", "tiny")
    pictures = {"p1": PagePicture(512, None, visual, n_tokens=73)}
    context = window([talk(1, LONG)], pictures, "tokens")
    (part,) = context.passages
    assert part.picture is not None
    assert part.picture.visual is visual
    as_text = window([talk(1, "")], {}, "text")
    assert 73 < context.n_tokens < 73 + as_text.n_tokens + 60
    with pytest.raises(InputError, match="no form in a chat message"):
        context.to_messages()


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(InputError, match="no price known"):
        window([talk(1, LONG)], {"p1": PagePicture(448, PNG)}, provider="nobody")
