"""A LangChain tool that lets an agent ask its memory.

Needs langchain-core, which is loaded when the tool is made.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.recall.window.frame import frame

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

    from optical_memory.memory import OpticalMemory

__all__ = [
    "RecallInput",
    "recall_tool",
]

log = logging.getLogger("optical_memory")

# The model reads the name, the description and these answers.
NAME = "recall"
DESCRIPTION = (
    "Search earlier parts of this conversation that are no longer in view. Every passage says "
    "where it comes from and how sure it is; [word?] marks a doubtful word, […] a forgotten "
    "passage."
)
NO_MATCH = "Nothing is remembered about that."
NO_MEMORY = "The memory cannot be reached now."


class RecallInput(BaseModel):
    """The arguments of the tool."""

    query: str = Field(description="What to look for, in the words that were probably used then.")
    k: int = Field(default=3, ge=1, le=10, description="How many passages to return at most.")


def recall_tool(memory: OpticalMemory) -> StructuredTool:
    """A tool named `recall` over a memory.

    If the memory fails, the tool says so in a sentence without details, and the log has the reason.
    """
    from langchain_core.tools import StructuredTool

    def recall(query: str, k: int = 3) -> str:
        return _answer(memory, query, k)

    async def arecall(query: str, k: int = 3) -> str:
        return await asyncio.to_thread(_answer, memory, query, k)

    return StructuredTool.from_function(
        recall, arecall, name=NAME, description=DESCRIPTION, args_schema=RecallInput
    )


def _answer(memory: OpticalMemory, query: str, k: int) -> str:
    try:
        recollections = memory.recall(query, k)
    except (OpticalMemoryError, Forgotten) as error:
        log.warning(
            "recall failed, the agent goes on without it: %s: %s", type(error).__name__, error
        )
        return NO_MEMORY
    in_order = sorted(recollections, key=lambda passage: passage.ordinal)
    return frame(in_order) or NO_MATCH
