"""The contexts that a memory gives: within their budget, in every mode, and with the last user
turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.shelf_turns import Open, said

from optical_memory import OpticalMemory, Turn
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, InputError
from optical_memory.recall.context import PagePart, TextPart
from optical_memory.testing import TemplateReader
from optical_memory.turns import ToolCall


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory with pages at several rungs, stubs, a tool call and open turns."""
    path = tmp_path_factory.mktemp("full") / "memory.db"
    memory = OpticalMemory(
        "full", store=f"sqlite:///{path}", reader=TemplateReader(), keep_turns=6, capacity=300
    )
    memory.remember(said(200))
    memory.remember(Turn("user", "And the weather? " * 4))
    memory.remember(
        Turn("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Bonn"}', "c1"),))
    )
    memory.remember(Turn("tool", "Rain at first, then sun. " * 6, tool_call_id="c1"))
    memory.flush()
    yield memory
    memory.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    budget=st.integers(0, 900),
    query=st.sampled_from([None, "topic7", "shelf apples", "weather", "zeppelin", ""]),
    mode=st.sampled_from(["text", "image", "tokens"]),
)
def test_no_context_exceeds_its_budget(
    full: OpticalMemory, budget: int, query: str | None, mode: Any
):
    try:
        context = full.context(query, budget, mode)
    except BudgetTooSmall:
        assert budget < count_tokens("And the weather? " * 4)
        return
    assert context.n_tokens <= budget
    texts = [part.text for part in context.parts if isinstance(part, TextPart)]
    assert any(text.startswith("And the weather?") for text in texts), (
        "the last user turn must stay"
    )
    if mode == "text":
        content = [message["content"] for message in context.to_messages()]
        calls = [
            call for part in context.parts if isinstance(part, TextPart) for call in part.tool_calls
        ]
        assert sum(map(count_tokens, content)) + sum(count_tokens(c.name) for c in calls) <= budget


def test_a_context_shows_pages_as_text_pictures_or_visual_tokens(full: OpticalMemory):
    parts = {
        mode: full.context("topic150", 2_000, mode).parts for mode in ("text", "image", "tokens")
    }  # type: ignore[arg-type]
    pages = {
        mode: [part for part in found if isinstance(part, PagePart)]
        for mode, found in parts.items()
    }
    assert all("150" in " ".join(page.text for page in found) for found in pages.values())
    assert all(page.picture is None for page in pages["text"])
    pictures = [page.picture for page in pages["image"] if page.picture]
    assert pictures
    assert all(picture.png and picture.png.startswith(b"\x89PNG") for picture in pictures)
    seen = [page.picture.visual for page in pages["tokens"] if page.picture]
    assert seen
    assert all(visual is not None and visual.values.ndim == 2 for visual in seen)


def test_the_page_with_the_beginning_of_a_long_turn_is_not_left_out_because_its_end_is_shown(
    opened: Open,
):
    memory = opened(keep_turns=0)
    memory.remember(
        [
            *said(3),
            Turn(
                "user",
                "The password of the zeppelin is swordfish. " + "Blah blah. " * 60,
                id="long",
            ),
        ]
    )
    memory.flush()
    assert memory.archive.snapshot().open_turns()[0].sealed_upto > 0
    told = " ".join(
        str(message["content"])
        for message in memory.context("zeppelin password", 2_000).to_messages()
    )
    assert "swordfish" in told


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


def test_a_context_reads_no_more_pages_than_its_budget_could_hold() -> None:
    from optical_memory.recall.candidates import affordable
    from optical_memory.session.archive import Snapshot
    from optical_memory.session.records import PageRecord

    pages = {
        str(i): PageRecord(id=str(i), ordinal=i, digest="", text_tokens=1_000) for i in range(12)
    }
    best = [(str(i), 12.0 - i) for i in range(12)] + [("turn t1", 0.5)]

    def ids(budget: int) -> list[str]:
        return [id for id, _ in affordable(Snapshot(pages=pages), best, budget)]

    assert ids(5_500) == ["0", "1", "2", "3", "4", "turn t1"]
    assert ids(100) == ["0", "1", "2", "turn t1"]
