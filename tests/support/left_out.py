"""Turns of a conversation, and what was left out of it, in a form that tests compare."""

from __future__ import annotations

from optical_memory.loaders import Conversation

__all__ = [
    "lines",
    "reasons",
]


def lines(conversation: Conversation) -> list[tuple[str, str]]:
    """The role and the text of each turn."""
    return [(turn.role, turn.text) for turn in conversation.turns]


def reasons(conversation: Conversation) -> dict[str, str]:
    """The words that were left out, by their place, with the reason in front."""
    return {item.place: f"{item.reason}: {item.text}" for item in conversation.left_out}
