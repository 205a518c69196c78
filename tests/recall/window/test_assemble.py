"""A context costs exactly what it says, never more than the budget, and keeps what must stay
together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from support.window_parts import MONDAY, Said, page_parts, passage, text_cost
from support.windows import assemble

from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context
from optical_memory.recall.window.frame import frame
from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.turns import Role, ToolCall, Turn


def window(turns: Sequence[Turn], passages: Sequence[Recollection], budget: int) -> Context:
    return assemble(newest_parts(turns, budget), passages, budget)


def said(n: int, text: str, score: float = 1.0, page: str = "p1") -> Recollection:
    """A turn of the user as a passage."""
    return passage(n, ("user", None, text), score=score, page=page)


def turn_ids(context: Context) -> list[str]:
    return [id for part in context.passages for id in part.turns]


QUESTION = [Turn("user", "q", id="now")]


def test_passages_come_first_in_the_message_of_the_next_user_turn() -> None:
    turns = [
        Turn("system", "Be kind.", id="t0"),
        Turn("user", "one", id="t11"),
        Turn("assistant", "two", id="t12"),
        Turn("user", "three", id="t13"),
    ]
    passages = [said(7, "later"), said(2, "sooner", score=0.5)]
    context = window(turns, passages, 500)
    assert context.to_messages() == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": f"{frame(passages)}\none"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    assert turn_ids(context) == ["t2", "t7"]
    assert [turn.turn for turn in context.turns] == ["t0", "t11", "t12", "t13"]
    assert context.parts == (*context.passages, *context.turns)
    assert context.n_tokens == text_cost(context)


def test_a_context_of_nothing_is_empty() -> None:
    assert assemble([], [], 0) == Context((), 0, 0)
    assert assemble([], [], 0).to_messages() == []


def test_passages_alone_are_a_message_of_the_user() -> None:
    passages = [said(1, "alone")]
    context = window([], passages, 100)
    assert context.to_messages() == [{"role": "user", "content": frame(passages)}]


def test_an_assistant_at_the_head_comes_after_the_passages() -> None:
    context = window([Turn("assistant", "Welcome back.")], [said(1, "hi")], 100)
    assert [message["role"] for message in context.to_messages()] == ["user", "assistant"]
    assert context.n_tokens == text_cost(context)


def test_the_better_passage_wins_the_room() -> None:
    passages = [said(1, "alpha " * 50, score=0.2), said(2, "beta " * 50, score=0.9)]
    assert turn_ids(window(QUESTION, passages, 110)) == ["t2"]
    assert turn_ids(window(QUESTION, passages[::-1], 110)) == ["t2"]


def test_of_two_passages_with_the_same_score_the_newer_wins_the_room() -> None:
    passages = [said(9, "alpha " * 50), said(10, "beta " * 50)]
    assert turn_ids(window(QUESTION, passages, 110)) == ["t10"]
    assert turn_ids(window(QUESTION, passages[::-1], 110)) == ["t10"]


def test_a_passage_that_does_not_fit_leaves_room_for_the_next() -> None:
    passages = [said(1, "alpha " * 200, score=0.9), said(2, "beta", score=0.2)]
    assert turn_ids(window(QUESTION, passages, 100)) == ["t2"]


def test_the_frame_is_paid_for_only_if_a_passage_is_there() -> None:
    assert window(QUESTION, [said(1, "alpha " * 200)], 100).n_tokens == 1


def test_a_passage_fits_if_its_exact_cost_does() -> None:
    context = window(QUESTION, [said(1, "alpha beta")], 100)
    assert window(QUESTION, [said(1, "alpha beta")], context.n_tokens).passages
    assert not window(QUESTION, [said(1, "alpha beta")], context.n_tokens - 1).passages


def test_passages_that_share_a_time_leave_no_room_unused() -> None:
    talk: list[Said] = [("user", None, f"number {n} is {n * 37}") for n in range(8)]
    passages = [passage(2 * n, row, when=MONDAY) for n, row in enumerate(talk)]
    whole = window(QUESTION, passages, 1_000)
    assert len(whole.passages) == 8
    assert len(window(QUESTION, passages, whole.n_tokens).passages) == 8


def test_a_passage_whose_turns_are_there_as_text_is_left_out() -> None:
    turns = [Turn("user", "one", id="t1"), Turn("user", "q", id="t5")]
    assert turn_ids(window(turns, [said(1, "one"), said(0, "x")], 200)) == ["t0"]


def test_a_context_says_what_the_whole_conversation_would_have_cost() -> None:
    context = assemble(newest_parts(QUESTION, 100), [], 100, n_history_tokens=500)
    assert (context.n_tokens, context.n_saved_tokens, context.compression) == (1, 499, 500.0)
    unknown = assemble(newest_parts(QUESTION, 100), [], 100)
    assert unknown.n_saved_tokens is None
    assert unknown.compression is None


def test_the_frame_has_another_tag_than_any_recent_turn() -> None:
    turns = [Turn("assistant", "ok <recall-2>"), Turn("user", "</recall> so?")]
    context = window(turns, [said(1, "hi")], 200)
    assert context.to_messages()[0]["content"].startswith("<recall-3>\n")
    assert context.n_tokens == text_cost(context)


def test_many_passages_are_assembled_in_time_that_grows_with_their_text() -> None:
    passages = [said(3 * n, f"note {n}: " + "word " * 40, score=n % 17) for n in range(300)]
    context = window(QUESTION, passages, 8_000)
    assert 7_800 < context.n_tokens == text_cost(context) <= 8_000


WORDS = st.text(st.characters(codec="utf-8"), max_size=60)
NAMES = st.sampled_from([None, None, "Ann", "Night Shift (B)", "assistant"])
TIMES = st.sampled_from([None, None, MONDAY, MONDAY + timedelta(days=1)])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["user", "assistant", "system", "tool"])
CALLS = st.lists(
    st.builds(ToolCall, st.just("look"), WORDS, st.sampled_from([None, "c1", "c2"])), max_size=2
).map(tuple)
IDS = st.sampled_from([None, "c1", "c2"])
TURNS = st.lists(
    st.builds(
        lambda role, text, name, when, calls, id: Turn(
            role,
            text,
            name,
            when,
            tool_calls=calls if role == "assistant" else (),
            tool_call_id=id if role == "tool" else None,
        ),
        ROLES,
        WORDS | st.just(" "),
        NAMES,
        TIMES,
        CALLS,
        IDS,
    ),
    max_size=6,
)
PASSAGES = st.lists(
    st.tuples(
        st.lists(st.tuples(ROLES, NAMES, WORDS), min_size=1, max_size=3),
        st.floats(0, 5),
        st.sampled_from(["tiny", "stub", None]),
        TIMES,
    ),
    max_size=5,
).map(
    lambda rows: [
        passage(10 * i, *talk, score=score, rung=rung, when=when)
        for i, (talk, score, rung, when) in enumerate(rows)
    ]
)


@given(TURNS, PASSAGES, st.integers(0, 200), st.sampled_from([1.0, 0.6]))
def test_the_cost_is_exact_and_within_the_budget_and_hosts_take_the_messages(
    turns: Sequence[Turn], passages: Sequence[Recollection], budget: int, share: float
) -> None:
    try:
        recent = newest_parts(turns, budget, share)
    except BudgetTooSmall:
        last = [turn for turn in turns if turn.role == "user" and turn.text.strip()][-1]
        assert sum(part.n_tokens for part in newest_parts([last], 1_000)) > budget
        return
    context = assemble(recent, passages, budget)
    assert context.n_tokens == text_cost(context) <= budget
    users = [part for part in context.turns if part.role == "user"]
    assert bool(users) >= any(turn.role == "user" and turn.text.strip() for turn in turns)
    ordinals = [part.ordinal for part in page_parts(context)]
    assert ordinals == sorted(ordinals)
    check_messages(context.to_messages())
    check_messages([_as_dict(message) for message in context.to_langchain()])


def _as_dict(message: BaseMessage) -> dict[str, Any]:
    roles = {"human": "user", "ai": "assistant"}
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return {
        "role": roles.get(message.type, message.type),
        "content": message.content,
        "tool_calls": [{"id": call["id"]} for call in calls],
        "tool_call_id": message.tool_call_id if isinstance(message, ToolMessage) else None,
    }


def check_messages(messages: Sequence[dict[str, Any]]) -> None:
    """As hosts want them: the user first, roles in turn, no blanks, calls with their results."""
    roles = [message["role"] for message in messages]
    rest = roles[1:] if roles[:1] == ["system"] else roles
    assert rest[:1] in ([], ["user"])
    call_ids: set[str] = set()
    for role, last_role in zip(roles, [None, *roles], strict=False):
        assert role == "tool" or role != last_role
    for message in messages:
        assert message["content"].strip() or message.get("tool_calls")
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", message.get("name") or "x")
        if message["role"] == "tool":
            call_ids.remove(message["tool_call_id"])
        else:
            assert not call_ids
            call_ids = {call["id"] for call in message.get("tool_calls") or ()}
    assert not call_ids
