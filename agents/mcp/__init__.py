"""A memory as an MCP server, for any agent that speaks the Model Context Protocol."""

from __future__ import annotations

from optical_memory.errors import MissingExtra

try:
    from optical_memory.agents.mcp.server import memory_server
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
        raise
    raise MissingExtra(
        "the MCP server needs the official SDK: pip install 'optical-memory[mcp]'"
    ) from error

__all__ = [
    "memory_server",
]
