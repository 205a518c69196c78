"""Ways into chatbots and agents. Importing this loads no agent framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.agents.chat import compress
    from optical_memory.agents.tools import recall_tool

__all__ = [
    "compress",
    "recall_tool",
]

_LAZY = {
    "compress": "optical_memory.agents.chat",
    "recall_tool": "optical_memory.agents.tools",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
