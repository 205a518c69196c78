"""All that a message holds: its content, and the words, calls and files beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from optical_memory.loaders.messages.calls import call
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    fields_of,
    has_words,
    join,
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
    contents = [*map(read_content, _thoughts(message)), *_content(message)]
    for key in _BESIDE:
        if message.get(key):
            contents.append(_BESIDE[key](message))
    contents += _new_calls(message, contents)
    return contents if any(contents) else _words_elsewhere(message)


def _thoughts(message: Fields) -> list[Any]:
    """A model's thoughts, under the first key: several hosts write the same under two."""
    return [message[key] for key in _THOUGHTS if has_words(message.get(key))][:1]


def _content(message: Fields) -> list[Content]:
    """The content, and the parts. Version 4 of Vercel's SDK writes the words in both."""
    parts = read_parts(message.get("parts"))
    content = read_parts(message.get("content"))
    files = read_parts(vercel.files_beside(message))
    if not parts:
        return [*read_parts(vercel.calls_beside(message)), *content, *files]
    texts = "\n".join(part.text for part in parts)
    new_parts = [part for part in content if part.text not in texts or not part.text]
    return [*new_parts, *parts, *files]


def _refusal(message: Fields) -> Content:
    return read_content(message["refusal"])


def _audio(message: Fields) -> Content:
    """A spoken answer: the sound, and its words."""
    fields = fields_of(message["audio"]) or {}
    return read_content({**fields, "type": "audio"})


def _images(message: Fields) -> Content:
    """Pictures as Ollama writes them: a list of base64, bytes, or paths."""
    images = message["images"]
    items = images if isinstance(images, list | tuple) else [images]
    return read_content([{"type": "image", "image": image} for image in items if image])


_BESIDE: Mapping[str, Callable[[Fields], Content]] = {
    "images": _images,
    "refusal": _refusal,
    "audio": _audio,
    "annotations": sources,
}


def _new_calls(message: Fields, contents: list[Content]) -> list[Content]:
    """The calls beside the content, without those that the content has too."""
    if not (message.get("tool_calls") or message.get("function_call")):
        return []
    ids = {item.id for item in join(contents).calls if item.id}
    calls = [_call(item) for item in _calls(message)]
    return [content for content in calls if not _is_known(content, ids)]


def _is_known(content: Content, ids: set[str]) -> bool:
    return any(item.id in ids for item in content.calls)


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
    names = [key for key in message if key not in _ENVELOPE and has_words(message[key])]
    return [readable({key: message[key] for key in names})] if names else []
