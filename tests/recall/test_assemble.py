"""A context costs exactly what it says, never more than the budget, and keeps what must stay
together.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from support.window_parts import page, page_ids, page_parts, text_cost

from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.assemble import assemble
from optical_memory.recall.context import HEADING, Context, TextPart
from optical_memory.recall.recollection import Recollection
from optical_memory.turns import Attachment, ToolCall, Turn, body


def texts(context: Context) -> list[str]:
    return [message["content"] for message in context.to_messages()]


def roles(context: Context) -> list[str]:
    return [message["role"] for message in context.to_messages()]


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
    assert roles(context) == ["user", "user", "assistant", "user"]
    assert context.n_tokens == text_cost(context)


def test_a_context_of_nothing_is_empty() -> None:
    assert assemble([], [], 0) == Context((), 0, 0)


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


def test_recent_turns_may_be_held_to_a_share_of_the_budget() -> None:
    turns = [Turn("assistant", "word " * 9) for _ in range(30)] + [Turn("user", "and?")]
    rest = 200 - count_tokens("and?")
    for share in (1.0, 0.6, 0.0):
        *earlier, last = assemble(turns, [], 200, recent_share=share).parts
        cost = sum(part.n_tokens for part in earlier)
        assert isinstance(last, TextPart)
        assert last.text == "and?"
        assert share * rest - count_tokens("word " * 9) < cost <= share * rest


def test_the_newest_turn_may_take_more_than_its_share_if_it_fits() -> None:
    call = Turn("assistant", "", tool_calls=(ToolCall("look", "{}", "c1"),))
    result = Turn("tool", "word " * 60, tool_call_id="c1")
    turns = [Turn("user", "do it"), Turn("assistant", "I will."), call, result]
    assert roles(assemble(turns, [], 80, recent_share=0.1)) == ["user", "assistant", "tool"]
    assert roles(assemble(turns, [], 50, recent_share=0.1)) == ["user"]


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
    assert roles(whole) == ["user", "assistant", "tool", "tool", "user"]
    assert whole.to_messages()[1]["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"a": 1}'},
    }
    assert [message.get("tool_call_id") for message in whole.to_messages()[2:4]] == ["c1", "c2"]
    assert whole.n_tokens == text_cost(whole)


def test_a_result_without_its_call_and_a_call_without_result_are_told_in_words() -> None:
    turns = [
        Turn("tool", "42", name="look", tool_call_id="lost"),
        Turn("user", "and?"),
        Turn("assistant", "let me see", tool_calls=(ToolCall("find", "{}", "c9"),)),
    ]
    messages = assemble(turns, [], 100).to_messages()
    assert messages[0] == {"role": "user", "content": "[result of look] 42", "name": "look"}
    assert messages[2] == {
        "role": "assistant",
        "content": "let me see\n[called find({}), no result yet]",
    }


def test_a_call_and_a_result_without_ids_are_told_in_words_together_or_not_at_all() -> None:
    call = Turn("assistant", "let me see", tool_calls=(ToolCall("find", "{}"),))
    turns = [Turn("user", "do"), call, Turn("tool", "42", name="find"), Turn("user", "and?")]
    context = assemble(turns, [], 100)
    assert texts(context) == ["do", "let me see\n[called find({})]", "[result of find] 42", "and?"]
    assert roles(context) == ["user", "assistant", "user", "user"]
    assert "tool_calls" not in context.to_messages()[1]
    assert texts(assemble(turns, [], count_tokens("[result of find] 42find") + 4)) == ["and?"]


def test_a_result_without_its_call_is_not_the_last_user_turn() -> None:
    turns = [
        Turn("user", "the question"),
        Turn("assistant", "word " * 50),
        Turn("tool", "42", tool_call_id="lost"),
    ]
    assert texts(assemble(turns, [], 20)) == ["the question", "[result of a tool] 42"]


def test_attachments_are_told_as_they_stand_on_a_page() -> None:
    cat = Attachment("image", "https://x.example/a.png", "a cat")
    turn = Turn("user", "look\r\nhere", attachments=(cat, Attachment("file", "b.pdf")))
    context = assemble([turn], [], 100)
    on_page = "look\nhere\n[image: a cat <https://x.example/a.png>]\n[file: <b.pdf>]"
    assert texts(context) == [on_page]
    assert body(turn) == on_page
    assert context.n_tokens == text_cost(context)


def test_a_page_whose_turns_are_there_as_text_is_left_out() -> None:
    pages = [page(1, "one", turns=("t1",)), page(0, "x", turns=("t0",)), page(2, "keywords")]
    context = assemble([Turn("user", "one", id="t1")], pages, 100)
    assert page_ids(context) == ["p0", "p2"]


def test_langchain_gets_the_same_conversation() -> None:
    call = Turn("assistant", "", tool_calls=(ToolCall("look", '{"a": 1}', "c1"),))
    turns = [Turn("user", "do"), call, Turn("tool", "done", tool_call_id="c1")]
    messages = assemble(turns, [page(1, "old")], 200).to_langchain()
    kinds = [type(message) for message in messages]
    assert kinds == [HumanMessage, HumanMessage, AIMessage, ToolMessage]
    assert isinstance(messages[2], AIMessage)
    assert messages[2].tool_calls[0]["args"] == {"a": 1}


WORDS = st.text(st.characters(codec="utf-8"), max_size=60)
ROLES = st.sampled_from(["user", "assistant", "system"])
TURNS = st.lists(st.builds(Turn, ROLES, WORDS), max_size=6)
ROWS = st.lists(
    st.tuples(WORDS, st.floats(0, 5), st.sampled_from(["tiny", "stub", None])), max_size=5
)
PAGES = ROWS.map(
    lambda rows: [page(i, text, score, rung) for i, (text, score, rung) in enumerate(rows)]
)


@given(TURNS, PAGES, st.integers(0, 200), st.sampled_from([1.0, 0.6]))
def test_the_cost_is_exact_and_within_the_budget(
    turns: Sequence[Turn], pages: Sequence[Recollection], budget: int, share: float
) -> None:
    try:
        context = assemble(turns, pages, budget, query="a", recent_share=share)
    except BudgetTooSmall:
        last = [turn for turn in turns if turn.role == "user"][-1]
        assert count_tokens(body(last)) > budget
        return
    assert context.n_tokens == text_cost(context) <= budget
    users = [part for part in context.parts if isinstance(part, TextPart) and part.role == "user"]
    assert bool(users) == any(turn.role == "user" for turn in turns)
    ordinals = [part.ordinal for part in page_parts(context)]
    assert ordinals == sorted(ordinals)
