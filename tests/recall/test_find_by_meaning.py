"""Finding by meaning alone: turns that share no word with the question."""

from __future__ import annotations

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import Turn
from optical_memory.search import index as search_index

pytest.importorskip("wordllama")

CAT = Turn("user", "Our kitten caught a disease, feline flu.")
QUESTION = "Which illness did the cat have?"


@pytest.mark.parametrize("look_at_all", [0, search_index.LOOK_AT_ALL])
def test_a_turn_is_found_that_shares_no_word_with_the_question(
    opened: Open, monkeypatch: pytest.MonkeyPatch, look_at_all: int
) -> None:
    monkeypatch.setattr(search_index, "LOOK_AT_ALL", look_at_all)
    memory = opened(semantic="auto", background=False)
    memory.remember([*said(60), CAT, *said(60, first=60)])
    (passage,) = memory.recall(QUESTION, 1)
    assert passage.text == CAT.text
    texts = [message["content"] for message in memory.context(QUESTION, 400).to_messages()]
    assert any(CAT.text in text for text in texts)


def test_without_vectors_it_is_not_found(opened: Open) -> None:
    memory = opened(semantic=None, background=False)
    memory.remember([*said(60), CAT, *said(60, first=60)])
    assert memory.recall(QUESTION, 1) == []


@pytest.mark.parametrize(
    "question", ["Translate good morning into French.", "zeppelin", "thanks, that helps!"]
)
def test_a_question_about_something_else_finds_nothing(opened: Open, question: str) -> None:
    memory = opened(semantic="auto", background=False)
    memory.remember([*said(60), CAT])
    assert memory.recall(question) == []
    assert memory.context(question, 2_000).passages == ()
