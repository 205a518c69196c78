"""A memory for LLM agents that keeps old conversation as pictures of text.

Importing this loads neither torch nor redis nor langchain, and nothing else that takes long. A
class that needs them is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.lazy import load_lazily
from optical_memory.turns import Attachment, ToolCall, Turn

if TYPE_CHECKING:
    from optical_memory.counting import Bill
    from optical_memory.memory import OpticalMemory
    from optical_memory.recall.recollection import Recollection
    from optical_memory.recall.window.context import Context
    from optical_memory.session.forgetting.policy import ForgettingPolicy, Schedule, Weights
    from optical_memory.session.stats import Stats
    from optical_memory.session.stored_page import PageInfo
    from optical_memory.spans import Span

    __version__: str

__all__ = [
    "Attachment",
    "Bill",
    "Context",
    "ForgettingPolicy",
    "Forgotten",
    "OpticalMemory",
    "OpticalMemoryError",
    "PageInfo",
    "Recollection",
    "Schedule",
    "Span",
    "Stats",
    "ToolCall",
    "Turn",
    "Weights",
    "__version__",
]

_LAZY = {
    "Bill": "optical_memory.counting",
    "Context": "optical_memory.recall.window.context",
    "ForgettingPolicy": "optical_memory.session.forgetting.policy",
    "OpticalMemory": "optical_memory.memory",
    "PageInfo": "optical_memory.session.stored_page",
    "Recollection": "optical_memory.recall.recollection",
    "Schedule": "optical_memory.session.forgetting.policy",
    "Span": "optical_memory.spans",
    "Stats": "optical_memory.session.stats",
    "Weights": "optical_memory.session.forgetting.policy",
    "__version__": "optical_memory.version",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
