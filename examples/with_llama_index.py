"""LlamaIndex with a memory block: what its own memory ejects is kept, and passages come back.

python examples/with_llama_index.py              # no model and no network
"""

import asyncio
import tempfile
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import BaseMemoryBlock, Memory
from pydantic import ConfigDict

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.failures import or_else
from optical_memory.agents.passages import framed_passages


class OpticalBlock(BaseMemoryBlock[str]):
    """Keeps the messages that LlamaIndex ejects; gives passages about the last message, framed."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    memory: OpticalMemory
    budget: int = 1_000

    async def _aget(self, messages: list[ChatMessage] | None = None, **_: Any) -> str:
        question = (messages[-1].content or "") if messages else ""
        return await asyncio.to_thread(
            or_else, "recall", lambda: framed_passages(self.memory, question, self.budget), ""
        )

    async def _aput(self, messages: list[ChatMessage]) -> None:
        turns = [Turn(_role(message), message.content or "") for message in messages]
        await asyncio.to_thread(or_else, "remembering", lambda: self.memory.remember(turns), None)


ROLES = {"developer": "system", "chatbot": "assistant", "model": "assistant", "function": "tool"}


def _role(message: ChatMessage) -> Any:
    """A role of a turn. What no user said is never a user's: an unknown role is a tool's."""
    role = ROLES.get(message.role.value, message.role.value)
    return role if role in ("system", "user", "assistant") else "tool"


async def talk(block: OpticalBlock) -> None:
    memory = Memory.from_defaults(
        session_id="example",
        token_limit=400,
        chat_history_token_ratio=0.5,
        token_flush_size=100,
        memory_blocks=[block],
        insert_method="user",
    )
    for i in range(60):
        text = f"Note {i}: the meeting is in room {i}."
        await memory.aput(ChatMessage(role="user", content=text))
        await memory.aput(ChatMessage(role="assistant", content=f"Noted, {i}."))
    await memory.aput(ChatMessage(role="user", content="In which room was note 7?"))
    window = await memory.aget()
    is_there = "room 7." in str(window)
    print(f"{len(window)} messages in the window; the room: {is_there}")


with (
    tempfile.TemporaryDirectory() as folder,
    OpticalMemory("example", store=f"sqlite:///{folder}/memory.db") as memory,
):
    asyncio.run(talk(OpticalBlock(name="optical", memory=memory)))
    print(f"{memory.stats().turns} turns in memory")
