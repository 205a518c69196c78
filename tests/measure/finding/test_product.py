"""The product in an evaluation: read from faded pictures, or with text in hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from optical_memory import Turn
from optical_memory.loaders import Conversation
from optical_memory.measure.finding.baselines import BASELINES
from optical_memory.measure.finding.methods import methods_for
from optical_memory.measure.finding.product import (
    OpticalMemoryMethod,
    Product,
    message_texts,
    rung_shares,
)
from optical_memory.measure.finding.question_sets import read_question_sets
from optical_memory.testing import TemplateReader

TURNS = tuple(
    Turn(("user", "assistant")[i % 2], f"Parcel PX-{700 + i} waits at gate {i} today.", id=f"m{i}")
    for i in range(160)
)
CONVERSATION = Conversation("parcels", TURNS)


def product(folder: Path, *, has_text: bool = False) -> Product:
    return Product(folder, TemplateReader(), has_text)


def test_pages_fade_over_the_rungs_and_none_is_lost(tmp_path: Path) -> None:
    with product(tmp_path).open(CONVERSATION) as memory:
        shares = rung_shares(memory)

    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert len(shares) >= 3
    assert shares.keys().isdisjoint({"text", "stub", "forgotten"})


def test_with_text_in_hand_nothing_is_certified(tmp_path: Path) -> None:
    with product(tmp_path, has_text=True).open(CONVERSATION) as memory:
        assert rung_shares(memory) == {"text": 1.0}


def test_a_memory_that_is_kept_is_not_made_again(tmp_path: Path) -> None:
    first = product(tmp_path)
    with first.open(CONVERSATION) as memory:
        pages = [(page.id, page.form) for page in memory.pages()]
    reader = TemplateReader()
    with Product(tmp_path, reader).open(CONVERSATION) as memory:
        assert [(page.id, page.form) for page in memory.pages()] == pages
    assert reader.calls["encode"] == reader.calls["certify"] == 0


@pytest.mark.parametrize("has_text", [True, False])
def test_the_window_and_the_ranking_are_those_of_the_public_calls(
    tmp_path: Path, has_text: bool
) -> None:
    with product(tmp_path, has_text=has_text).open(CONVERSATION) as memory:
        method = OpticalMemoryMethod(memory)
        window = method.window("Where is PX-733?", 400)

        assert any("Parcel PX-733 waits at gate 33 today." in text for text in window.texts)
        assert 0 < window.n_tokens <= 400
        assert method.ranking("Where is PX-733?")[0] == "m33"


def test_a_budget_that_nothing_fits_is_an_empty_window(tmp_path: Path) -> None:
    with product(tmp_path, has_text=True).open(CONVERSATION) as memory:
        window = OpticalMemoryMethod(memory).window("Where is PX-733?", 1)
    assert window.n_tokens <= 1


def test_the_texts_of_a_message_are_its_parts_without_pictures() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]
    assert message_texts({"content": parts}) == ["a"]
    assert message_texts({"content": "b"}) == ["b"]
    assert message_texts({"content": None, "tool_calls": []}) == []


def test_calls_are_texts_of_a_message_as_they_stand_in_a_turn() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    assert message_texts({"content": "", "tool_calls": [call]}) == ['=> find({"q": 1})']


def test_all_methods_are_asked_in_turn(tmp_path: Path) -> None:
    baselines = {name: BASELINES[name] for name in ("newest", "bm25")}
    ours = product(tmp_path, has_text=True)

    names = [method.name for method in methods_for(CONVERSATION, ours, baselines)]
    assert names == ["optical-memory", "newest", "bm25"]
    assert [method.name for method in methods_for(CONVERSATION, None, baselines)] == names[1:]


def test_a_window_that_may_stop_is_a_method_of_its_own(tmp_path: Path) -> None:
    ours = product(tmp_path, has_text=True)
    methods = methods_for(CONVERSATION, ours, {}, margins=[math.inf, None])
    windows = {method.name: method.window("Where is PX-733?", 400) for method in methods}

    assert list(windows) == ["optical-memory", "optical-memory, stops"]
    assert windows["optical-memory, stops"].n_tokens <= windows["optical-memory"].n_tokens


def test_a_method_that_finds_by_meaning_says_so(tmp_path: Path) -> None:
    ours = product(tmp_path, has_text=True)
    methods = methods_for(CONVERSATION, ours, {}, settings=[None, "auto"])
    assert [method.name for method in methods] == ["optical-memory", "optical-memory+semantic"]


def test_meaning_is_at_hand_even_if_words_are_asked_first(tmp_path: Path, data_dir: Path) -> None:
    pytest.importorskip("wordllama", reason="finding by meaning needs the extra 'semantic'")
    [questions, *_] = read_question_sets(data_dir / "eval" / "locomo_dev3_corrected.json")
    conversation = Conversation("talk", questions.conversation.turns[:120])
    ours = product(tmp_path, has_text=True)

    methods = methods_for(conversation, ours, {}, settings=[None, "auto"])
    texts = [question.text for question in questions.questions[:5]]
    words, meaning = [[method.window(text, 300) for text in texts] for method in methods]
    assert words != meaning
