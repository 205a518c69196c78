"""Recollections to put into a window, and the cost of a window, counted from outside."""

from __future__ import annotations

from datetime import UTC, datetime

from optical_memory.counting import count_tokens
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.recall.window.context import Context
from optical_memory.recall.window.parts import PassagePart
from optical_memory.spans import Span
from optical_memory.turns import Role

PNG = b"\x89PNG that nobody decodes"

MONDAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)

Said = tuple[Role, str | None, str]
"""Who said it: a role and a name; and the words."""


def page(
    n: int, text: str, score: float = 1.0, rung: str | None = "tiny", turns: tuple[str, ...] = ()
) -> Recollection:
    """Page `n`, every character of it verified."""
    spans = (Span(0, len(text), "verified", 1.0),) if text else ()
    return Recollection(f"p{n}", text, spans, rung, score, count_tokens(text), turns, n)


def passage(
    n: int,
    *rows: Said,
    score: float = 1.0,
    when: datetime | None = None,
    page: str = "p1",
    rung: str | None = "tiny",
) -> Recollection:
    """A passage of whole turns `t<n>`, `t<n + 1>` … on a page, every character verified."""
    text = ""
    parts: list[PassageTurn] = []
    for i, (role, name, words) in enumerate(rows):
        text += "\n" if parts else ""
        start = len(text)
        text += words
        parts.append(
            PassageTurn(f"t{n + i}", role, start, len(text), name, when, page=page, rung=rung)
        )
    spans = (Span(0, len(text), "verified", 1.0),) if text else ()
    turns = tuple(part.id for part in parts)
    n_tokens = count_tokens(text)
    return Recollection(page, text, spans, rung, score, n_tokens, turns, n, tuple(parts))


def page_parts(context: Context) -> list[PassagePart]:
    return list(context.passages)


def page_ids(context: Context) -> list[str]:
    return [part.page for part in page_parts(context)]


def text_cost(context: Context) -> int:
    """DeepSeek tokens of all words in the messages: contents, names and tool calls."""
    total = 0
    for message in context.to_messages():
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        total += sum(count_tokens(part["text"]) for part in parts if part["type"] == "text")
        total += count_tokens(message.get("name", ""))
        for call in message.get("tool_calls", []):
            function = call["function"]
            total += count_tokens(function["name"]) + count_tokens(function["arguments"])
    return total
