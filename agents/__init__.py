"""Ways into chatbots and agents. Importing this loads no agent framework."""

from __future__ import annotations

from optical_memory.agents.chat import compress
from optical_memory.agents.tools import recall_tool

__all__ = [
    "compress",
    "recall_tool",
]
