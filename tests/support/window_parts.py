"""Recollections to put into a window, and the cost of a window, counted from outside."""

from __future__ import annotations

from optical_memory.counting import count_tokens
from optical_memory.recall.context import Context, PagePart
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Span

PNG = b"\x89PNG that nobody decodes"


def page(
    n: int, text: str, score: float = 1.0, rung: str | None = "tiny", turns: tuple[str, ...] = ()
) -> Recollection:
    """Page `n`, every character of it verified."""
    spans = (Span(0, len(text), "verified", 1.0),) if text else ()
    return Recollection(f"p{n}", text, spans, rung, score, count_tokens(text), turns, n)


def page_parts(context: Context) -> list[PagePart]:
    return [part for part in context.parts if isinstance(part, PagePart)]


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
