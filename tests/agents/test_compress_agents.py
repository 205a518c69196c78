"""`compress` for agents: calls stay with their results, and roles alternate as they did."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chats import (
    ROUNDS,
    Message,
    chat,
    cost,
    notes,
    openai_round,
    parallel_round,
    run_of,
    tool_round,
)

from optical_memory.agents import compress
from optical_memory.errors import BudgetTooSmall


@settings(max_examples=15, deadline=None)
@given(budget=st.integers(60, 900), rounds=st.integers(1, 12), asks=st.booleans())
def test_at_any_budget_it_fits_and_no_tool_call_is_without_its_result(
    budget: int, rounds: int, asks: bool
):
    messages: list[Message] = []
    for n in range(rounds):
        messages += tool_round(n)
    if asks:
        messages.append({"role": "user", "content": "What was number 1?"})
    try:
        shorter = compress(messages, budget)
    except BudgetTooSmall:
        last = len(messages) - 1 if asks else len(messages) - 4
        assert cost(messages[last:]) > budget
        return
    assert cost(shorter) <= budget
    call_ids: list[str] = []
    for message in shorter:
        call_ids += [call["id"] for call in message.get("tool_calls", ())]
    assert call_ids == [m["tool_call_id"] for m in shorter if m["role"] == "tool"]


@pytest.mark.parametrize(
    ("call", "result"),
    [
        (
            {"function_call": {"name": "look_up", "arguments": "{}"}, "content": None},
            {"role": "function", "name": "look_up", "content": "It rains."},
        ),
        (
            {"content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "It rains."}],
            },
        ),
    ],
    ids=["function_call", "tool_use"],
)
def test_calls_of_other_formats_stay_with_their_results_too(call: Message, result: Message):
    exchange = [{"role": "assistant"} | call, result]
    question = {"role": "user", "content": "Does it rain?"}
    messages = [*notes(100), question, *exchange]
    assert compress(messages, 300)[-3:] == [question, *exchange]
    later = [*notes(100), question, *exchange, *notes(1)]
    for budget in (60, 80, 100, 120):
        shorter = compress(later, budget)
        assert [message in shorter for message in exchange] in ([True, True], [False, False])


# ---- long runs of agents -------------------------------------------------------------------------


@pytest.mark.parametrize("one_round", ROUNDS)
@pytest.mark.parametrize("budget", [150, 400, 1_000])
def test_a_long_run_keeps_its_question_and_its_newest_whole_rounds(one_round: Any, budget: int):
    messages = run_of(one_round, 60)
    shorter = compress(messages, budget)
    assert messages[1] in shorter
    n_newest = len(shorter) - shorter.index(messages[1]) - 1
    newest = messages[-n_newest:]
    assert all(a is b for a, b in zip(shorter[-n_newest:], newest, strict=True))
    assert n_newest % len(one_round(0)) == 0
    assert 0 < n_newest < len(messages) - 2


@pytest.mark.parametrize("one_round", ROUNDS)
def test_a_long_run_recalls_its_own_older_rounds(one_round: Any):
    shorter = compress(run_of(one_round, 60), 1_000)
    assert any("srv17 is down since noon" in str(message["content"]) for message in shorter)


def test_all_rounds_after_the_question_stay_if_they_fit():
    messages = [*chat(50), *run_of(openai_round, 4)[1:]]
    assert compress(messages, 500)[-9:] == messages[-9:]


def test_a_note_of_the_host_does_not_part_a_call_from_its_results():
    call, *results = parallel_round(0)
    note = {"role": "system", "content": "Be brief."}
    pair = [call, results[0], note, results[1]]
    end = [{"role": "assistant", "content": "Both are up."}, *chat(3)]
    messages = [*chat(20), {"role": "user", "content": "Ping both."}, *pair, *end]
    for budget in range(60, 400, 17):
        shorter = compress(messages, budget)
        assert len([m for m in (call, *results) if m in shorter]) in (0, 3)


# ---- roles ---------------------------------------------------------------------------------------


def roles(messages: list[Any]) -> list[str]:
    return [message["role"] for message in messages if message["role"] != "system"]


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(30, 1_500),
    n=st.integers(1, 40),
    n_rounds=st.integers(0, 30),
    in_parts=st.booleans(),
    kind=st.sampled_from(ROUNDS[:2]),
)
def test_at_any_budget_roles_alternate_as_they_did_and_the_user_begins(
    budget: int, n: int, n_rounds: int, in_parts: bool, kind: Any
):
    messages = [{"role": "system", "content": "Be kind."}, *chat(n)]
    messages += run_of(kind, n_rounds)[1:]
    if in_parts:
        for message in messages:
            if message["role"] == "user" and isinstance(message["content"], str):
                message["content"] = [{"type": "text", "text": message["content"]}]
    try:
        shorter = compress(messages, budget)
    except BudgetTooSmall:
        return
    assert roles(shorter)[0] == "user"
    assert all(a != b for a, b in itertools.pairwise(roles(shorter)))
    assert all(m["content"] or m.get("tool_calls") for m in shorter)
