"""The recall tool of an agent: it asks the session of the conversation that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, StructuredTool

from optical_memory.agents.failures import NO_MEMORY, or_else
from optical_memory.agents.recall_answers import Detail
from optical_memory.agents.tools import DESCRIPTION, NAME, recall_tool
from optical_memory.memory import OpticalMemory

__all__ = [
    "can_call_tools",
    "conversation_tool",
]


def conversation_tool(memory_of: Callable[[Any], OpticalMemory]) -> BaseTool:
    """The tool of `recall_tool`, over the memory that `memory_of` gives for a tool's runtime.

    It takes no days and gives pages as text. If the memory cannot be reached, the tool says so, and
    the log has the reason.
    """

    def recall(
        runtime: ToolRuntime,
        query: str | None = None,
        detail: Detail = "passages",
        page: int | None = None,
        k: int | None = None,
    ) -> str:
        arguments = {"query": query, "detail": detail, "page": page, "k": k}
        return or_else(
            "recall", lambda: str(recall_tool(memory_of(runtime)).invoke(arguments)), NO_MEMORY
        )

    async def arecall(**arguments: Any) -> str:
        return await asyncio.to_thread(recall, **arguments)

    return StructuredTool.from_function(recall, arecall, name=NAME, description=DESCRIPTION)


def can_call_tools(model: BaseChatModel) -> bool:
    """False if the model says, or its class shows, that it takes no tools."""
    profile = getattr(model, "profile", None)
    if isinstance(profile, dict) and profile.get("tool_calling") is False:
        return False
    return type(model).bind_tools is not BaseChatModel.bind_tools
