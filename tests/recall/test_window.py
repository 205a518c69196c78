"""The contexts that a memory gives: within their budget, in every mode, with the last user turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memories import Open
from support.shelf_turns import said
from support.window_parts import page_parts, text_cost

from optical_memory import OpticalMemory, Turn
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, InputError
from optical_memory.recall.context import Context, Mode, TextPart
from optical_memory.testing import TemplateReader
from optical_memory.turns import Attachment, ToolCall

MODES: tuple[Mode, ...] = ("text", "image", "tokens")
LAST_USER_TURN = "And the weather? " * 4


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory with pages at several rungs, stubs, a tool call and open turns."""
    path = tmp_path_factory.mktemp("full") / "memory.db"
    memory = OpticalMemory(
        "full", store=f"sqlite:///{path}", reader=TemplateReader(), keep_turns=6, capacity=300
    )
    memory.remember(said(200))
    memory.remember(Turn("user", LAST_USER_TURN))
    memory.remember(
        Turn("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Bonn"}', "c1"),))
    )
    memory.remember(Turn("tool", "Rain at first, then sun. " * 6, tool_call_id="c1"))
    memory.flush()
    yield memory
    memory.close()


def text_parts(context: Context) -> list[TextPart]:
    return [part for part in context.parts if isinstance(part, TextPart)]


@settings(max_examples=60, deadline=None)
@given(
    budget=st.integers(0, 900),
    query=st.sampled_from([None, "topic7", "shelf apples", "weather", "zeppelin", ""]),
    mode=st.sampled_from(MODES),
)
def test_no_context_exceeds_its_budget(
    full: OpticalMemory, budget: int, query: str | None, mode: Mode
):
    try:
        context = full.context(query, budget, mode)
    except BudgetTooSmall:
        assert budget < count_tokens(LAST_USER_TURN)
        return
    assert context.n_tokens <= budget
    assert any(part.text == LAST_USER_TURN for part in text_parts(context))
    if mode == "text":
        assert text_cost(context) == context.n_tokens


def test_a_context_shows_pages_as_text_pictures_or_visual_tokens(full: OpticalMemory):
    for mode in MODES:
        pages = page_parts(full.context("topic150", 2_000, mode))
        assert "150" in " ".join(page.text for page in pages)
        pictures = [page.picture for page in pages if page.picture is not None]
        assert bool(pictures) == (mode != "text")
        for picture in pictures:
            assert picture.n_tokens > 0
            assert (picture.png or b"").startswith(b"\x89PNG") == (mode == "image")
            assert (picture.visual is not None) == (mode == "tokens")


def test_the_provider_sets_the_price_of_pictures(full: OpticalMemory):
    costs = {}
    for provider in ("claude", "gemini"):
        context = full.context("topic150", 5_000, "image", provider=provider)
        costs[provider] = [page.n_tokens for page in page_parts(context) if page.picture]
    assert costs["claude"][0] < 1_113 < costs["gemini"][0]


def test_the_page_with_the_beginning_of_a_long_turn_is_not_left_out_because_its_end_is_shown(
    opened: Open,
):
    memory = opened(keep_turns=0)
    password = "The password of the zeppelin is swordfish. "
    memory.remember([*said(3), Turn("user", password + "Blah blah. " * 60, id="long")])
    memory.flush()
    context = memory.context("zeppelin password", 2_000)
    (end,) = text_parts(context)
    assert end.turn is None
    assert "long" in memory.read(memory.pages()[-1].id).turns
    assert "swordfish" in " ".join(page.text for page in page_parts(context))


def test_an_open_turn_shows_its_attachments_as_they_will_stand_on_its_page(opened: Open):
    memory = opened()
    cats = (Attachment("image", "a.png", "two cats"),)
    memory.remember(Turn("user", "look", attachments=cats))
    (part,) = memory.context(budget=100).parts
    (open_turn,) = memory.recall("cats")
    assert part.text == open_turn.text == "look\n[image: two cats <a.png>]"


def test_a_budget_too_small_for_the_last_user_turn_is_an_error_that_says_what_it_needs(
    full: OpticalMemory,
):
    with pytest.raises(
        BudgetTooSmall, match=r"the last user turn needs \d+ tokens, but the budget is 3"
    ):
        full.context("topic7", 3)


def test_a_budget_below_nothing_is_refused(full: OpticalMemory):
    with pytest.raises(InputError, match="-1"):
        full.context("topic7", -1)


def test_recent_turns_leave_two_fifths_of_the_budget_while_there_is_something_to_recall(
    opened: Open,
):
    memory = opened(keep_turns=60)
    memory.remember(said(60))
    newest_cost = count_tokens(said(60)[-1].text)

    def recent_cost() -> int:
        return sum(part.n_tokens for part in text_parts(memory.context("topic1", 400)))

    assert recent_cost() > 400 - 2 * newest_cost
    memory.remember(said(40, first=60))
    memory.flush()
    assert memory.pages()
    # 0.6 of the budget, beside the last user turn
    assert 0.6 * 400 - newest_cost < recent_cost() < 0.6 * 400 + newest_cost


def test_a_context_chooses_from_the_twelve_best_pages(opened: Open):
    memory = opened(keep_turns=0)
    memory.remember(said(300))
    memory.remember([Turn("assistant", f"Bananas only, basket {n}.") for n in range(60)])
    memory.flush()
    assert len(memory.pages()) > 20
    assert len(page_parts(memory.context("apples", 10**5))) == 12
    assert len(page_parts(memory.context(budget=10**5))) == len(memory.pages())


def test_a_context_without_a_query_reads_no_more_pages_than_its_budget_could_hold(opened: Open):
    reader = TemplateReader()
    memory = opened(keep_turns=0, reader=reader)
    memory.remember(said(300))
    memory.flush()
    newest_first = [page.n_text_tokens for page in memory.pages()[::-1]]
    budget = 1_000
    n_inside = len(list(takewhile(lambda total: total < budget, accumulate(newest_first))))
    assert 0 < n_inside < len(newest_first) - 5
    n_decoded = reader.calls["decoded"]
    memory.context(budget=budget)
    assert reader.calls["decoded"] - n_decoded == n_inside + 1


def test_a_context_with_a_query_reads_no_more_pages_than_its_budget_could_hold(opened: Open):
    reader = TemplateReader()
    memory = opened(keep_turns=0, reader=reader)
    memory.remember(said(300))
    memory.flush()
    for budget, n_pages in ((100, 3), (10**5, 12)):
        n_decoded = reader.calls["decoded"]
        memory.context("apples shelf", budget)
        assert reader.calls["decoded"] - n_decoded <= n_pages
