"""The contexts that a memory gives: within their budget, in every mode, with the last user turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.memories import Open
from support.shelf_turns import said
from support.window_parts import page_parts, text_cost

from optical_memory import OpticalMemory, Turn
from optical_memory.counting import count_tokens, image_tokens
from optical_memory.errors import BudgetTooSmall, InputError
from optical_memory.pages import Grid
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.recall.window.context import Context, Mode, TextPart
from optical_memory.recall.window.newest import RECENT_SHARE
from optical_memory.testing import TemplateReader
from optical_memory.turns import Attachment, ToolCall

MODES: tuple[Mode, ...] = ("text", "image", "tokens")
BASKETS = ["".join(letters) + "nork" for letters in product("bcdfghjk", repeat=3)]
"""Words of which each is in a single turn; none is a fact that must stay exact."""

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
        context = full.context(query, budget, mode, provider="openai")
    except BudgetTooSmall:
        assert budget < count_tokens(LAST_USER_TURN)
        return
    assert context.n_tokens <= budget
    assert any(part.text == LAST_USER_TURN for part in text_parts(context))
    if mode == "text":
        assert text_cost(context) == context.n_tokens


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory with full-size pages: a picture of them costs less than their text."""
    path = tmp_path_factory.mktemp("dense") / "memory.db"
    reader = TemplateReader(grid=Grid(), ladder=LADDER)
    memory = OpticalMemory("dense", store=f"sqlite:///{path}", reader=reader, keep_turns=0)
    memory.remember(
        [
            Turn("user", f"The apples of {word} are beside the pears on the shelf.")
            for word in BASKETS
        ]
    )
    memory.flush()
    yield memory
    memory.close()


def test_a_context_shows_pages_as_text_pictures_or_visual_tokens(dense: OpticalMemory):
    for mode in MODES:
        passages = page_parts(dense.context("apples on the shelf", 12_000, mode, provider="openai"))
        assert BASKETS[150] in " ".join(part.passage.text for part in passages)
        pictures = [part.picture for part in passages if part.picture is not None]
        assert bool(pictures) == (mode != "text")
        for picture in pictures:
            assert picture.n_tokens > 0
            assert (picture.png or b"").startswith(b"\x89PNG") == (mode == "image")
            assert (picture.visual is not None) == (mode == "tokens")


def test_a_passage_is_text_if_that_costs_less_than_the_picture_of_its_page(dense: OpticalMemory):
    for mode in MODES:
        context = dense.context(BASKETS[150], 12_000, mode, provider="openai")
        assert any(BASKETS[150] in part.text for part in page_parts(context))
        assert not any(part.picture for part in page_parts(context))


def test_the_provider_sets_the_price_of_pictures(dense: OpticalMemory):
    costs = {}
    for provider in ("openai", "gemini"):
        context = dense.context("apples on the shelf", 12_000, "image", provider=provider)
        pictures = [part for part in page_parts(context) if part.picture]
        costs[provider] = {part.page: part.n_tokens for part in pictures}
        assert all(image_tokens(p.picture.side_px, provider) <= p.n_tokens for p in pictures)
        assert context.n_tokens <= 12_000
    common = costs["openai"].keys() & costs["gemini"].keys()
    assert common
    assert all(costs["openai"][page] < 1_113 <= costs["gemini"][page] for page in common)


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


def test_recent_turns_leave_nine_tenths_of_the_budget_to_passages_if_there_is_a_question(
    opened: Open,
):
    memory = opened(keep_turns=60)
    memory.remember(said(60))
    newest_cost = count_tokens(said(60)[-1].text)

    def recent_cost(query: str | None) -> int:
        return sum(part.n_tokens for part in text_parts(memory.context(query, 400)))

    assert recent_cost(None) > 400 - 2 * newest_cost
    for _ in ("open", "on pages"):
        # the share of the budget, beside the last user turn
        limit = newest_cost + RECENT_SHARE * (400 - newest_cost)
        assert limit - newest_cost < recent_cost("topic1") <= limit
        memory.remember(said(40, first=60))
        memory.flush()
    assert memory.pages()


def test_a_turn_in_the_window_and_the_question_itself_are_not_recalled(opened: Open):
    memory = opened(keep_turns=20)
    memory.remember(
        [*said(60), Turn("user", "Where is topic58, beside the apples?", id="question")]
    )
    memory.flush()
    context = memory.context("Where is topic58, beside the apples?", 1_000)
    recent_ids = {part.turn for part in text_parts(context)}
    recalled_ids = {id for part in page_parts(context) for id in part.turns}
    assert "question" in recent_ids
    assert not recent_ids & recalled_ids
    assert recalled_ids


def test_a_context_takes_from_all_pages_and_stops_where_nothing_is_relevant(opened: Open):
    memory = opened(keep_turns=0)
    memory.remember(said(300))
    memory.remember([Turn("assistant", f"Bananas only, basket {n}.") for n in range(60)])
    memory.flush()
    assert len(memory.pages()) > 20
    parts = page_parts(memory.context("apples", 10**5, margin=3.5))
    ids = {id for part in parts for id in part.turns}
    assert {f"t{n}" for n in range(300)} <= ids
    assert not ids & {f"t{n}" for n in range(310, 360)}
    everything = memory.context(budget=10**5)
    pages = {page for part in page_parts(everything) for page in part.passage.pages}
    assert pages == {page.id for page in memory.pages()}


@pytest.mark.parametrize("query", [None, "apples shelf"])
@pytest.mark.parametrize("budget", [100, 400, 1_000, 3_000])
def test_a_context_reads_the_rows_of_its_passages_only(
    opened: Open, query: str | None, budget: int
):
    reader = TemplateReader()
    memory = opened(keep_turns=0, reader=reader)
    memory.remember(said(300))
    memory.flush()
    calls = dict(reader.calls)
    context = memory.context(query, budget)
    passages = [part.passage for part in page_parts(context)]
    n_pages = len({page for passage in passages for page in passage.pages})
    assert reader.calls["decoded"] - calls["decoded"] <= n_pages + 1
    turns = [id for passage in passages for id in passage.turns]
    rows_of_a_turn = 2
    chunk_rows = 4 * n_pages  # rows that share a checksum with a turn
    n_rows = reader.calls["lines"] - calls["lines"]
    assert n_rows <= rows_of_a_turn * (len(turns) + 2) + chunk_rows + 8


@pytest.mark.parametrize("name", [None, "Bartholomew-Maximilian Featherstonehaugh"])
@pytest.mark.parametrize("query", [None, "heron"])
def test_a_budget_is_used_also_if_names_and_times_cost_more_than_the_words(
    opened: Open, name: str | None, query: str | None
):
    memory = opened(keep_turns=0)
    start = datetime(2023, 1, 1, tzinfo=UTC)
    memory.remember(
        [Turn("user", "ok heron", name, when=start + timedelta(days=3 * i)) for i in range(300)]
    )
    memory.flush()
    for budget in (400, 1_000, 3_000):
        context = memory.context(query, budget)
        assert 0.75 * budget < context.n_tokens <= budget
        assert context.passages or budget == 400


def test_what_the_whole_history_costs_stands_beside_the_cost_of_the_window(opened: Open):
    memory = opened(keep_turns=5)
    memory.remember(said(60))
    memory.flush()
    context = memory.context("topic7", 500)
    assert context.n_history_tokens == sum(count_tokens(turn.text) for turn in said(60))
