"""The `recall` tool: an agent asks its memory, and never sees how the memory fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import StructuredTool

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import recall_tool
from optical_memory.errors import StoreError
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader


class StoreThatMayFail:
    """A real store behind a switch: `error`, if set, is raised at every call."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.error is not None:
            raise self.error
        return getattr(self._store, name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    sqlite = SQLiteStore(tmp_path / "memory.db")
    yield StoreThatMayFail(sqlite)
    sqlite.close()


@pytest.fixture
def memory(store: Any) -> OpticalMemory:
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
    memory.remember([Turn("user", "The gate code is 4417#."), Turn("assistant", "Noted.")])
    return memory


def test_the_tool_has_a_name_a_description_and_a_schema(memory: OpticalMemory):
    tool = recall_tool(memory)
    assert isinstance(tool, StructuredTool)
    assert tool.name == "recall"
    assert len(tool.description) > 50
    assert set(tool.args) == {"query", "k"}
    assert tool.get_input_jsonschema()["required"] == ["query"]


def test_the_tool_answers_with_who_spoke_in_a_frame(memory: OpticalMemory):
    lines = recall_tool(memory).invoke({"query": "gate code"}).splitlines()
    assert lines[0] == "<recall>"
    assert lines[-1] == "</recall>"
    assert "user: The gate code is 4417#." in lines


def test_the_tool_answers_a_tool_call_with_a_tool_message(memory: OpticalMemory):
    call = {
        "name": "recall",
        "args": {"query": "gate code", "k": 1},
        "id": "1",
        "type": "tool_call",
    }
    answer = recall_tool(memory).invoke(call)
    assert answer.tool_call_id == "1"
    assert "4417#" in answer.content


def test_the_tool_answers_the_same_asynchronously(memory: OpticalMemory):
    tool = recall_tool(memory)
    assert asyncio.run(tool.ainvoke({"query": "gate code"})) == tool.invoke({"query": "gate code"})


def test_the_tool_says_that_it_found_nothing(memory: OpticalMemory):
    assert recall_tool(memory).invoke({"query": "zeppelin"}) == "Nothing is remembered about that."


def test_the_tool_refuses_arguments_that_make_no_sense(memory: OpticalMemory):
    with pytest.raises(ValueError, match="k"):
        recall_tool(memory).invoke({"query": "gate", "k": 0})


def test_a_memory_that_fails_puts_no_error_text_into_the_conversation(
    memory: OpticalMemory, store: Any, caplog: pytest.LogCaptureFixture
):
    store.error = StoreError("no route to 10.0.0.7")
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert recall_tool(memory).invoke({"query": "gate"}) == "The memory cannot be reached now."
    assert "10.0.0.7" in caplog.text
