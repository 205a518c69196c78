"""Ways into LangChain and LangGraph: a name is loaded when it is first used.

The middleware needs langchain: `pip install 'optical-memory[langchain]'`. Other names need no more
than langchain-core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.errors import MissingExtra
from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.agents.langchain.adapters.byte_store import OpticalByteStore
    from optical_memory.agents.langchain.adapters.chat_history import OpticalChatMessageHistory
    from optical_memory.agents.langchain.adapters.deep_agents import for_deep_agents
    from optical_memory.agents.langchain.adapters.memory_node import MemoryNode
    from optical_memory.agents.langchain.adapters.retriever import OpticalRetriever
    from optical_memory.agents.langchain.adapters.summarizer import as_summarizer
    from optical_memory.agents.langchain.counting import count_message_tokens
    from optical_memory.agents.langchain.middleware import OpticalMemoryMiddleware
    from optical_memory.agents.langchain.presentation import PassageRenderer
    from optical_memory.agents.langchain.state import OpticalMemoryState
    from optical_memory.agents.tools import recall_tool

__all__ = [
    "MemoryNode",
    "OpticalByteStore",
    "OpticalChatMessageHistory",
    "OpticalMemoryMiddleware",
    "OpticalMemoryState",
    "OpticalRetriever",
    "PassageRenderer",
    "as_summarizer",
    "count_message_tokens",
    "for_deep_agents",
    "recall_tool",
]

_LAZY = {
    "MemoryNode": "optical_memory.agents.langchain.adapters.memory_node",
    "OpticalByteStore": "optical_memory.agents.langchain.adapters.byte_store",
    "OpticalChatMessageHistory": "optical_memory.agents.langchain.adapters.chat_history",
    "OpticalMemoryMiddleware": "optical_memory.agents.langchain.middleware",
    "OpticalMemoryState": "optical_memory.agents.langchain.state",
    "OpticalRetriever": "optical_memory.agents.langchain.adapters.retriever",
    "PassageRenderer": "optical_memory.agents.langchain.presentation",
    "as_summarizer": "optical_memory.agents.langchain.adapters.summarizer",
    "count_message_tokens": "optical_memory.agents.langchain.counting",
    "for_deep_agents": "optical_memory.agents.langchain.adapters.deep_agents",
    "recall_tool": "optical_memory.agents.tools",
}

_load = load_lazily(__name__, _LAZY)


def _loaded(name: str) -> object:
    """The name. Raises `MissingExtra` if LangChain is not installed."""
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("langchain", "langgraph"):
            raise
        raise MissingExtra(
            f"{name} needs LangChain: `pip install 'optical-memory[langchain]'`"
        ) from error


if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = _loaded


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
