"""A memory for LLM agents that keeps old conversation as pictures of text.

Importing this loads neither torch nor redis nor langchain.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from optical_memory.context import Context
from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.forgetting import ForgettingPolicy
from optical_memory.memory import OpticalMemory
from optical_memory.recollection import Recollection
from optical_memory.turns import Attachment, ToolCall, Turn

__all__ = [
    "Attachment",
    "Context",
    "Forgotten",
    "ForgettingPolicy",
    "OpticalMemory",
    "OpticalMemoryError",
    "Recollection",
    "ToolCall",
    "Turn",
]

try:
    __version__ = version("optical-memory")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"
