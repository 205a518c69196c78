"""Tokens of messages and of tools, as our counter counts them: exact DeepSeek tokens of the words.

Unlike an estimate by characters this is right for Chinese, code and tool calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.utils.function_calling import convert_to_openai_tool

from optical_memory.agents.message_groups import PICTURE_TOKENS
from optical_memory.counting import count_batch

__all__ = [
    "PICTURES",
    "PRICES_KEY",
    "TokenCounter",
    "count_message_tokens",
    "count_tool_tokens",
    "priced_pictures",
]

TokenCounter = Callable[[Iterable[Any]], int]
"""Tokens of a list of messages, as LangChain has it."""

MESSAGE_TOKENS = 4
"""Tokens of the signs around a message: OpenAI's guide counts 3, other templates up to 5."""

PRICES_KEY = "optical_sheet_tokens"
"""Key of a message's `additional_kwargs`: the prices of its first pictures, which are sheets."""

PICTURES = {"image", "image_url", "input_image"}
"""Types of parts that are pictures."""

_UNSEEN = {"signature", "encrypted_content", "cache_control", "extras", "id", "index", "type"}


def count_message_tokens(messages: Iterable[Any]) -> int:
    """Tokens of messages: words, tool calls with their arguments, names, and 4 for each message.

    A sheet of ours costs its own price, and any other picture the price of OpenAI for 1024 px,
    whatever its size.
    """
    texts: list[str] = []
    n_tokens = 0
    for message in convert_to_messages(list(messages)):
        price, rest = priced_pictures(message)
        n_tokens += MESSAGE_TOKENS + price + _read_message(rest, texts)
    return n_tokens + sum(count_batch(texts))


def priced_pictures(message: BaseMessage) -> tuple[int, BaseMessage]:
    """The price of the sheets in a message, and the message without sheets and prices."""
    prices = message.additional_kwargs.get(PRICES_KEY)
    if not prices or isinstance(message.content, str):
        return 0, message
    parts: list[Any] = []
    n_pictures = 0
    for part in message.content:
        is_picture = isinstance(part, dict) and part.get("type") in PICTURES
        n_pictures += is_picture
        if not is_picture or n_pictures > len(prices):
            parts.append(part)
    extras = {key: value for key, value in message.additional_kwargs.items() if key != PRICES_KEY}
    rest = message.model_copy(update={"content": parts, "additional_kwargs": extras})
    return sum(prices), rest


def _read_message(message: BaseMessage, texts: list[str]) -> int:
    """Add a message's texts to `texts`; gives the price of its pictures."""
    if message.name:
        texts.append(message.name)
    for call in _calls(message):
        texts += [str(call.get("name") or ""), _json(call.get("args"))]
    if isinstance(message.content, str):
        texts.append(message.content)
        return 0
    return sum(_read_part(part, texts) for part in message.content)


def _calls(message: BaseMessage) -> list[dict[str, Any]]:
    """The tool calls of a message that do not stand in its content too."""
    calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    if not calls or isinstance(message.content, str):
        return calls
    parts = [part for part in message.content if isinstance(part, dict)]
    ids = {part.get("id") or part.get("call_id") for part in parts}
    ids |= {part.get("call_id") for part in parts}
    return [call for call in calls if call.get("id") not in ids]


def _read_part(part: Any, texts: list[str]) -> int:
    """Add the texts of a part of a content; gives the price of its pictures."""
    if isinstance(part, str):
        texts.append(part)
        return 0
    if not isinstance(part, dict):
        texts.append(str(part))
        return 0
    if part.get("type") in PICTURES:
        return PICTURE_TOKENS
    price = 0
    for key, value in part.items():
        if key in _UNSEEN:
            continue
        if isinstance(value, list):
            price += sum(_read_part(item, texts) for item in value)
        elif isinstance(value, str):
            texts.append(value)
        else:
            texts.append(_json(value))
    return price


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def count_tool_tokens(tools: Sequence[Any]) -> int:
    """Tokens of the descriptions of tools, as JSON; a tool that has none costs nothing."""
    texts = [_json(_description(tool)) for tool in tools]
    return sum(count_batch(texts))


def _description(tool: Any) -> Any:
    if isinstance(tool, dict):
        return tool
    try:
        return convert_to_openai_tool(tool)
    except (TypeError, ValueError):
        return getattr(tool, "description", "")
