"""The OpenAI Agents SDK: a session and an input filter, in real runs with a scripted model."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from optical_memory import OpticalMemory
from optical_memory.agents.openai_agents import OpticalSession, input_filter
from optical_memory.errors import StoreError
from optical_memory.testing import TemplateReader

ITEMS: list[Any] = [
    {"role": "user", "content": "Ping srv1 and srv2."},
    {"type": "function_call", "call_id": "c1", "name": "ping", "arguments": '{"host": "srv1"}'},
    {"type": "function_call", "call_id": "c2", "name": "ping", "arguments": '{"host": "srv2"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "srv1 is up"},
    {"type": "function_call_output", "call_id": "c2", "output": "srv2 is down"},
    {"role": "assistant", "content": "srv1 is up, srv2 is down."},
]


@pytest.fixture
def memory(store: Any) -> OpticalMemory:
    return OpticalMemory(
        "alice", store=store, reader=TemplateReader(), background=False, keep_turns=8
    )


def items_of(session: OpticalSession, limit: int | None = None) -> list[Any]:
    return asyncio.run(session.get_items(limit))


# ---- the session ---------------------------------------------------------------------------------


def test_items_come_back_as_they_were(memory: OpticalMemory):
    session = OpticalSession(memory)
    asyncio.run(session.add_items(ITEMS))
    assert items_of(session) == ITEMS
    assert session.session_id == "alice"


def test_what_the_model_writes_comes_back_as_its_words(memory: OpticalMemory):
    session = OpticalSession(memory)
    part = {"type": "output_text", "text": "Hello.", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    asyncio.run(session.add_items([{"role": "user", "content": "hi"}, reasoning, message]))
    assert items_of(session)[1:] == [{"role": "assistant", "content": "Hello."}]


@pytest.mark.parametrize("limit", range(8))
def test_a_limit_leaves_no_answer_without_its_call(memory: OpticalMemory, limit: int):
    session = OpticalSession(memory)
    asyncio.run(session.add_items(ITEMS))
    items = items_of(session, limit)
    assert len(items) <= limit
    calls = {item["call_id"] for item in items if item.get("type") == "function_call"}
    outputs = {item["call_id"] for item in items if item.get("type") == "function_call_output"}
    assert outputs <= calls


def test_the_newest_item_is_popped_and_may_be_said_again(memory: OpticalMemory):
    session = OpticalSession(memory)
    asyncio.run(session.add_items(ITEMS))
    assert asyncio.run(session.pop_item()) == ITEMS[-1]
    assert items_of(session) == ITEMS[:-1]
    asyncio.run(session.add_items(ITEMS[-1:]))
    assert items_of(session) == ITEMS


def test_an_empty_session_has_nothing_to_pop(memory: OpticalMemory):
    session = OpticalSession(memory)
    assert asyncio.run(session.pop_item()) is None
    assert items_of(session) == []


def test_a_cleared_session_is_empty_and_begins_again(memory: OpticalMemory):
    session = OpticalSession(memory)
    asyncio.run(session.add_items(ITEMS))
    asyncio.run(session.clear_session())
    assert items_of(session) == []
    asyncio.run(session.add_items(ITEMS))
    assert items_of(session) == ITEMS


def test_old_items_stand_framed_at_the_head(memory: OpticalMemory):
    session = OpticalSession(memory)
    notes = [{"role": "user", "content": f"Note {i} is about room {i}."} for i in range(60)]
    asyncio.run(session.add_items(notes))
    memory.flush()
    head, *recent = items_of(session)
    assert head["content"].startswith("<recall>")
    assert "Note 3 is about room 3." in head["content"]
    assert recent[-1] == notes[-1]


def test_a_failure_is_no_items(memory: OpticalMemory, store: Any):
    session = OpticalSession(memory)
    asyncio.run(session.add_items(ITEMS))
    store.error = StoreError("no")
    asyncio.run(session.add_items(ITEMS))
    assert items_of(session) == []
    assert asyncio.run(session.pop_item()) is None


# ---- the filter ----------------------------------------------------------------------------------


@pytest.fixture
def model_data() -> type:
    run = pytest.importorskip("agents.run", reason="needs openai-agents")
    return run.ModelInputData


def filtered(memory: OpticalMemory, model_data: type, items: list[Any], budget: int) -> Any:
    data = SimpleNamespace(model_data=model_data(input=items, instructions="Be brief."))
    return asyncio.run(input_filter(memory, budget)(data))


def long_chat(n: int) -> list[Any]:
    items: list[Any] = []
    for i in range(n):
        items.append({"role": "user", "content": f"How many of part K-{i} are there?"})
        items.append({"type": "reasoning", "id": f"rs_{i}", "summary": []})
        call = {"call_id": f"c{i}", "name": "stock", "arguments": json.dumps({"part": i})}
        items.append({"type": "function_call", **call})
        answer = {"call_id": f"c{i}", "output": f"{7 * i} pieces of K-{i}"}
        items.append({"type": "function_call_output", **answer})
    return [*items, {"role": "user", "content": "How many pieces of K-3 were there?"}]


def test_a_view_that_fits_is_everything(memory: OpticalMemory, model_data: type):
    items = long_chat(3)
    view = filtered(memory, model_data, items, 10_000)
    assert (view.input, view.instructions) == (items, "Be brief.")


def test_calls_that_were_made_together_stay_with_all_their_results(
    memory: OpticalMemory, model_data: type
):
    items = [*long_chat(9), *ITEMS, *long_chat(2)]
    for budget in range(100, 500, 20):
        view = filtered(memory, model_data, items, budget).input
        shown = [item for item in view if item in ITEMS[1:5]]
        assert shown in ([], ITEMS[1:5])


@pytest.mark.parametrize("budget", range(150, 700, 50))
def test_a_shorter_view_keeps_pairs_and_a_models_reasoning_with_its_call(
    memory: OpticalMemory, model_data: type, budget: int
):
    items = long_chat(30)
    view = filtered(memory, model_data, items, budget).input
    assert view[-1] == items[-1]
    kinds = [item.get("type", item.get("role")) for item in view]
    assert kinds.count("function_call") == kinds.count("function_call_output")
    assert kinds.count("reasoning") == kinds.count("function_call")
    assert all(
        kinds[i + 1] == "function_call" for i, kind in enumerate(kinds) if kind == "reasoning"
    )


def test_the_view_has_what_the_question_is_about(memory: OpticalMemory, model_data: type):
    head = filtered(memory, model_data, long_chat(30), 600).input[0]
    assert "21 pieces of K-3" in head["content"]


def test_a_filter_that_fails_still_shows_the_newest(
    memory: OpticalMemory, store: Any, model_data: type
):
    store.error = StoreError("no route to 10.0.0.7")
    items = long_chat(30)
    view = filtered(memory, model_data, items, 300).input
    assert view[-1] == items[-1]
    assert all(item in items for item in view)


# ---- runs ----------------------------------------------------------------------------------------


def test_an_agent_remembers_between_runs(memory: OpticalMemory):
    sdk = pytest.importorskip("agents", reason="needs openai-agents")
    testing = pytest.importorskip("agents.testing", reason="needs a newer openai-agents")
    from agents.memory.session import Session

    session = OpticalSession(memory)
    assert isinstance(session, Session)
    sdk.set_tracing_disabled(True)
    model = testing.ScriptedModel(
        [[testing.assistant_message("Noted.")], [testing.assistant_message("It is 4417#.")]]
    )
    agent = sdk.Agent(name="helper", model=model)

    async def talk() -> list[str]:
        first = await sdk.Runner.run(agent, "The gate code is 4417#.", session=session)
        second = await sdk.Runner.run(agent, "What is the gate code?", session=session)
        return [first.final_output, second.final_output]

    assert asyncio.run(talk()) == ["Noted.", "It is 4417#."]
    assert [item["role"] for item in items_of(session)] == ["user", "assistant"] * 2
    assert any("4417#" in passage.text for passage in memory.recall("gate code", k=3))
