"""The middleware in graphs of all kinds: without ids or threads, forked, pruned, in parallel."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain.tools import tool
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from support.scripted_agents import ScriptedModel, lines, memory_in, view_of, words

from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def chat(n: int, name: str = "topic") -> list[Any]:
    messages: list[Any] = []
    for i in range(n):
        messages += [
            HumanMessage(f"Note {i}: {name}{i} moved to room {i}."),
            AIMessage(f"So {name}{i} is in room {i}."),
        ]
    return messages


@pytest.fixture
def memory(tmp_path: Path):
    return memory_in(tmp_path, background=False)


def middleware_with(memory, **settings: Any) -> OpticalMemoryMiddleware:
    return OpticalMemoryMiddleware(
        memory=memory, **({"budget": 600, "on_error": "raise"} | settings)
    )


def test_the_private_state_is_plain_json_and_shown_to_nobody(memory):
    agent = create_agent(
        ScriptedModel(), middleware=[middleware_with(memory)], checkpointer=InMemorySaver()
    )
    state = agent.invoke({"messages": [*chat(30), HumanMessage("Where is topic3?")]}, CONFIG)
    assert set(state) == {"messages"}
    record = agent.get_state(CONFIG).values["_optical_memory"]
    assert json.loads(json.dumps(record))["head"]["n_archived"] > 0


def test_a_record_that_went_through_json_gives_the_same_view(memory):
    middleware = middleware_with(memory)
    messages = [*chat(30), HumanMessage("Where is topic3?")]
    view, update = view_of(middleware, messages)
    again, no_update = view_of(middleware, messages, json.loads(json.dumps(update)))
    assert lines(again) == lines(view)
    assert not no_update or no_update == update


def test_without_ids_thread_and_checkpointer_the_view_is_as_stable(memory):
    model = ScriptedModel()
    agent = create_agent(model, middleware=[middleware_with(memory, budget=900)])
    history: list[Any] = []
    for i in range(80):
        history.append({"role": "user", "content": f"Note {i}: topic{i} moved to room {i}."})
        state = agent.invoke({"messages": history})
        history.append({"role": "assistant", "content": state["messages"][-1].content})
    texts = [lines(view) for view in model.views]
    n_stable = sum(texts[i + 1][: len(texts[i])] == texts[i] for i in range(len(texts) - 1))
    assert n_stable >= 0.8 * (len(texts) - 1)
    assert max(map(count_message_tokens, model.views)) <= 900
    assert len(memory.sessions()) == 1


def test_two_users_without_threads_are_never_shown_each_others_words(memory):
    model = ScriptedModel()
    agent = create_agent(model, middleware=[middleware_with(memory)])
    histories: dict[str, list[Any]] = {"apple": [], "melon": []}
    for i in range(40):
        for name, history in histories.items():
            text = "hello" if i < 2 else f"Note {i}: the {name} number {i} is {i * 31 % 97}."
            history.append({"role": "user", "content": text})
            agent.invoke({"messages": history})
            other = "melon" if name == "apple" else "apple"
            assert other not in words(model.views[-1])
            history.append({"role": "assistant", "content": "Noted." if i < 2 else f"{name}."})


def test_an_earlier_checkpoint_is_shown_as_it_was_and_a_fork_goes_its_own_way(memory):
    model = ScriptedModel()
    agent = create_agent(model, middleware=[middleware_with(memory)], checkpointer=InMemorySaver())
    for i in range(30):
        agent.invoke({"messages": [HumanMessage(f"Note {i}: topic{i} is in room {i}.")]}, CONFIG)
    states = list(agent.get_state_history(CONFIG))
    middle = next(s for s in states if len(s.values["messages"]) == 30 and not s.next)
    before = lines(next(view for view in model.views if words(view).endswith("room 15.")))
    agent.invoke({"messages": [HumanMessage("Note 15: topic15 is in room 15.")]}, middle.config)
    assert lines(model.views[-1]) == before
    agent.invoke({"messages": [HumanMessage("Where is topic29?")]}, CONFIG)
    assert "topic29 is in room 29" not in words(model.views[-1])


def test_messages_that_others_remove_or_edit_do_no_harm(memory):
    saver = InMemorySaver()
    model = ScriptedModel()
    middleware = middleware_with(memory, budget=2_000)
    agent = create_agent(model, middleware=[middleware], checkpointer=saver)
    messages = [m.model_copy(update={"id": f"m{i}"}) for i, m in enumerate(chat(80))]
    agent.invoke({"messages": [*messages, HumanMessage("Hello?", id="q")]}, CONFIG)
    head = agent.get_state(CONFIG).values["_optical_memory"]["head"]
    boundary = head["boundary"][0][0]
    edit = HumanMessage("Note 2: topic2 moved to the cellar.", id="m4")
    agent.update_state(CONFIG, {"messages": [RemoveMessage(id=boundary), edit]})
    agent.invoke({"messages": [HumanMessage("Where is topic2 now?", id="q2")]}, CONFIG)
    assert "moved to the cellar" in words(model.views[-1])
    assert "topic2 moved to room 2." not in words(model.views[-1])
    assert words(model.views[-1]).count("Hello?") == 1
    ids = [m.id for m in agent.get_state(CONFIG).values["messages"]][20:]
    agent.update_state(CONFIG, {"messages": [RemoveMessage(id=id) for id in ids]})
    agent.invoke({"messages": [HumanMessage("And now?", id="q3")]}, CONFIG)
    assert "Hello?" not in words(model.views[-1])


def test_pruning_takes_what_is_remembered_out_of_the_state(memory):
    model = ScriptedModel()
    middleware = middleware_with(memory, budget=2_000, prune_state=True)
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    for i in range(120):
        agent.invoke({"messages": [HumanMessage(f"Note {i}: topic{i} is in room {i}.")]}, CONFIG)
    agent.invoke({"messages": [HumanMessage("Where is topic3?")]}, CONFIG)
    assert len(agent.get_state(CONFIG).values["messages"]) < 120
    assert "topic3 is in room 3" in words(model.views[-1])
    assert max(map(count_message_tokens, model.views)) <= 2_000


def test_a_retried_call_is_shown_the_same(memory):
    n_calls: list[int] = []

    def script(messages: list[Any]) -> AIMessage:
        n_calls.append(1)
        if len(n_calls) == 1:
            raise ConnectionError("try again")
        return AIMessage("done")

    model = ScriptedModel(script=script)
    retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.0)
    for order in ([retry, middleware_with(memory)], [middleware_with(memory), retry]):
        n_calls.clear()
        model.views.clear()
        agent = create_agent(model, middleware=order)
        agent.invoke({"messages": [*chat(30), HumanMessage("Where is topic3?")]}, CONFIG)
        assert len(model.views) == 2
        assert lines(model.views[0]) == lines(model.views[1])


def test_parallel_subagents_have_sessions_of_their_own(memory):
    middleware = middleware_with(memory)
    inner_model = ScriptedModel()
    inner = create_agent(inner_model, middleware=[middleware_with(memory)])

    @tool
    def research(subject: str) -> str:
        """Researches a subject."""
        return str(inner.invoke({"messages": [*chat(25, subject), HumanMessage("Sum up.")]}))[:50]

    def script(messages: list[Any]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("Done.")
        calls = [
            {"name": "research", "args": {"subject": name}, "id": name, "type": "tool_call"}
            for name in ("apple", "melon")
        ]
        return AIMessage("", tool_calls=calls)

    agent = create_agent(
        ScriptedModel(script=script),
        tools=[research],
        middleware=[middleware],
        checkpointer=InMemorySaver(),
    )
    agent.invoke({"messages": [HumanMessage("Compare them.")]}, CONFIG)
    assert len(inner_model.views) == 2
    for view in inner_model.views:
        assert ("apple" in words(view)) != ("melon" in words(view))
    assert len(memory.sessions()) == 3


def test_many_threads_at_once(memory):
    agent = create_agent(ScriptedModel(), middleware=[middleware_with(memory)])

    def talk(n: int) -> str:
        config: Any = {"configurable": {"thread_id": f"t{n}"}}
        messages = [*chat(20, f"fruit{n}x"), HumanMessage(f"Where is fruit{n}x3?")]
        return str(agent.invoke({"messages": messages}, config)["messages"][-1].content)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(talk, range(8)))) == 8
    assert sorted(memory.sessions()) == [f"t{n}" for n in range(8)]


def test_a_named_memory_is_the_session_and_session_id_may_be_a_function(tmp_path: Path):
    named = memory_in(tmp_path, session="alice", background=False)
    create_agent(ScriptedModel(), middleware=[middleware_with(named)]).invoke(
        {"messages": [HumanMessage("The code is 4417.")]}
    )
    assert [r.text for r in named.recall("code")] == ["The code is 4417."]
    middleware = middleware_with(named, session_id=lambda state, runtime: "bob")
    create_agent(ScriptedModel(), middleware=[middleware]).invoke(
        {"messages": [HumanMessage("Mine is 5528.")]}, CONFIG
    )
    assert sorted(named.sessions()) == ["alice", "bob"]


def test_the_recall_tool_is_offered_once_something_is_archived_and_asks_its_conversation(memory):
    def script(messages: list[Any]) -> AIMessage:
        if len(messages) > 3 and messages[-1].type == "human":
            call = {"name": "recall_memory", "args": {"query": "gate code"}, "id": "r1"}
            return AIMessage("", tool_calls=[{**call, "type": "tool_call"}])
        return AIMessage("ok")

    model = ScriptedModel(script=script)
    agent = create_agent(model, middleware=[middleware_with(memory)], checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage("The gate code is 4K7Q2Z.")]}, CONFIG)
    assert model.tools == []
    state = agent.invoke({"messages": [*chat(30), HumanMessage("Which code?")]}, CONFIG)
    assert model.tools[-1] == ["recall_memory"]
    assert "4K7Q2Z" in state["messages"][-2].content


@pytest.mark.parametrize("prune_state", [False, True])
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_what_is_forgotten_leaves_the_view_and_the_private_state(
    tmp_path: Path, memory, prune_state: bool, is_elsewhere: bool
):
    model = ScriptedModel()
    middleware = middleware_with(memory, prune_state=prune_state)
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    secret = HumanMessage("The gate code is zorblax.", id="secret")
    question = HumanMessage("What is the gate code?")
    agent.invoke({"messages": [*chat(4), secret, *chat(30), question]}, CONFIG)
    assert "zorblax" in words(model.views[-1])
    other = memory_in(tmp_path, background=False) if is_elsewhere else memory
    other.open("t").forget(turn="secret")
    views = [agent.invoke({"messages": [HumanMessage(text)]}, CONFIG) for text in ("Hm.", "So?")]
    assert len(views) == 2
    assert "zorblax" not in words(model.views[-2]) + words(model.views[-1])
    assert "topic" in words(model.views[-1][:1])
    assert lines(model.views[-1])[: len(model.views[-2])] == lines(model.views[-2])
    assert "zorblax" not in json.dumps(agent.get_state(CONFIG).values["_optical_memory"])
