"""The view: the messages that a model is shown in place of all messages of the state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage

from optical_memory.agents.langchain.adapters.messages import SOURCE, is_ours
from optical_memory.agents.langchain.counting import PICTURES, PRICES_KEY
from optical_memory.agents.langchain.facts import Facts
from optical_memory.agents.langchain.plan import position_of
from optical_memory.agents.langchain.presentation import Presentation
from optical_memory.agents.langchain.shortening import shortened
from optical_memory.agents.langchain.state import Record
from optical_memory.agents.recalled_sheets import Drawing, sheet_prices

__all__ = [
    "has_pictures",
    "view_of",
]


def has_pictures(message: BaseMessage) -> bool:
    """True for a message of ours with passages as pictures."""
    parts = message.content if is_ours(message) and isinstance(message.content, list) else []
    return any(isinstance(part, dict) and part.get("type") in PICTURES for part in parts)


def view_of(
    messages: Sequence[AnyMessage],
    facts: Sequence[Facts],
    prefixes: Sequence[str],
    start: int,
    record: Record,
    presentation: Presentation,
) -> list[AnyMessage]:
    """The passages, the question if it is before the boundary, and the messages from `start` on."""
    view: list[AnyMessage] = []
    head = record["head"]
    cap = None if head is None else head["cap"]
    bare_until = -1
    if head is not None:
        if head["passages"]:
            view.append(_head_message(head["passages"], record["drawing"], presentation))
        question = position_of(head["question"], facts)
        if question is not None and question < start:
            view.append(_shown(messages[question], cap, is_bare=False))
        last_bare = position_of(head["bare_until"], facts)
        bare_until = -1 if last_bare is None else last_bare
    for i in range(start, len(messages)):
        text = record["recalls"].get(prefixes[i])
        if text:
            view.append(_message(text, text))
        view.append(_shown(messages[i], cap, is_bare=i <= bare_until))
    return _alternating(view) if presentation.alternates else view


def _shown(message: AnyMessage, cap: int | None, *, is_bare: bool) -> Any:
    result: Any = without_reasoning(message) if is_bare else message
    return result if cap is None else shortened(result, cap)


def _head_message(
    passages: str, drawing: Drawing | None, presentation: Presentation
) -> HumanMessage:
    blocks = presentation.blocks(passages, drawing)
    if not (blocks or presentation.marks_cache):
        return _message(passages, passages)
    blocks = blocks or [{"type": "text", "text": passages}]
    if presentation.marks_cache:
        mark = {"cache_control": {"type": "ephemeral"}}
        last = blocks[-1]
        is_text = last.get("type") == "text"
        blocks[-1] = {**last, **(mark if is_text else {"extras": mark})}
    if drawing is None or not presentation.shows(drawing):
        return _message(passages, blocks)
    return _message(drawing["id"], blocks, **{PRICES_KEY: sheet_prices(drawing)})


def _message(name: str, content: Any, **fields: Any) -> HumanMessage:
    """A message of ours, with an id by what it is made of."""
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return HumanMessage(content=content, id=f"optical-{digest}", additional_kwargs=SOURCE | fields)


def _alternating(view: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The view with each of our messages in the user's message that follows it."""
    result: list[AnyMessage] = []
    for message in view:
        last = result[-1] if result else None
        if last is not None and is_ours(last) and message.type == "human":
            result[-1] = last.model_copy(update={"content": _joined(last.content, message.content)})
        else:
            result.append(message)
    return result


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    parts: list[Any] = []
    for content in (first, second):
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return parts


# ---- reasoning -----------------------------------------------------------------------------------

_BOUND_PARTS = {"thinking", "redacted_thinking", "reasoning_content"}
"""Types of parts as Anthropic and Bedrock name them. OpenAI's reasoning items stay: the calls that
follow need them."""


def without_reasoning(message: BaseMessage) -> BaseMessage:
    """The message without bound reasoning; the same object if it has none, or nothing else."""
    if message.type not in ("ai", "AIMessageChunk") or not isinstance(message.content, list):
        return message
    parts: list[Any] = [part for part in message.content if not _is_bound(part)]
    if len(parts) == len(message.content):
        return message
    content: Any = parts
    if not parts and not getattr(message, "tool_calls", ()):
        return message
    return message.model_copy(update={"content": content or ""})


def _is_bound(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    if part.get("type") in _BOUND_PARTS:
        return True
    return part.get("type") == "reasoning" and bool((part.get("extras") or {}).get("signature"))
