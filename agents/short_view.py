"""A short view of a host's messages: which of them stay, and passages about the rest.

Knows no agent framework: messages have any form that the loaders read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from optical_memory.agents.failures import or_else
from optical_memory.agents.message_groups import (
    GroupCosts,
    MessageGroup,
    group_messages,
    question_group,
    words_of_user,
)
from optical_memory.agents.passages import framed_passages
from optical_memory.stores.turn_time import TURN_SECONDS, turn_time
from optical_memory.turns import body, short_repr

if TYPE_CHECKING:
    from optical_memory.memory import OpticalMemory

__all__ = [
    "ShortView",
    "short_view",
]

RECENT_SHARE = 0.5
"""Share of the budget for the newest messages; passages have the rest."""


@short_repr
@dataclass(frozen=True, slots=True)
class ShortView:
    """The positions of the messages that stay, and the frame of passages; empty without any.

    The frame stands behind the first `n_head` of the positions, which are system messages.
    """

    positions: tuple[int, ...]
    n_head: int
    passages: str

    def of(self, messages: Sequence[Any], passage_message: Callable[[str], Any]) -> list[Any]:
        """The messages that stay, and behind the head the message that carries the passages."""
        shown = [messages[i] for i in self.positions]
        passages = [passage_message(self.passages)] if self.passages else []
        return [*shown[: self.n_head], *passages, *shown[self.n_head :]]


def short_view(memory: OpticalMemory, messages: Sequence[Any], budget: int) -> ShortView:
    """Remember the messages, and say what a model is shown of them in `budget` tokens.

    If they fit, all stay. Else system messages, the last question and the newest messages stay, a
    tool call with all its results. If the memory fails there are no passages, and the log has the
    reason. All of it is a single turn of the memory. Raises `InputError` if a message cannot be
    read.
    """
    with turn_time(TURN_SECONDS):
        return _short_view(memory, messages, budget)


def _short_view(memory: OpticalMemory, messages: Sequence[Any], budget: int) -> ShortView:
    groups = group_messages(messages)
    costs = GroupCosts(groups, budget)
    ids: list[str] = or_else("remembering", lambda: memory.sync(messages), [])
    stays = set(range(len(groups)))
    passages = ""
    if costs.total(stays) > budget:
        question = question_group(groups)
        stays = _stays(groups, costs, question, int(RECENT_SHARE * budget))
        budget_left = budget - sum(costs[i] for i in stays)
        newest = [groups[i] for i in sorted(stays)]
        passages = _passages(memory, words_of_user(groups[question]), budget_left, newest, ids)
    positions = sorted(chain.from_iterable(groups[i].positions for i in stays))
    systems = {group.positions[0] for group in groups if group.is_system}
    n_head = next((i for i, n in enumerate(positions) if n not in systems), len(positions))
    return ShortView(tuple(positions), n_head, passages)


def _stays(
    groups: Sequence[MessageGroup], costs: GroupCosts, question: int, budget: int
) -> set[int]:
    """The groups that stay: system messages, the last question, and the newest that fit."""
    needed = {i for i, group in enumerate(groups) if group.is_system}
    needed |= {question, len(groups) - 1}
    return costs.with_newest(needed, budget - sum(costs[i] for i in needed))


def _passages(
    memory: OpticalMemory,
    question: str,
    budget: int,
    newest: Sequence[MessageGroup],
    ids: Sequence[str],
) -> str:
    """Passages about the question, without the turns that stay."""
    turns = dict(chain.from_iterable(group.turns.items() for group in newest))
    texts = [body(turn) for turn in turns.values()]
    visible = {ids[n] for n in turns if n < len(ids)}
    return or_else(
        "recall",
        lambda: framed_passages(memory, question, budget, without=visible, other_texts=texts),
        "",
    )
