"""The view: the messages that a model is shown in place of all messages of the state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage

from optical_memory.agents.langchain.adapters.messages import SOURCE, is_ours
from optical_memory.agents.langchain.facts import Facts
from optical_memory.agents.langchain.plan import position_of
from optical_memory.agents.langchain.shortening import shortened
from optical_memory.agents.langchain.state import Head

__all__ = [
    "PassageRenderer",
    "Presentation",
    "has_cache_breakpoints",
    "view_of",
]

_CACHING_PROVIDERS = {"anthropic", "anthropic_bedrock", "vertexai-anthropic"}
"""Providers whose LangChain packages take `cache_control` in a part of a content."""


class PassageRenderer(Protocol):
    """Draws passages for a model that looks at pictures."""

    def __call__(self, text: str, model: BaseChatModel) -> Sequence[Mapping[str, Any]] | None:
        """The passages as parts of a message's content; None if text is better for this model.

        The same text and model always give the same bytes: the head of a view never changes
        between compactions.
        """


def has_cache_breakpoints(model: BaseChatModel) -> bool:
    """True if the provider caches up to a mark in the messages."""
    try:
        provider = model._get_ls_params().get("ls_provider")  # noqa: SLF001  as LangChain asks it
    except (AttributeError, NotImplementedError, TypeError):
        return False
    return provider in _CACHING_PROVIDERS


@dataclass(frozen=True, slots=True)
class Presentation:
    """How our messages are written for a model.

    `blocks` gives the passages as pictures or None, `marks_cache` asks for a cache breakpoint.
    With `alternates` our messages stand in the user's message that follows, so that roles
    alternate.
    """

    blocks: Callable[[str], Sequence[Mapping[str, Any]] | None]
    marks_cache: bool = False
    alternates: bool = False


def view_of(
    messages: Sequence[AnyMessage],
    facts: Sequence[Facts],
    prefixes: Sequence[str],
    start: int,
    head: Head | None,
    recalls: Mapping[str, str],
    presentation: Presentation,
) -> list[AnyMessage]:
    """The passages, the question if it is before the boundary, and the messages from `start` on."""
    view: list[AnyMessage] = []
    cap = None if head is None else head["cap"]
    bare_until = -1
    if head is not None:
        if head["passages"]:
            view.append(_head_message(head["passages"], presentation))
        question = position_of(head["question"], facts)
        if question is not None and question < start:
            view.append(_shown(messages[question], cap, is_bare=False))
        last_bare = position_of(head["bare_until"], facts)
        bare_until = -1 if last_bare is None else last_bare
    for i in range(start, len(messages)):
        text = recalls.get(prefixes[i])
        if text:
            view.append(_message(text, [{"type": "text", "text": text}], is_text=True))
        view.append(_shown(messages[i], cap, is_bare=i <= bare_until))
    return _alternating(view) if presentation.alternates else view


def _shown(message: AnyMessage, cap: int | None, *, is_bare: bool) -> Any:
    result: Any = without_reasoning(message) if is_bare else message
    return result if cap is None else shortened(result, cap)


def _head_message(passages: str, presentation: Presentation) -> HumanMessage:
    pictures = presentation.blocks(passages)
    blocks: list[dict[str, Any]] = [{"type": "text", "text": passages}]
    if pictures:
        blocks = [dict(block) for block in pictures]
    if presentation.marks_cache:
        mark = {"cache_control": {"type": "ephemeral"}}
        last = blocks[-1]
        is_text = last.get("type") == "text"
        blocks[-1] = {**last, **(mark if is_text else {"extras": mark})}
    return _message(passages, blocks, is_text=not (pictures or presentation.marks_cache))


def _message(text: str, blocks: list[dict[str, Any]], *, is_text: bool) -> HumanMessage:
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    content: Any = text if is_text else blocks
    return HumanMessage(content=content, id=f"optical-{digest}", additional_kwargs=dict(SOURCE))


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
