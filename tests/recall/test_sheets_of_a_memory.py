"""A memory hands over sheets to a model that is known to read them, and text to all others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shelf_turns import said
from support.window_parts import text_cost

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import InputError
from optical_memory.hosts import accept_images, host_named, refuse_images
from optical_memory.hosts.receipts import RECEIPTS_VARIABLE
from optical_memory.recall.window.context import Mode
from optical_memory.testing import TemplateReader

MODEL = "anthropic:claude-opus-5-5"


@pytest.fixture(autouse=True)
def no_own_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECEIPTS_VARIABLE, str(tmp_path / "none.jsonl"))


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory with pages at several rungs, and open turns."""
    path = tmp_path_factory.mktemp("sheets") / "memory.db"
    memory = OpticalMemory("s", store=f"sqlite:///{path}", reader=TemplateReader(), keep_turns=6)
    memory.remember(said(300))
    memory.remember(Turn("user", "Where are the pears?"))
    memory.flush()
    yield memory
    memory.close()


def test_a_model_that_reads_sheets_gets_more_for_the_same_budget(memory: OpticalMemory):
    claude = host_named("claude-5")
    context = memory.context("apples on the shelf", 1_000, "auto", model=MODEL)
    text = memory.context("apples on the shelf", 1_000)
    assert context.sheets
    assert context.host == "claude-5"
    prices = sum(sheet.n_tokens for sheet in context.sheets)
    assert context.n_tokens == claude.text_tokens(text_cost(context)) + prices
    assert context.n_tokens <= 1_000
    n_turns = len({id for part in context.passages for id in part.turns})
    assert n_turns >= 2 * len({id for part in text.passages for id in part.turns})


@pytest.mark.parametrize("mode", ["auto", "image"])
@pytest.mark.parametrize("model", [None, "llama-4", "gpt-6", "claude-opus-4-8"])
def test_any_other_model_gets_text(memory: OpticalMemory, mode: Mode, model: str | None):
    context = memory.context("apples on the shelf", 1_000, mode, model=model)
    assert context.passages
    assert not context.sheets
    assert not any(part.picture for part in context.passages)


def test_a_host_may_be_named_in_place_of_a_model(memory: OpticalMemory):
    by_name = memory.context("apples on the shelf", 1_000, "auto", host="claude-5")
    by_profile = memory.context("apples on the shelf", 1_000, "auto", host=host_named("claude-5"))
    assert by_name == by_profile
    assert by_name.sheets
    with pytest.raises(InputError, match="no host 'claude-9'"):
        memory.context("apples", mode="auto", host="claude-9")
    with pytest.raises(InputError, match="a host or a provider"):
        memory.context("apples", mode="image", host="claude-5", provider="claude")


def test_a_model_that_refused_a_picture_gets_text_from_then_on(memory: OpticalMemory):
    first = memory.context("apples on the shelf", 1_000, "auto", model=MODEL)
    assert first.sheets
    refuse_images(MODEL, "400: could not process image")
    try:
        again = first.as_text()
        assert again.n_tokens <= 1_000
        assert again.passages
        assert not again.sheets
        assert not memory.context("apples on the shelf", 1_000, "auto", model=MODEL).sheets
    finally:
        accept_images(MODEL)


def test_two_contexts_of_the_same_session_have_the_same_bytes(memory: OpticalMemory):
    contexts = [memory.context("apples", 1_000, "auto", model=MODEL) for _ in range(2)]
    assert contexts[0] == contexts[1]
    assert contexts[0].to_messages() == contexts[1].to_messages()


def test_what_is_forgotten_leaves_the_cache_of_sheets(tmp_path: Path):
    from optical_memory.sheets import sheet

    with OpticalMemory("f", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()) as memory:
        memory.remember(said(300))
        memory.flush()
        for drawn in memory.context("apples", 1_000, "auto", model=MODEL).sheets:
            assert drawn.png
        assert sheet._png.cache_info().currsize
        memory.forget(turn="t3")
        assert not sheet._png.cache_info().currsize
        words = [s.text for s in memory.context("topic3", 1_000, "auto", model=MODEL).sheets]
        assert "topic3." not in " ".join(words)
