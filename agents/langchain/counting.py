"""Tokens of messages and of tools, as our counter counts them: exact DeepSeek tokens of the words.

Unlike an estimate by characters this is right for Chinese, code and tool calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.utils.function_calling import convert_to_openai_tool

from optical_memory.agents.attachment_prices import attachment_tokens
from optical_memory.counting import count_batch
from optical_memory.loaders.messages.content import Content
from optical_memory.loaders.messages.parts import read_content

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


def count_message_tokens(messages: Iterable[Any]) -> int:
    """Tokens of messages: words, tool calls with their arguments, names, and 4 for each message.

    A sheet of ours costs its own price. Any other picture costs the price of OpenAI for 1024 px,
    whatever its size. A file, a recording and an encrypted block cost the price of
    `attachment_tokens`.
    """
    texts: list[str] = []
    n_tokens = 0
    for message in convert_to_messages(list(messages)):
        price, rest = priced_pictures(message)
        content = read_content(rest.content)
        texts += [message.name or "", *_texts(content), *_call_texts(message, content)]
        n_tokens += MESSAGE_TOKENS + price + _price(content)
    return n_tokens + sum(count_batch(text for text in texts if text))


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


def _texts(content: Content) -> list[str]:
    texts = list(content.texts)
    for call in content.calls:
        texts += [call.name, call.arguments]
    for answer in content.results:
        texts += _texts(answer.content)
    return texts


def _price(content: Content) -> int:
    """The price of the pictures and files."""
    price = sum(map(attachment_tokens, content.attachments))
    return price + sum(_price(answer.content) for answer in content.results)


def _call_texts(message: BaseMessage, content: Content) -> list[str]:
    """The tool calls of a message that do not stand in its content too."""
    calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
    ids = {call.id for call in content.calls}
    texts: list[str] = []
    for call in calls:
        if call.get("id") is None or call.get("id") not in ids:
            texts += [str(call.get("name") or ""), _json(call.get("args"))]
    return texts


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
