"""The node: a short view of a long state, with calls beside their results, and never a failure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from optical_memory import OpticalMemory
from optical_memory.agents.langchain import MemoryNode
from optical_memory.agents.message_groups import GroupCosts, group_messages
from optical_memory.errors import InputError, StoreError


def agent_chat(n: int) -> list[BaseMessage]:
    """Questions that two calls answer each, after a system message; then a last question."""
    messages: list[BaseMessage] = [SystemMessage("Be brief.", id="s")]
    for i in range(n):
        calls = [
            {"name": "stock", "args": {"part": f"K-{i}", "n": j}, "id": f"c{i}.{j}"}
            for j in range(2)
        ]
        messages.append(HumanMessage(f"How many of part K-{i} are there?", id=f"h{i}"))
        messages.append(AIMessage("", tool_calls=calls, id=f"a{i}"))
        for j in range(2):
            messages.append(ToolMessage(f"{7 * i + j} pieces", tool_call_id=f"c{i}.{j}"))
        messages.append(AIMessage(f"There are {7 * i} pieces of K-{i}.", id=f"b{i}"))
    return [*messages, HumanMessage("How many pieces of K-3 were there?", id="q")]


def view(memory: OpticalMemory, messages: list[BaseMessage], budget: int) -> list[BaseMessage]:
    return MemoryNode(memory, budget)({"messages": messages})["llm_input_messages"]


def n_tokens(messages: list[BaseMessage]) -> int:
    groups = group_messages(messages)
    return GroupCosts(groups, 10**6).total(range(len(groups)))


def test_messages_that_fit_are_the_view(memory: OpticalMemory):
    messages = agent_chat(2)
    assert view(memory, messages, 10_000) == messages
    assert memory.stats().turns == len(messages)


@pytest.mark.parametrize("budget", range(150, 900, 75))
def test_a_view_fits_keeps_pairs_and_ends_with_the_question(memory: OpticalMemory, budget: int):
    messages = agent_chat(20)
    shown = view(memory, messages, budget)
    assert n_tokens(shown) <= budget
    assert shown[0] == messages[0]
    assert shown[-1] == messages[-1]
    calls = [call["id"] for m in shown if isinstance(m, AIMessage) for call in m.tool_calls]
    results = [m.tool_call_id for m in shown if isinstance(m, ToolMessage)]
    assert calls == results


def test_passages_about_the_question_stand_behind_the_system_message(memory: OpticalMemory):
    shown = view(memory, agent_chat(20), 600)
    assert shown[1].text.startswith("<recall>")
    assert "There are 21 pieces of K-3." in shown[1].text
    assert "How many pieces of K-3 were there?" not in shown[1].text


def test_messages_that_stay_are_the_very_messages(memory: OpticalMemory):
    messages = agent_chat(20)
    shown = view(memory, messages, 600)
    own = [message for message in shown if not any(message is m for m in messages)]
    assert own == [shown[1]]


def test_a_failure_is_a_view_without_passages(memory: OpticalMemory, store: Any):
    store.error = StoreError("no route to 10.0.0.7")
    messages = agent_chat(20)
    shown = view(memory, messages, 600)
    assert all(any(message is m for m in messages) for message in shown)
    assert n_tokens(shown) <= 600
    assert "10.0.0.7" not in str(shown)


def test_a_message_that_cannot_be_read_leaves_the_messages_alone(memory: OpticalMemory):
    odd = [HumanMessage("hello"), "not a message"]
    assert view(memory, odd, 10) == odd


@dataclass
class State:
    messages: list[BaseMessage]


def test_a_state_may_be_an_object_and_keys_may_have_other_names(memory: OpticalMemory):
    node = MemoryNode(memory, 10_000, output_messages_key="window")
    assert node(State([HumanMessage("hello")])) == {"window": [HumanMessage("hello")]}


def test_a_budget_of_nothing_is_refused(memory: OpticalMemory):
    with pytest.raises(InputError, match="budget"):
        MemoryNode(memory, 0)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_graph_runs_it_and_its_state_stays(memory: OpticalMemory, *, is_async: bool):
    graph_module = pytest.importorskip("langgraph.graph", reason="needs the extra langchain")

    class Fields(graph_module.MessagesState):  # type: ignore[name-defined]
        llm_input_messages: list[BaseMessage]

    builder = graph_module.StateGraph(Fields)
    builder.add_node("memory", MemoryNode(memory, 600))
    builder.add_edge(graph_module.START, "memory")
    graph = builder.compile()
    messages = agent_chat(20)
    state = {"messages": messages}
    result = asyncio.run(graph.ainvoke(state)) if is_async else graph.invoke(state)
    assert [m.text for m in result["messages"]] == [m.text for m in messages]
    assert result["llm_input_messages"][1].text.startswith("<recall>")
