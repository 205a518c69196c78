"""Amazon Bedrock: blocks of the Converse API, which say what they are by their only key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import attachment
from optical_memory.loaders.messages.calls import call, result
from optical_memory.loaders.messages.content import Content, Fields, ReadContent, readable
from optical_memory.loaders.messages.forms.gemini import ValueReader, value_reader
from optical_memory.loaders.messages.words import nothing, reasoning, source, texts_under

__all__ = [
    "KEYS",
    "unwrap",
]


def _json(value: Any, content_of: ReadContent) -> Content:
    return readable(value)


KEYS: Mapping[str, ValueReader] = {
    "toolUse": value_reader(call),
    "toolResult": value_reader(result),
    "reasoningContent": value_reader(reasoning),
    "reasoningText": value_reader(texts_under("text")),
    "image": value_reader(attachment("image")),
    "document": value_reader(attachment("file")),
    "video": value_reader(attachment("video")),
    "audio": value_reader(attachment("audio")),
    "guardContent": value_reader(texts_under("text", "image")),
    "citationsContent": value_reader(texts_under("content")),
    "searchResult": value_reader(source),
    "cachePoint": nothing,
    "json": _json,
}


def unwrap(message: Fields) -> list[Any]:
    """The message in a whole response of `converse`; none if it is no response."""
    output = message.get("output")
    inner = output.get("message") if isinstance(output, Mapping) else None
    return [inner] if isinstance(inner, Mapping) else []
