"""The recall tool in an agent of LangChain: asked, answered, and never the end of a turn."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

pytest.importorskip("langchain.agents", reason="needs the extra langchain")

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import recall_tool
from optical_memory.agents.langchain.tool import conversation_tool
from optical_memory.errors import StoreError
from optical_memory.testing import TemplateReader

CALL = {"name": "recall_memory", "args": {"query": "gate code"}, "id": "c1", "type": "tool_call"}


class ScriptedModel(GenericFakeChatModel):
    """A model that takes tools, and says what its script says."""

    def bind_tools(self, tools: Any, **settings: Any) -> ScriptedModel:
        return self


@pytest.fixture
def memory(store: Any) -> OpticalMemory:
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
    memory.remember(Turn("user", "The gate code is 4417#."))
    return memory


def answer_of_the_tool(memory: OpticalMemory, *, is_async: bool) -> ToolMessage:
    """The tool's message in a whole run of an agent, which ends with an answer."""
    script = iter([AIMessage("", tool_calls=[CALL]), AIMessage("Done.")])
    agent = create_agent(ScriptedModel(messages=script), tools=[recall_tool(memory)])
    state = {"messages": [HumanMessage("What is the gate code?")]}
    result = asyncio.run(agent.ainvoke(state)) if is_async else agent.invoke(state)
    assert result["messages"][-1].text == "Done."
    return next(message for message in result["messages"] if isinstance(message, ToolMessage))


@pytest.mark.parametrize("is_async", [False, True])
def test_an_agent_asks_its_memory(memory: OpticalMemory, *, is_async: bool):
    message = answer_of_the_tool(memory, is_async=is_async)
    assert message.text.startswith("<recall>")
    assert "user: The gate code is 4417#." in message.text


@pytest.mark.parametrize("is_async", [False, True])
def test_a_store_that_fails_ends_no_turn(memory: OpticalMemory, store: Any, *, is_async: bool):
    store.error = StoreError("no route to 10.0.0.7")
    message = answer_of_the_tool(memory, is_async=is_async)
    assert message.text == "The memory cannot be reached now."
    assert message.status == "success"


@pytest.mark.parametrize("is_async", [False, True])
def test_a_memory_that_cannot_be_opened_is_a_sentence_and_the_log_has_the_reason(
    caplog: pytest.LogCaptureFixture, *, is_async: bool
):
    def fail(runtime: Any) -> OpticalMemory:
        raise StoreError("no route to 10.0.0.7")

    script = iter([AIMessage("", tool_calls=[CALL]), AIMessage("Done.")])
    agent = create_agent(ScriptedModel(messages=script), tools=[conversation_tool(fail)])
    state = {"messages": [HumanMessage("What is the gate code?")]}
    with caplog.at_level(logging.WARNING, "optical_memory"):
        result = asyncio.run(agent.ainvoke(state)) if is_async else agent.invoke(state)
    (message,) = (m for m in result["messages"] if isinstance(m, ToolMessage))
    assert message.text == "The memory cannot be reached now."
    assert "10.0.0.7" in caplog.text
