"""A memory for LLM agents that keeps old conversation as pictures of text.

Importing this loads neither torch nor redis nor langchain, and nothing else that takes long. A
class that needs them is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.turns import Attachment, ToolCall, Turn

if TYPE_CHECKING:
    from optical_memory.memory import OpticalMemory
    from optical_memory.recall.context import Context
    from optical_memory.recall.recollection import Recollection
    from optical_memory.session.policy import ForgettingPolicy
    from optical_memory.session.stats import Stats
    from optical_memory.session.stored_page import PageInfo
    from optical_memory.spans import Span

    __version__: str

__all__ = [
    "Attachment",
    "Context",
    "ForgettingPolicy",
    "Forgotten",
    "OpticalMemory",
    "OpticalMemoryError",
    "PageInfo",
    "Recollection",
    "Span",
    "Stats",
    "ToolCall",
    "Turn",
    "__version__",
]

_LAZY = {
    "Context": "optical_memory.recall.context",
    "ForgettingPolicy": "optical_memory.session.policy",
    "OpticalMemory": "optical_memory.memory",
    "PageInfo": "optical_memory.session.stored_page",
    "Recollection": "optical_memory.recall.recollection",
    "Span": "optical_memory.spans",
    "Stats": "optical_memory.session.stats",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error

    def __getattr__(name):
        if name == "__version__":
            value = _version()
        elif name in _LAZY:
            value = getattr(import_module(_LAZY[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY, "__version__"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("optical-memory")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0+unknown"
