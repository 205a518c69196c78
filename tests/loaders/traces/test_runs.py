"""Runs of agent frameworks: LangSmith, LangGraph, inspect-ai, SWE-agent, AutoGen."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from support.load_files import single
from support.traces.autogen import AUTOGEN, AUTOGEN_02
from support.traces.inspect_logs import INSPECT
from support.traces.langchain import LANGGRAPH_HISTORY, LANGSMITH
from support.traces.swe_agent import MINI_SWE_AGENT, SWE_AGENT

from optical_memory.loaders import (
    Conversation,
    autogen,
    inspect_log,
    langgraph_state,
    langsmith,
    mini_swe_agent,
    swe_agent,
)


def said(conversation: Conversation) -> list[tuple[str, str]]:
    """The role and the words of each turn; of a turn without words, the name of its call."""
    return [(turn.role, turn.text or turn.tool_calls[0].name) for turn in conversation.turns]


# LangSmith


def test_the_runs_of_a_trace_give_each_message_once():
    trace, _ = langsmith(LANGSMITH)
    assert said(trace) == [
        ("user", "Is the mill open?"),
        ("assistant", "hours"),
        ("tool", "open until six"),
        ("assistant", "Yes, until six."),
    ]


def test_a_run_without_models_is_its_inputs_and_outputs():
    _, chain = langsmith(LANGSMITH)
    assert said(chain) == [("user", "Who grinds?"), ("assistant", "Anselm grinds.")]


def test_traces_of_a_thread_are_one_conversation():
    runs: list[Any] = []
    for n, (question, answer) in enumerate([("Sun?", "Yes."), ("Rain?", "No.")]):
        run = {
            "id": f"t{n}",
            "trace_id": f"t{n}",
            "run_type": "llm",
            "start_time": f"2026-03-0{n + 1}",
            "extra": {"metadata": {"thread_id": "weather"}},
            "inputs": {"messages": [{"role": "user", "content": question}]},
            "outputs": {"choices": [{"message": {"role": "assistant", "content": answer}}]},
        }
        runs.insert(0, run)
    conversation = single(langsmith(runs))
    assert conversation.id == "weather"
    assert [text for _, text in said(conversation)] == ["Sun?", "Yes.", "Rain?", "No."]


def test_a_word_said_twice_in_a_history_is_two_turns():
    history = [{"role": "user", "content": "Again."}] * 2
    run = {"id": "r", "run_type": "llm", "inputs": {"messages": history}, "outputs": None}
    assert len(single(langsmith([run, run])).turns) == 2


# LangGraph


def test_the_snapshots_of_a_thread_give_the_last_version_of_each_message():
    barge, tug = langgraph_state(LANGGRAPH_HISTORY)
    assert said(barge) == [
        ("user", "Book the barge for Tuesday."),
        ("assistant", "Booked for Tuesday."),
    ]
    assert [item.reason for item in barge.left_out] == ["an earlier version of a message"]
    assert said(tug) == [("user", "Where is the tug?")]


def test_a_state_that_langgraph_dumps_loads():
    call = {"name": "tow", "args": {"to": "pier"}, "id": "c1"}
    messages = [
        HumanMessage("Tow it.", id="h"),
        AIMessage("", tool_calls=[call], id="a"),
        ToolMessage("towed", tool_call_id="c1", id="t"),
    ]
    state = {"values": {"messages": [message.model_dump() for message in messages]}}
    conversation = single(langgraph_state(state))
    assert said(conversation) == [("user", "Tow it."), ("assistant", "tow"), ("tool", "towed")]
    assert [turn.id for turn in conversation.turns] == ["h", "a", "t"]


def test_messages_that_a_later_state_dropped_stay():
    states = [
        {"values": {"messages": [{"type": "human", "content": text, "id": text}]}, "next": []}
        for text in ("First.", "Second.")
    ]
    assert [text for _, text in said(single(langgraph_state(states)))] == ["First.", "Second."]


# inspect-ai


def test_each_sample_is_a_conversation_with_its_scores():
    first, second = inspect_log(INSPECT)
    assert first.id == "harbour-q1-epoch1"
    assert said(first) == [
        ("system", "You measure harbours."),
        ("user", "How deep is the harbour?"),
        ("assistant", "I will sound it."),
        ("tool", "[error] timeout: the lead is stuck"),
        ("assistant", "Nine metres."),
    ]
    assert first.turns[2].tool_calls[0].name == "sound"
    assert first.turns[3].tool_call_id == "k1"
    assert (first.meta["score.match"], first.meta["target"]) == ("C", "nine metres")
    assert said(second) == [("user", "How wide?"), ("assistant", "Forty.")]


def test_events_reasoning_and_a_sample_without_messages_are_left_out():
    reasons = [item.reason for item in inspect_log(INSPECT)[0].left_out]
    assert reasons[:2] == [
        "reasoning of the model, which is no part of its answer",
        "events of the run, which the messages repeat",
    ]
    assert reasons[-1].startswith("no conversation: ")


# SWE-agent


def test_the_history_of_a_run_is_the_conversation():
    conversation = single(swe_agent(SWE_AGENT))
    assert said(conversation) == [
        ("system", "You repair code."),
        ("user", "A demonstration of a fence."),
        ("user", "The gate squeaks."),
        ("assistant", "Open the gate file.\n\nopen gate.py"),
        ("tool", "def swing(): pass"),
        ("assistant", "Submit it."),
        ("tool", "submitted"),
    ]
    assert conversation.turns[1].name == "demonstration"
    assert conversation.turns[6].tool_call_id == "s1"
    assert conversation.meta["submission"] == "diff --git a/gate.py"
    assert [item.reason for item in conversation.left_out] == ["steps that the history repeats"]


def test_without_a_history_the_steps_are_the_conversation():
    run = {"trajectory": SWE_AGENT["trajectory"], "environment": "x"}
    assert said(single(swe_agent(run))) == [
        ("assistant", "Open the gate file.\nopen gate.py"),
        ("tool", "def swing(): pass"),
    ]


def test_outputs_and_the_end_of_a_mini_run_are_the_tools():
    conversation = single(mini_swe_agent(MINI_SWE_AGENT))
    roles = ["system", "user", "assistant", "tool", "tool"]
    assert [turn.role for turn in conversation.turns] == roles
    assert conversation.turns[-1].name == "exit"


# AutoGen


def test_messages_of_autogen_have_their_source_as_name():
    conversation = single(autogen(AUTOGEN))
    assert [(turn.role, turn.name) for turn in conversation.turns] == [
        ("user", "user"),
        ("assistant", "weigher"),
        ("tool", "scale"),
        ("assistant", "weigher"),
        ("assistant", "artist"),
    ]
    assert conversation.turns[1].tool_calls[0].arguments == '{"sack": 4}'
    assert conversation.turns[2].text == "[error] scale is locked"
    assert conversation.turns[4].attachments[0].kind == "image"
    assert len(conversation.left_out) == 2


@pytest.mark.parametrize("key", ["chat_history", "messages"])
def test_the_roles_of_an_old_history_are_those_of_the_speakers(key: str):
    for data in (AUTOGEN_02, {key: AUTOGEN_02}):
        conversation = single(autogen(data))
        roles = ["user", "assistant", "tool", "assistant"]
        assert [turn.role for turn in conversation.turns] == roles


def test_the_state_of_a_team_is_the_thread_of_its_manager():
    state = {
        "type": "TeamState",
        "agent_states": {
            "weigher": {"agent_state": {"llm_context": {"messages": AUTOGEN["messages"][:1]}}},
            "manager": {"message_thread": AUTOGEN["messages"]},
        },
    }
    assert len(single(autogen(state)).turns) == 5


def test_runs_in_an_answer_of_the_api_are_read():
    assert [item.id for item in langsmith({"runs": LANGSMITH})] == ["trace-1", "trace-2"]


def test_the_history_of_a_chain_comes_before_its_question():
    run = {
        "id": "c",
        "run_type": "chain",
        "inputs": {
            "input": "And now?",
            "chat_history": [["human", "Wind?"], ["ai", "East."]],
            "user_key": "k-77",
        },
        "outputs": {"output": {"type": "ai", "content": "West."}},
    }
    conversation = single(langsmith(run))
    assert said(conversation) == [
        ("user", "Wind?"),
        ("assistant", "East."),
        ("user", "And now?"),
        ("assistant", "West."),
    ]
