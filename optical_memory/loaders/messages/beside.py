"""All that a message holds: its content, and the words, calls and files beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optical_memory.loaders.messages.calls import call
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    fields_of,
    has_words,
    readable,
)
from optical_memory.loaders.messages.forms import vercel
from optical_memory.loaders.messages.parts import read_content, read_parts
from optical_memory.loaders.messages.words import sources

__all__ = [
    "contents_of",
]

_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")

_WORDS = ("text", "message", "value", "body", "output_text", "output", "words")
"""Keys under which the words of a message stand if it has no content."""

_ENVELOPE = frozenset(
    (
        "role",
        "content",
        "parts",
        "type",
        "id",
        "uuid",
        "name",
        "from",
        "object",
        "model",
        "status",
        "created",
        "created_at",
        "createdAt",
        "create_time",
        "timestamp",
        "time",
        "usage",
        "usage_metadata",
        "response_metadata",
        "additional_kwargs",
        "metadata",
        "stop_reason",
        "stop_sequence",
        "finish_reason",
        "tool_call_id",
        "toolCallId",
        "call_id",
        "example",
        "index",
        "lc",
        "is_error",
        "phase",
    )
)
"""Keys that were read, or say something about a message. Alone they make no turn."""


def contents_of(message: Fields) -> list[Content]:
    """The contents of a message in order: thoughts, content, then all that stands beside it.

    Calls that stand in the content too are there once. A message with none of the known keys is
    kept as JSON.
    """
    contents = [read_content(message[key]) for key in _thoughts(message)]
    contents += _content(message)
    contents.append(read_content(message.get("refusal")))
    contents.append(_audio(message.get("audio")))
    contents.append(sources(message))
    contents += _new_calls(message, contents)
    if not any(contents):
        contents = _words_elsewhere(message)
    return contents


def _thoughts(message: Fields) -> list[str]:
    """The first key with a model's thoughts: several hosts write the same under two keys."""
    return [key for key in _THOUGHTS if has_words(message.get(key))][:1]


def _content(message: Fields) -> list[Content]:
    """The content, and the parts. Version 4 of Vercel's SDK writes the words in both."""
    parts = read_parts(message.get("parts"))
    content = read_parts(message.get("content"))
    texts = "\n".join(part.text for part in parts)
    new_parts = [part for part in content if part.text not in texts or not part.text]
    return [*new_parts, *parts, *_files(message)]


def _files(message: Fields) -> list[Content]:
    return [] if message.get("parts") else read_parts(vercel.beside(message))


def _audio(audio: Any) -> Content:
    """A spoken answer: the sound, and its words."""
    fields = fields_of(audio)
    return Content() if not fields else read_content({**fields, "type": "audio"})


def _new_calls(message: Fields, contents: list[Content]) -> list[Content]:
    """The calls beside the content, without those that the content has too."""
    ids = {item.id for content in contents for item in content.calls if item.id}
    calls = [_call(item) for item in _calls(message)]
    return [item for item in calls if not {call.id for call in item.calls} & ids]


def _calls(message: Fields) -> list[Any]:
    calls = message.get("tool_calls") or []
    items = list(calls) if isinstance(calls, list | tuple) else [calls]
    if message.get("function_call"):  # OpenAI's form before tools
        items.append({"function": message["function_call"]})
    return items


def _call(item: Any) -> Content:
    fields = fields_of(item)
    return read_content(item) if fields is None else call(fields, read_content)


def _words_elsewhere(message: Fields) -> list[Content]:
    """The words of a message without content: under another key, or else all that it has."""
    for key in _WORDS:
        content = read_content(message.get(key))
        if content:
            return [content]
    others = {key: value for key, value in message.items() if key not in _ENVELOPE}
    others = {key: value for key, value in others.items() if has_words(value)}
    return [readable(others)] if others else []
