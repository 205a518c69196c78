"""Shortening: a message that is too large for any view, with its beginning, its end and a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from optical_memory.agents.langchain.counting import MESSAGE_TOKENS
from optical_memory.counting import count_batch, count_up_to

__all__ = [
    "LEAST_CAP",
    "common_limit",
    "shortened",
]

LEAST_CAP = 64
"""Fewer tokens than this say nothing beside the note."""

NOTE = "\n[… {n} characters are left out here; the memory has all of them …]\n"

BEGIN_SHARE = 0.7
"""Share of the rest that is the beginning: tool results tell most there, errors at the end."""

LEAST_CHARS = 16
"""No text is shortened to fewer characters at each end."""

_TEXT_KEYS = ("text", "content", "output", "input", "arguments", "thinking", "reasoning")


def shortened(message: BaseMessage, cap: int) -> BaseMessage:
    """The message with at most about `cap` tokens of text; the same object if it is short enough.

    Long texts in it are cut in their middle: of the content, and of the arguments of tool calls,
    which stay JSON. Everything else, ids above all, is as it was.
    """
    sizes: list[int] = []
    _walk(message.content, lambda text: _note_size(text, sizes))
    calls = list(getattr(message, "tool_calls", ()))
    for call in calls:
        _walk(call.get("args"), lambda text: _note_size(text, sizes))
    room = max(cap - MESSAGE_TOKENS, LEAST_CAP // 2)
    if sum(sizes) <= room:
        return message
    limit = common_limit(sizes, room)
    update: dict[str, Any] = {"content": _walk(message.content, lambda text: _cut(text, limit))}
    if calls:
        update["tool_calls"] = [
            {**call, "args": _walk(call.get("args"), lambda text: _cut(text, limit))}
            for call in calls
        ]
    return message.model_copy(update=update)


def _note_size(text: str, sizes: list[int]) -> str:
    sizes.append(count_batch([text])[0])
    return text


def common_limit(sizes: Sequence[int], room: int) -> int:
    """The largest size such that all sizes, each cut to it, fit the room."""
    rest = room
    for i, size in enumerate(sorted(sizes)):
        share = rest // (len(sizes) - i)
        if size > share:
            return share
        rest -= size
    return max(sizes, default=0)


def _walk(value: Any, change: Any) -> Any:
    """The value with `change` applied to every text in it that a model reads."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    if "type" not in value:
        return {key: _walk(item, change) for key, item in value.items()}
    return {
        key: _walk(item, change) if key in _TEXT_KEYS and not _is_bound(value) else item
        for key, item in value.items()
    }


def _is_bound(part: dict[str, Any]) -> bool:
    """True for parts that a provider signed: a changed text would be refused."""
    return bool(part.get("signature") or part.get("encrypted_content"))


def _cut(text: str, limit: int) -> str:
    """The text with at most about `limit` tokens: its beginning, a note and its end."""
    n_tokens = count_up_to(text, 4 * limit)
    if n_tokens <= limit:
        return text
    n_tokens = count_batch([text])[0]
    n_chars = int(len(text) * max(0, limit - count_batch([NOTE])[0]) / n_tokens)
    while True:
        n_begin = max(LEAST_CHARS, int(n_chars * BEGIN_SHARE))
        n_end = max(LEAST_CHARS, n_chars - n_begin)
        if n_begin + n_end + len(NOTE) >= len(text):
            return text
        note = NOTE.format(n=f"{len(text) - n_begin - n_end:,}")
        result = f"{text[:n_begin]}{note}{text[-n_end:]}"
        if n_chars <= 2 * LEAST_CHARS or count_batch([result])[0] <= limit:
            return result
        n_chars = int(n_chars * 0.8)
