"""A context costs exactly what it says, never more than the budget, and keeps what must stay
together.
"""

import base64
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from optical_memory.counting import count_tokens, image_tokens
from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.context import HEADING, Context, PagePart, Picture, TextPart, assemble
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Span
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Attachment, Role, ToolCall, Turn

PNG = b"\x89PNG not looked into"


def page(
    n: int, text: str, score: float = 1.0, rung: str | None = "tiny", turns: tuple[str, ...] = ()
) -> Recollection:
    spans = (Span(0, len(text), "verified", 1.0),) if text else ()
    return Recollection(f"p{n}", text, spans, rung, score, count_tokens(text), turns, n)


def cost(context: Context) -> int:
    """What the messages really hold, counted from outside."""
    total = 0
    for message in context.to_messages():
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        total += sum(count_tokens(part["text"]) for part in parts if part["type"] == "text")
        total += count_tokens(message.get("name", ""))
        for call in message.get("tool_calls", []):
            total += count_tokens(call["function"]["name"]) + count_tokens(
                call["function"]["arguments"]
            )
    return total


def texts(context: Context) -> list[str]:
    return [message["content"] for message in context.to_messages()]


def test_pages_come_first_as_one_message_and_turns_in_order() -> None:
    turns = [
        Turn("user", "one", id="t1"),
        Turn("assistant", "two", id="t2"),
        Turn("user", "three", id="t3"),
    ]
    context = assemble(turns, [page(7, "later"), page(2, "sooner", score=0.5)], 500)
    assert texts(context) == [
        HEADING
        + "[page 3, read from tiny, 100 % verified]\nsooner\n\n"
        + "[page 8, read from tiny, 100 % verified]\nlater\n\n",
        "one",
        "two",
        "three",
    ]
    assert [message["role"] for message in context.to_messages()] == [
        "user",
        "user",
        "assistant",
        "user",
    ]
    assert context.n_tokens == cost(context)


def test_the_newest_turns_are_taken_and_no_gap_is_left() -> None:
    turns = [Turn("user", "short"), Turn("assistant", "word " * 100), Turn("user", "last question")]
    assert texts(assemble(turns, [], 20)) == ["last question"]


def test_the_last_user_turn_stays_whatever_comes_after_it() -> None:
    turns = [
        Turn("user", "the question"),
        Turn("assistant", "word " * 100),
        Turn("assistant", "end"),
    ]
    assert texts(assemble(turns, [], 20)) == ["the question", "end"]


def test_a_budget_below_the_last_user_turn_is_refused_with_what_it_needs() -> None:
    with pytest.raises(BudgetTooSmall, match="needs 2 tokens, but the budget is 1"):
        assemble([Turn("user", "hello there")], [], 1)


def test_a_call_and_its_results_are_taken_together_or_not_at_all() -> None:
    call = Turn(
        "assistant",
        "",
        tool_calls=(ToolCall("look", '{"a": 1}', "c1"), ToolCall("find", "{}", "c2")),
    )
    results = [Turn("tool", "word " * 30, tool_call_id="c1"), Turn("tool", "ok", tool_call_id="c2")]
    turns = [Turn("user", "do it"), call, *results, Turn("user", "and?")]
    assert texts(assemble(turns, [], 30)) == ["and?"]
    whole = assemble(turns, [], 100)
    assert [message["role"] for message in whole.to_messages()] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert whole.to_messages()[1]["tool_calls"][0] == {
        "id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'},
    }  # fmt: skip
    assert whole.n_tokens == cost(whole)


def test_a_result_without_its_call_and_a_call_without_result_are_told_in_words() -> None:
    turns = [
        Turn("tool", "42", name="look", tool_call_id="gone"),
        Turn("user", "and?"),
        Turn("assistant", "let me see", tool_calls=(ToolCall("find", "{}", "c9"),)),
    ]
    messages = assemble(turns, [], 100).to_messages()
    assert messages[0] == {"role": "user", "content": "[result of look] 42", "name": "look"}
    assert messages[2] == {
        "role": "assistant",
        "content": "let me see\n[called find({}), no result yet]",
    }


def test_the_better_page_wins_the_room() -> None:
    pages = [page(1, "alpha " * 50, score=0.2), page(2, "beta " * 50, score=0.9)]
    context = assemble([Turn("user", "q")], pages, 100)
    assert [part.page for part in context.parts if isinstance(part, PagePart)] == ["p2"]


def test_a_page_that_does_not_fit_gives_what_the_query_asks_for() -> None:
    text = (
        "filler words go on and on. " * 100
        + "The gate code is 4K7Q2Z. "
        + "more filler of another sort. " * 100
    )
    context = assemble([Turn("user", "q")], [page(1, text)], 200, query="gate code?")
    (part,) = [part for part in context.parts if isinstance(part, PagePart)]
    assert "4K7Q2Z" in part.text
    assert context.n_tokens == cost(context) <= 200


def test_a_page_whose_turns_are_there_as_text_is_left_out() -> None:
    context = assemble(
        [Turn("user", "one", id="t1")],
        [page(1, "one", turns=("t1",)), page(0, "x", turns=("t0",))],
        100,
    )
    assert [part.page for part in context.parts if isinstance(part, PagePart)] == ["p0"]


