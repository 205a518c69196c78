"""The official client of MCP asks a server: in the process, over stdio, or over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client

from optical_memory import OpticalMemory
from optical_memory.agents.mcp import memory_server

Ask = Callable[..., Awaitable[Any]]


def asked(server: Any, question: Callable[[Ask], Awaitable[Any]]) -> Any:
    """The result of a conversation with a server, which may be a URL or a command."""

    async def converse() -> Any:
        async with Client(server) as client:

            async def ask(tool: str, **arguments: Any) -> Any:
                return await client.call_tool(tool, arguments)

            return await question(ask)

    return asyncio.run(converse())


def text(result: Any) -> str:
    """The words of an answer that is no error."""
    assert not result.is_error
    return "".join(block.text for block in result.content if block.type == "text")


def answer(memory: OpticalMemory, tool: str, **arguments: Any) -> Any:
    """The answer of a tool of this memory's server, in the process."""
    return asked(memory_server(memory), lambda ask: ask(tool, **arguments))
