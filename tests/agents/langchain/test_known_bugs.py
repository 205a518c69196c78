"""Bugs of SummarizationMiddleware and of deepagents that people reported, each as a test here."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from support.scripted_agents import ScriptedModel, memory_in, view_of, words

from optical_memory import OpticalMemory
from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens
from optical_memory.agents.langchain.pairing import call_ids, result_ids
from optical_memory.errors import StoreError


def call(*ids: str) -> AIMessage:
    calls = [{"name": "look", "args": {"id": id}, "id": id, "type": "tool_call"} for id in ids]
    return AIMessage("", tool_calls=calls)


def result(id: str, text: str = "It is there.") -> ToolMessage:
    return ToolMessage(f"{id}: {text}", tool_call_id=id)


def chat(n: int) -> list:
    messages = []
    for i in range(n):
        messages += [
            HumanMessage(f"Note {i}: topic{i} moved to room {i}."),
            AIMessage(f"So topic{i} is in room {i}."),
        ]
    return messages


def is_paired(messages: list) -> bool:
    calls: set[str] = set()
    results: set[str] = set()
    for message in messages:
        if not result_ids(message) <= calls:
            return False  # a result before its call, or without it
        calls |= call_ids(message)
        results |= result_ids(message)
    return calls == results


@pytest.fixture
def memory(tmp_path: Path):
    return memory_in(tmp_path, background=False)


@pytest.mark.parametrize("keep", range(1, 12))
def test_langchain_38352_all_results_of_parallel_calls_stay_with_their_call(memory, keep: int):
    messages = [
        *chat(4),
        HumanMessage("Look at all."),
        call("a", "b"),
        result("a"),
        result("b"),
        call("c", "d"),
        result("c"),
        result("d"),
        AIMessage("All is there."),
        HumanMessage("Thanks."),
    ]
    middleware = OpticalMemoryMiddleware(
        memory=memory, trigger=("messages", 14), keep=("messages", keep), on_error="raise"
    )
    view, update = view_of(middleware, messages)
    assert update["_optical_memory"]["head"]["n_archived"] > 0
    assert is_paired(view)


def test_langchain_39261_a_history_without_a_users_message_is_not_replaced_by_a_placeholder(memory):
    rounds = []
    for i in range(40):
        rounds += [call(f"c{i}"), result(f"c{i}", f"The value of part {i} is {i * 17}.")]
    messages = [HumanMessage("What is the value of part 3?"), *rounds]
    middleware = OpticalMemoryMiddleware(memory=memory, budget=800, on_error="raise")
    view, _ = view_of(middleware, messages)
    assert "The value of part 3 is 51." in words(view)
    assert "What is the value of part 3?" in words(view)
    assert "too long to summarize" not in words(view)
    assert is_paired(view)


class BrokenMemory(OpticalMemory):
    """A memory whose store fails at every call."""

    def sync(self, messages):
        raise StoreError("the store is out of order")

    def open(self, session):
        return self


def test_langchain_38867_a_failure_wipes_no_history_and_never_stands_in_the_conversation(
    tmp_path: Path,
):
    memory = BrokenMemory(store=f"sqlite:///{tmp_path}/m.db", background=False)
    model = ScriptedModel(views=[])
    middleware = OpticalMemoryMiddleware(memory=memory, budget=900)
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    messages = [*chat(40), HumanMessage("Where is topic7?")]
    state = agent.invoke({"messages": messages}, config)
    assert [m.content for m in state["messages"][:-1]] == [m.content for m in messages]
    assert count_message_tokens(model.views[-1]) <= 900
    assert "topic7 moved to room 7." in words(model.views[-1])
    assert "out of order" not in words(state["messages"]) + words(model.views[-1])


def test_langchain_34667_a_huge_tool_result_leaves_the_last_turn_in_place(memory):
    listing = "\n".join(f"file{i}.txt {i * 31 % 1009} bytes" for i in range(20_000))
    messages = [
        *chat(5),
        HumanMessage("List the folder and tell me the first file."),
        call("ls"),
        result("ls", listing),
    ]
    middleware = OpticalMemoryMiddleware(memory=memory, budget=2_000, on_error="raise")
    view, update = view_of(middleware, messages)
    assert count_message_tokens(view) <= 2_000
    assert [m.type for m in view[-3:]] == ["human", "ai", "tool"]
    assert "file0.txt" in view[-1].content
    assert "file19999.txt" in view[-1].content
    assert "left out here" in view[-1].content
    assert messages[-1].content.endswith(listing)
    again, _ = view_of(middleware, messages, update)
    assert words(again) == words(view)


def test_langchain_34664_system_message_and_tools_count(memory):
    system = SystemMessage("Rule: be exact. " * 100)
    middleware = OpticalMemoryMiddleware(memory=memory, budget=1_500, on_error="raise")
    view, _ = view_of(middleware, [*chat(40), HumanMessage("Hello")], system_message=system)
    assert count_message_tokens([system, *view]) <= 1_500


def test_deepagents_270_a_cut_never_begins_with_a_result(memory):
    messages = [*chat(3), HumanMessage("Look."), call("a"), result("a"), AIMessage("There.")]
    messages += [call("b"), result("b"), AIMessage("There too."), HumanMessage("Good.")]
    for keep in range(1, 13):
        middleware = OpticalMemoryMiddleware(
            memory=memory, trigger=("messages", 5), keep=("messages", keep), on_error="raise"
        )
        view, _ = view_of(middleware, messages)
        assert is_paired(view)


def test_deepagents_3405_many_large_results_fit_and_can_be_asked_for(memory):
    messages = [HumanMessage("Search everywhere."), call(*(f"s{i}" for i in range(8)))]
    for i in range(8):
        hits = "\n".join(f"hit {i}-{n}: the widget number {i * n} was seen" for n in range(2_000))
        messages.append(result(f"s{i}", hits))
    middleware = OpticalMemoryMiddleware(memory=memory, budget=4_000, on_error="raise")
    view, _ = view_of(middleware, messages)
    assert count_message_tokens(view) <= 4_000
    assert is_paired(view)
    conversation = next(iter(middleware._sessions._conversations.values()))
    assert "hit 5-1234" in conversation.memory.recall("hit 5-1234 widget")[0].text
