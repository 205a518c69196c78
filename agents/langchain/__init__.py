"""A memory for agents of LangChain: a middleware that shows the model a short view of a long chat.

Needs langchain: `pip install 'optical-memory[langchain]'`.
"""

from __future__ import annotations

from optical_memory.errors import MissingExtra

try:
    from optical_memory.agents.langchain.counting import count_message_tokens
    from optical_memory.agents.langchain.middleware import OpticalMemoryMiddleware
    from optical_memory.agents.langchain.state import OpticalMemoryState
    from optical_memory.agents.langchain.view import PassageRenderer
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("langchain", "langgraph"):
        raise
    raise MissingExtra(
        "the middleware needs LangChain: `pip install 'optical-memory[langchain]'`"
    ) from error

__all__ = [
    "OpticalMemoryMiddleware",
    "OpticalMemoryState",
    "PassageRenderer",
    "count_message_tokens",
]
