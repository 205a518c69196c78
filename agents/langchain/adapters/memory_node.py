"""A node for hand-written graphs: the messages of a state in, a short view of them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, takewhile
from typing import Any

from langchain_core.messages import BaseMessage

from optical_memory.agents.failures import or_else
from optical_memory.agents.langchain.adapters.messages import last_question, passage_message
from optical_memory.agents.message_groups import GroupCosts, MessageGroup, group_messages
from optical_memory.agents.passages import framed_passages
from optical_memory.errors import require_number
from optical_memory.memory import OpticalMemory

__all__ = [
    "MemoryNode",
]

RECENT_SHARE = 0.5
"""Share of the budget for the newest messages; passages have the rest."""


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
        messages = list(messages)
        groups = group_messages(messages)
        costs = GroupCosts(groups, self.budget)
        ids: list[str] = or_else("remembering", lambda: self.memory.sync(messages), [])
        if costs.total(range(len(groups))) <= self.budget:
            return messages
        stays = _newest(groups, costs, int(RECENT_SHARE * self.budget))
        positions = sorted(chain.from_iterable(groups[i].positions for i in stays))
        recent = [messages[i] for i in positions]
        budget_left = self.budget - sum(costs[i] for i in stays)
        shown = {ids[n] for i in stays for n in groups[i].turns if n < len(ids)}
        text = or_else(
            "recall",
            lambda: framed_passages(
                self.memory,
                last_question(messages),
                budget_left,
                without=shown,
                other_texts=[message.text for message in recent],
            ),
            "",
        )
        head = list(takewhile(lambda message: message.type == "system", recent))
        passages = [passage_message(text)] if text else []
        return [*head, *passages, *recent[len(head) :]]


def _newest(groups: Sequence[MessageGroup], costs: GroupCosts, budget: int) -> list[int]:
    """The groups that stay: system messages, the last question, and the newest that fit."""
    with_user = [i for i, group in enumerate(groups) if group.has_user]
    stays = {i for i, group in enumerate(groups) if group.is_system}
    stays |= {len(groups) - 1, *with_user[-1:]}
    budget_left = budget - sum(costs[i] for i in stays)
    for i in reversed(range(len(groups))):
        if i in stays:
            continue
        budget_left -= costs[i]
        if budget_left < 0:
            break
        stays.add(i)
    return sorted(stays)


def _field(state: Any, key: str) -> list[BaseMessage]:
    """A field of a state, which is a mapping or an object."""
    return list(state[key] if isinstance(state, Mapping) else getattr(state, key))
