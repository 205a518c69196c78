"""The message with recalled passages, put before messages so that roles alternate as they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optical_memory.agents.message_groups import Message

__all__ = [
    "SEAM_TOKENS",
    "with_frame",
]

SEAM_TOKENS = 4
"""Tokens that may be added where passages are put before a message: a blank line, or a message."""

ACKNOWLEDGEMENT = "Understood."
"""An assistant's word between recalled passages and an agent's question, so that roles alternate.

Hosts look for the question in the list, so that comes back as it is.
"""


def with_frame(frame: str, messages: Sequence[Message], *, joins: bool) -> list[Message]:
    """The messages with the frame of recalled passages before them, as a user message.

    If a user message follows, both are a single message, or, without `joins`, a short message of
    the assistant stands between them. An empty frame changes nothing.
    """
    if not frame:
        return list(messages)
    first = messages[0] if messages else None
    if first is None or first.get("role") != "user":
        return [{"role": "user", "content": frame}, *messages]
    if joins:
        return [{**first, "content": _joined(frame, first.get("content"))}, *messages[1:]]
    reply = {"role": "assistant", "content": ACKNOWLEDGEMENT}
    return [{"role": "user", "content": frame}, reply, *messages]


def _joined(frame: str, content: Any) -> str | list[Any]:
    """The frame, then the content. Results of tools go first, as providers ask."""
    if not content:
        return frame
    if isinstance(content, str):
        return f"{frame}\n\n{content}"
    parts = content if isinstance(content, list) else [content]
    results = [part for part in parts if _type(part) == "tool_result"]
    rest = [part for part in parts if _type(part) != "tool_result"]
    kind = "input_text" if any(_type(part) == "input_text" for part in parts) else "text"
    return [*results, {"type": kind, "text": frame}, *rest]


def _type(part: Any) -> object:
    return part.get("type") if isinstance(part, dict) else None
