"""Vercel AI SDK: parts of UI messages (versions 4 to 6) and of model messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import attachment
from optical_memory.loaders.messages.calls import call, call_with_result, result
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    PartReader,
    ReadContent,
    fields_of,
    readable,
)
from optical_memory.loaders.messages.words import nothing, source, texts_under

__all__ = [
    "PARTS",
    "PREFIXES",
    "calls_beside",
    "files_beside",
]


def _invocation(part: Fields, content_of: ReadContent) -> Content:
    """A call and its result, inside `toolInvocation` (version 4)."""
    fields = fields_of(part.get("toolInvocation")) or part
    return call_with_result(fields, content_of)


def _value(part: Fields, content_of: ReadContent) -> Content:
    return readable(part.get("value"))


PARTS: Mapping[str, PartReader] = {
    "step-start": nothing,
    "source": source,
    "source-url": source,
    "source-document": source,
    "tool-call": call,
    "tool-result": result,
    "tool-error": result,
    "tool-approval-request": nothing,
    "tool-approval-response": texts_under("reason"),
    "tool-invocation": _invocation,
    "dynamic-tool": call_with_result,
    "reasoning-file": attachment("file"),
    "redacted": texts_under("text"),
    "json": _value,
    "error-json": _value,
    "error-text": texts_under("value"),
    "execution-denied": texts_under("reason"),
    "content": texts_under("value", "content"),
    "media": attachment("file"),
    "file-data": attachment("file"),
    "file-url": attachment("file"),
    "file-id": attachment("file"),
    "image-data": attachment("image"),
    "image-url": attachment("image"),
    "image-file-id": attachment("image"),
}

PREFIXES: Mapping[str, PartReader] = {
    "tool-": call_with_result,
}
"""Parts whose type has the tool's name: `tool-getWeather`."""


def files_beside(message: Fields) -> list[Any]:
    """The files that version 4 writes beside the content, as parts."""
    files = [*_list(message, "experimental_attachments"), *_list(message, "attachments")]
    return [{**file, "type": "file"} for file in map(fields_of, files) if file is not None]


def calls_beside(message: Fields) -> list[Any]:
    """The calls with their results that version 4 writes beside the content, as parts."""
    invocations = _list(message, "toolInvocations")
    return [{"type": "tool-invocation", "toolInvocation": item} for item in invocations]


def _list(message: Fields, key: str) -> list[Any]:
    value = message.get(key)
    return value if isinstance(value, list) else []
