"""Passages of a memory about a question as the text of a message, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from optical_memory.counting import count_tokens
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.frame import frame

if TYPE_CHECKING:
    from optical_memory.memory import OpticalMemory

__all__ = [
    "fitting_frame",
    "framed_passages",
]

N_PASSAGES = 12
"""Turns that are looked at: most questions need three, those that count things need more."""


def framed_passages(
    memory: OpticalMemory,
    query: str,
    budget: int,
    *,
    without: Collection[str] = (),
    other_texts: Sequence[str] = (),
) -> str:
    """The passages that say most about a query, framed, in at most `budget` tokens.

    It is empty if none fits or none says anything. Turns whose ids are in `without` stay out: they
    are in the window already. The frame's tag is in none of the `other_texts`. Raises as
    `OpticalMemory.recall`.
    """
    if not query.strip():
        return ""
    visible = set(without)
    n_more = min(len(visible), N_PASSAGES)  # some of the best may be visible; reading costs time
    passages = [
        passage
        for passage in memory.recall(query, N_PASSAGES + n_more)
        if visible.isdisjoint(passage.turns)
    ]
    return fitting_frame(passages[:N_PASSAGES], budget, other_texts)


def fitting_frame(
    passages: Sequence[Recollection], budget: int, other_texts: Sequence[str] = ()
) -> str:
    """The frame of the first passages that fit the budget together; empty if none fits."""
    best = list(passages)
    while best:
        text = frame(best, other_texts)
        if count_tokens(text) <= budget:
            return text
        best.pop()
    return ""
