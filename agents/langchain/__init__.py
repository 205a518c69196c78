"""Ways into LangChain and LangGraph: a name is loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.agents.langchain.adapters.byte_store import OpticalByteStore
    from optical_memory.agents.langchain.adapters.chat_history import OpticalChatMessageHistory
    from optical_memory.agents.langchain.adapters.deep_agents import for_deep_agents
    from optical_memory.agents.langchain.adapters.memory_node import MemoryNode
    from optical_memory.agents.langchain.adapters.retriever import OpticalRetriever
    from optical_memory.agents.langchain.adapters.summarizer import as_summarizer
    from optical_memory.agents.tools import recall_tool

__all__ = [
    "MemoryNode",
    "OpticalByteStore",
    "OpticalChatMessageHistory",
    "OpticalRetriever",
    "as_summarizer",
    "for_deep_agents",
    "recall_tool",
]

_LAZY = {
    "MemoryNode": "optical_memory.agents.langchain.adapters.memory_node",
    "OpticalByteStore": "optical_memory.agents.langchain.adapters.byte_store",
    "OpticalChatMessageHistory": "optical_memory.agents.langchain.adapters.chat_history",
    "OpticalRetriever": "optical_memory.agents.langchain.adapters.retriever",
    "as_summarizer": "optical_memory.agents.langchain.adapters.summarizer",
    "for_deep_agents": "optical_memory.agents.langchain.adapters.deep_agents",
    "recall_tool": "optical_memory.agents.tools",
}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