def test_a_picture_costs_what_the_provider_bills_and_brings_its_exact_facts() -> None:
    text = "code 4K7Q2Z ok"
    spans = (
        Span(0, 5, "verified", 1.0),
        Span(5, 11, "original", 1.0),
        Span(11, 14, "reconstructed", 0.7),
    )
    found = Recollection("p1", text, spans, "small", 1.0, 9, (), 1)
    context = assemble(
        [Turn("user", "q")],
        [found],
        2000,
        mode="image",
        pictures={"p1": Picture(640, PNG)},
        provider="claude",
    )
    content = context.to_messages()[0]["content"]
    assert content[1]["text"] == "[page 2, read from small, 78 % verified] Exact: 4K7Q2Z\n\n"
    assert (
        content[2]["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    )
    assert context.n_tokens == cost(context) + image_tokens(640, "claude")
    assert (
        assemble(
            [Turn("user", "q")],
            [found],
            500,
            mode="image",
            pictures={"p1": Picture(640, PNG)},
            provider="claude",
        ).n_tokens
        == 1
    )


def test_a_page_without_a_picture_goes_as_text_among_pictures() -> None:
    pages = [page(1, "seen"), page(2, "keywords", rung="stub")]
    context = assemble(
        [Turn("user", "q")], pages, 2000, mode="image", pictures={"p1": Picture(512, PNG)}
    )
    kinds = [part["type"] for part in context.to_messages()[0]["content"]]
    assert kinds == ["text", "text", "image_url", "text"]


def test_visual_tokens_cost_what_the_decoder_receives_and_have_no_message() -> None:
    visual = VisualTokens(np.zeros((64, 8), np.float32), "pocket", "1", "tiny")
    context = assemble(
        [Turn("user", "q")],
        [page(1, "seen")],
        500,
        mode="tokens",
        pictures={"p1": Picture(512, None, visual, n_tokens=73)},
    )
    (part, _) = context.parts
    assert isinstance(part, PagePart)
    assert part.n_tokens == 73 + count_tokens(part.text)
    with pytest.raises(ValueError, match="no form in a chat message"):
        context.to_messages()


def test_langchain_gets_the_same_conversation() -> None:
    call = Turn("assistant", "", tool_calls=(ToolCall("look", '{"a": 1}', "c1"),))
    turns = [Turn("user", "do"), call, Turn("tool", "done", tool_call_id="c1")]
    messages = assemble(turns, [page(1, "old")], 200).to_langchain()
    assert [type(message) for message in messages] == [
        HumanMessage,
        HumanMessage,
        AIMessage,
        ToolMessage,
    ]
    assert isinstance(messages[2], AIMessage)
    assert messages[2].tool_calls[0]["args"] == {"a": 1}


def test_attachments_are_told_by_reference() -> None:
    turn = Turn(
        "user", "look", attachments=(Attachment("image", "https://x.example/a.png", "a cat"),)
    )
    assert texts(assemble([turn], [], 100)) == ["look\n[image: a cat (https://x.example/a.png)]"]


WORDS = st.text(st.characters(codec="utf-8"), max_size=60)
TURNS = st.lists(
    st.builds(
        lambda role, text: Turn(role, text), st.sampled_from(["user", "assistant", "system"]), WORDS
    ),
    max_size=6,
)
RECALLED = st.lists(
    st.tuples(WORDS, st.floats(0, 5), st.sampled_from(["tiny", "stub", None])), max_size=5
).map(lambda rows: [page(i, text, score, rung) for i, (text, score, rung) in enumerate(rows)])


@given(TURNS, RECALLED, st.integers(0, 200))
def test_the_cost_is_exact_and_within_the_budget(
    turns: Sequence[Turn], recalled: Sequence[Recollection], budget: int
) -> None:
    try:
        context = assemble(turns, recalled, budget, query="a")
    except BudgetTooSmall:
        last = [turn for turn in turns if turn.role == "user"][-1]
        assert count_tokens(last.text) > budget
        return
    assert context.n_tokens == cost(context) <= budget
    users: list[Role] = [
        part.role for part in context.parts if isinstance(part, TextPart) and part.role == "user"
    ]
    assert bool(users) == any(turn.role == "user" for turn in turns)
    ordinals = [part.ordinal for part in context.parts if isinstance(part, PagePart)]
    assert ordinals == sorted(ordinals)


def recollection(text: str, *spans: tuple[int, int, str, float]) -> Recollection:
    return Recollection(
        "p", text, tuple(Span(a, b, s, p) for a, b, s, p in spans), "tiny", 1.0, 1, ()
    )  # type: ignore[arg-type]


def test_forgotten_passages_and_doubtful_words_are_marked() -> None:
    text = "sure and dubt then lost words here"
    got = recollection(text, (0, 9, "verified", 1), (9, 13, "reconstructed", 0.3), (13, 19, "reconstructed", 0.9),
                       (19, 29, "forgotten", 0), (29, 34, "original", 1))  # fmt: skip
    assert got.marked() == "sure and [dubt?] then […] here"
    assert got.certainty == pytest.approx((14 + 4 * 0.3 + 6 * 0.9) / 34)
    assert got.share("forgotten") == pytest.approx(10 / 34)


def test_a_page_says_where_it_comes_from() -> None:
    assert page(0, "x", rung=None).provenance == "[page 1, original text]"
    assert (
        page(4, "x", rung="stub").provenance
        == "[page 5, faded: only keywords and exact facts remain]"
    )


def test_an_excerpt_is_where_most_of_the_query_meets() -> None:
    text = "gate " + "blah blah " * 60 + "the gate code is 4K7Q2Z " + "blah blah " * 60
    got = page(1, text).excerpt("what was the gate code?", chars=100)
    assert "gate code is 4K7Q2Z" in got
    assert got.startswith("… ")
    assert got.endswith(" …")
    assert len(got) <= 125
    assert page(1, text).excerpt("nothing of it", chars=50).startswith("gate blah")
    assert page(1, "short").excerpt("short") == "short"
