"""Reads the content of a message: a string, a part, or a list of them, of any provider.

A part says what it is by its `type`, or by its keys. A part that nothing here knows is kept as
JSON, so that nothing is lost. Nothing is refused: what is empty is empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optical_memory.loaders.messages.attachments import OPAQUE_KEYS, bytes_content, signatures
from optical_memory.loaders.messages.calls import call, result
from optical_memory.loaders.messages.content import (
    NOTHING,
    Content,
    Fields,
    PartReader,
    fields_of,
    has_words,
    join,
    json_text,
    label,
    readable,
    text_content,
)
from optical_memory.loaders.messages.forms import (
    anthropic,
    bedrock,
    gemini,
    langchain,
    openai,
    vercel,
)
from optical_memory.loaders.messages.forms.gemini import ValueReader
from optical_memory.loaders.messages.words import sources

__all__ = [
    "read_content",
    "read_parts",
]

_BY_TYPE: Mapping[str, PartReader] = {
    **openai.PARTS,
    **anthropic.PARTS,
    **vercel.PARTS,
    **langchain.PARTS,
}

_BY_ENDING: Mapping[str, PartReader] = {
    "_tool_use": call,
    "_tool_result": result,
    "_call_output": result,
    "_call": call,
}
"""Types of tools that are newer than this module, such as `memory_tool_use`."""

_BY_KEY: Mapping[str, ValueReader] = {**gemini.KEYS, **bedrock.KEYS}

_WORDS = ("text", "parts", "content", "value", "message", "body", "output_text")
"""Keys under which words stand in a part without a type, in the order in which they are read."""

_MARKS = (
    "id",
    "index",
    "type",
    "content_type",
    "role",
    "thought",
    "cache_control",
    "citations",
    "annotations",
)


def read_content(content: Any) -> Content:
    """Content that is a string, a part, a list of them, or any other value.

    >>> read_content(["look:", {"type": "image", "url": "a.png"}]).attachments
    (Attachment(kind='image', ref='a.png', caption=None),)
    """
    if content is None:
        return NOTHING
    if isinstance(content, str):
        return text_content(content)
    return join(read_parts(content))


def read_parts(content: Any) -> list[Content]:
    """The contents of the parts, in order."""
    if content is None:
        return []
    if isinstance(content, list | tuple):
        if content and not any(map(_is_part, content)):
            return [text_content(json_text(content))] if has_words(content) else []
        return [_read_part(part) for part in content]
    return [_read_part(content)]


def _is_part(value: Any) -> bool:
    """True for all but numbers and the like: `[1, 2, 3]` is a value, not three parts."""
    return not isinstance(value, int | float) and value is not None


def _read_part(part: Any) -> Content:
    if part is None:
        return Content()
    if isinstance(part, str):
        return text_content(part)
    if isinstance(part, bytes | bytearray):
        return bytes_content(part)
    if isinstance(part, list | tuple):
        return join(read_parts(part))
    fields = fields_of(part)
    if fields is None:
        return readable(part)
    reader = _reader_of(label(fields.get("type")))
    return _read_by_keys(fields) if reader is None else reader(fields, read_content)


def _reader_of(kind: str) -> PartReader | None:
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    for prefix, reader in vercel.PREFIXES.items():
        if kind.startswith(prefix):
            return reader
    for ending, reader in _BY_ENDING.items():
        if kind.endswith(ending):
            return reader
    return None


def _read_by_keys(part: Fields) -> Content:
    """A part without a type that is known: by its keys, and as JSON what they do not say."""
    keys = [key for key in (*_WORDS, *_BY_KEY) if part.get(key) is not None]
    if label(part.get("type")) or not (keys or signatures(part)):
        return readable(dict(part)) if has_words(part) else Content()
    contents = [_read_value(key, part[key]) for key in keys]
    return join([*contents, sources(part), signatures(part), _rest(part, keys)])


def _read_value(key: str, value: Any) -> Content:
    reader = _BY_KEY.get(key)
    return read_content(value) if reader is None else reader(value, read_content)


def _rest(part: Fields, keys: Sequence[str]) -> Content:
    """The fields of a part that nothing has read, as JSON, if there are words in them."""
    read_keys = {*keys, *_MARKS, *OPAQUE_KEYS}
    rest = {key: part[key] for key in part if key not in read_keys and has_words(part[key])}
    return readable(rest) if rest else Content()
