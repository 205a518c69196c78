"""Below its trigger the middleware changes nothing: agents of many shapes, with it and without.

`make test-upstream` does the same with all of LangChain's own tests of agents.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, before_model, dynamic_prompt
from langchain.agents.structured_output import ToolStrategy
from langchain.tools import tool
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel
from support.scripted_agents import ScriptedModel, lines, memory_in

from optical_memory.agents.langchain import OpticalMemoryMiddleware

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Weather(BaseModel):
    """An answer with a form."""

    degrees: int


@tool
def look(place: str) -> str:
    """Looks at a place."""
    return f"{place} is fine."


@tool
def fail(place: str) -> str:
    """Fails."""
    raise ValueError(place)


@before_model
def note(state: Any, runtime: Any) -> dict[str, Any]:
    return {"messages": [HumanMessage("A note.")]}


@dynamic_prompt
def louder(request: Any) -> str:
    return "Be loud."


def calling(*calls: tuple[str, dict[str, Any]]) -> Callable[[list[Any]], AIMessage]:
    """A script that makes these calls at once, then says that it is done."""

    def script(messages: list[Any]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("Done.")
        return AIMessage(
            "",
            tool_calls=[
                {"name": name, "args": args, "id": f"c{i}", "type": "tool_call"}
                for i, (name, args) in enumerate(calls)
            ],
        )

    return script


LOOK = ("look", {"place": "Oslo"})

SHAPES: dict[str, tuple[Any, dict[str, Any], list[Any]]] = {
    "chat": (None, {}, []),
    "system prompt": (None, {"system_prompt": "Be kind."}, []),
    "tool": (calling(LOOK), {"tools": [look]}, []),
    "parallel tools": (calling(LOOK, LOOK), {"tools": [look]}, []),
    "structured": (
        calling(("Weather", {"degrees": 3})),
        {"response_format": ToolStrategy(Weather)},
        [],
    ),
    "node of another": (None, {}, [note]),
    "wrap of another": (None, {}, [louder]),
    "limit": (calling(LOOK), {"tools": [look]}, [ModelCallLimitMiddleware(run_limit=1)]),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_agent_does_the_same_with_the_middleware(shape: str, is_async: bool, tmp_path: Path):
    script, settings, others = SHAPES[shape]
    memory = memory_in(tmp_path, background=False)
    ours = OpticalMemoryMiddleware(memory=memory, recall_tool=False, on_error="raise")
    results = []
    for middleware in (others, [*others, ours], [ours, *others]):
        model = ScriptedModel(**({"script": script} if script else {}))
        agent = create_agent(model, middleware=middleware, checkpointer=InMemorySaver(), **settings)
        for text in ("Hello.", "How is Oslo?"):
            state = {"messages": [HumanMessage(text)]}
            if is_async:
                result = asyncio.run(agent.ainvoke(state, CONFIG))
            else:
                result = agent.invoke(state, CONFIG)
        shown = [lines(view) for view in model.views]
        nodes = sorted(agent.get_graph().nodes)
        keys = sorted(result)
        structured = result.get("structured_response")
        results.append((lines(result["messages"]), shown, nodes, keys, structured, model.tools))
    assert results[0] == results[1] == results[2]


def test_streams_are_the_same(tmp_path: Path):
    memory = memory_in(tmp_path, background=False)
    ours = OpticalMemoryMiddleware(memory=memory, recall_tool=False, on_error="raise")
    streams = []
    for middleware in ([], [ours]):
        agent = create_agent(ScriptedModel(), middleware=middleware)
        state: Any = {"messages": [HumanMessage("Hello.")]}
        updates = list(agent.stream(state, CONFIG, stream_mode="updates"))
        tokens = list(agent.stream(state, CONFIG, stream_mode="messages"))
        streams.append(
            [
                [lines(update["model"]["messages"]) for update in updates],
                [message.content for message, _ in tokens],
            ]
        )
    assert streams[0] == streams[1]


PROGRAM = """
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from optical_memory import Bill, OpticalMemory
from optical_memory.agents.langchain import OpticalMemoryMiddleware

memory = OpticalMemory(store="sqlite:///memory.db")
middleware = OpticalMemoryMiddleware(memory=memory, trigger=("tokens", 8_000))
agent = create_agent(FakeListChatModel(responses=["Noted."]), middleware=[middleware])
agent.invoke({"messages": [{"role": "user", "content": "Hello."}]})
bill: Bill = middleware.bill
"""


@pytest.mark.slow
def test_mypy_finds_nothing_in_a_users_program(tmp_path: Path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--strict", "program.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("Success"), result.stdout
