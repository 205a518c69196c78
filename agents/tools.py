"""A LangChain tool that lets an agent ask its memory, from lines to passages to a whole page.

Needs langchain-core, which is loaded when the tool is made.
"""

from __future__ import annotations

import asyncio
import base64
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from optical_memory.agents.recall_answers import (
    MAX_PASSAGES,
    Detail,
    RecallAnswer,
    recall_answer,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import StructuredTool

    from optical_memory.memory import OpticalMemory

__all__ = [
    "RecallInput",
    "recall_tool",
]

# The model reads the name, the description and the answers.
NAME = "recall_memory"
DESCRIPTION = (
    "Search earlier parts of this conversation that are no longer in view. detail='lines' gives a "
    "line for each match, with the number of its page; detail='passages' the words themselves; "
    "page=N a whole page. [word?] marks a doubtful word, […] a forgotten passage."
)


class RecallInput(BaseModel):
    """The arguments of the tool."""

    query: str | None = Field(
        default=None, description="What to look for, in the words that were probably used then."
    )
    detail: Detail = Field(default="passages", description="How much of each match to give.")
    page: int | None = Field(
        default=None, ge=1, description="The number of a page to read as a whole, from 1."
    )
    k: int | None = Field(
        default=None, ge=1, le=MAX_PASSAGES, description="How many matches to give at most."
    )
    after: date | None = Field(default=None, description="Only what was said from this day on.")
    before: date | None = Field(default=None, description="Only what was said until this day.")


def recall_tool(
    memory: OpticalMemory, model: BaseChatModel | None = None, *, images: bool | None = None
) -> StructuredTool:
    """A tool named `recall_memory` over a memory.

    A page comes as its picture if `images` is True, or if `images` is None and the profile of
    `model` says that it takes pictures in results of tools. Else it comes as text. If the memory
    fails, the tool says so in a sentence without details, and the log has the reason.
    """
    from langchain_core.tools import StructuredTool

    with_images = _takes_images(model) if images is None else images

    def recall(
        query: str | None = None,
        detail: Detail = "passages",
        page: int | None = None,
        k: int | None = None,
        after: date | None = None,
        before: date | None = None,
    ) -> str | list[dict[str, Any]]:
        answer = recall_answer(
            memory,
            query,
            detail=detail,
            page=page,
            k=k,
            after=after,
            before=before,
            images=with_images,
        )
        return _content(answer)

    async def arecall(**arguments: Any) -> str | list[dict[str, Any]]:
        return await asyncio.to_thread(recall, **arguments)

    return StructuredTool.from_function(
        recall, arecall, name=NAME, description=DESCRIPTION, args_schema=RecallInput
    )


def _takes_images(model: BaseChatModel | None) -> bool:
    """True if the model's profile says that results of tools may have pictures."""
    profile = getattr(model, "profile", None) or {}
    return profile.get("image_tool_message") is True


def _content(answer: RecallAnswer) -> str | list[dict[str, Any]]:
    """The content of a tool message: a text, or LangChain's standard blocks."""
    if answer.png is None:
        return answer.text
    picture = {
        "type": "image",
        "base64": base64.b64encode(answer.png).decode(),
        "mime_type": "image/png",
    }
    return [{"type": "text", "text": answer.text}, picture]
