"""A node for hand-written graphs: the messages of a state in, a short view of them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from optical_memory.agents.failures import or_else
from optical_memory.agents.langchain.adapters.messages import passage_message
from optical_memory.agents.short_view import short_view
from optical_memory.errors import require_number
from optical_memory.memory import OpticalMemory

__all__ = [
    "MemoryNode",
]


class MemoryNode:
    """Remembers the messages of a state, and gives the model's view of them under another key.

    `graph.add_node("memory", MemoryNode(memory))` before the node that calls the model, which then
    reads `state["llm_input_messages"]`. The messages in the state stay as they are. If they fit the
    budget, they are the view. Else system messages, the last question and the newest messages stay
    as they came, a tool call with all its results, and a message of the user before them has
    passages about the question. LangGraph runs the node on a thread in an async graph.

    If the memory fails, the view has no passages, and the log has the reason. Raises `InputError`
    for a budget below 1; the budget is the memory's by default.
    """

    def __init__(
        self,
        memory: OpticalMemory,
        budget: int | None = None,
        *,
        input_messages_key: str = "messages",
        output_messages_key: str = "llm_input_messages",
    ) -> None:
        self.memory = memory
        self.budget = memory.budget if budget is None else budget
        require_number("budget", self.budget, minimum=1)
        self.input_messages_key = input_messages_key
        self.output_messages_key = output_messages_key

    def __call__(self, state: Any) -> dict[str, list[BaseMessage]]:
        """The view, under the key of the output."""
        messages = _field(state, self.input_messages_key)
        return {
            self.output_messages_key: or_else("the view", lambda: self.view(messages), messages)
        }

    def view(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """The messages that a model is shown. Raises `InputError` if a message cannot be read."""
        view = short_view(self.memory, messages, self.budget)
        return view.of(messages, passage_message)


def _field(state: Any, key: str) -> list[BaseMessage]:
    """A field of a state, which is a mapping or an object."""
    return list(state[key] if isinstance(state, Mapping) else getattr(state, key))
