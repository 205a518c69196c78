"""Recent turns as messages, and what these cost, counted from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optical_memory.recall.window.context import Context
from optical_memory.recall.window.text_parts import newest_parts
from optical_memory.turns import Turn
from support.window_parts import text_cost
from support.windows import assemble


def window(turns: Sequence[Turn], budget: int, share: float = 1.0) -> Context:
    return assemble(newest_parts(turns, budget, share), [], budget)


def messages(turns: Sequence[Turn], budget: int = 500, share: float = 1.0) -> list[dict[str, Any]]:
    context = window(turns, budget, share)
    assert context.n_tokens == text_cost(context) <= budget
    return context.to_messages()


def texts(turns: Sequence[Turn], budget: int = 500, share: float = 1.0) -> list[str]:
    return [message["content"] for message in messages(turns, budget, share)]


def roles(turns: Sequence[Turn], budget: int = 500, share: float = 1.0) -> list[str]:
    return [message["role"] for message in messages(turns, budget, share)]
