"""The content of one message as a value: texts, attachments, calls of tools, and their results."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any

from optical_memory.loaders.payloads import (
    data_url,
    is_payload,
    payload_refs,
    short_ref,
    without_payloads,
)
from optical_memory.turns import Attachment, AttachmentKind, ToolCall, short_repr

__all__ = [
    "NOTHING",
    "Content",
    "Fields",
    "PartReader",
    "ReadContent",
    "Result",
    "as_text",
    "attached",
    "fields_of",
    "first_id",
    "first_text",
    "has_words",
    "join",
    "json_text",
    "label",
    "media_kind",
    "new_refs",
    "readable",
    "text_content",
    "words_in",
]

Fields = Mapping[str, Any]
"""A message or a part of a content, by its keys."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered. `id` is the id of the answer itself, not of the call."""

    content: Content
    call_id: str | None = None
    name: str | None = None
    is_error: bool = False
    id: str | None = None


@short_repr
@dataclass(frozen=True, slots=True)
class Content:
    """What a message holds, or a part of it."""

    texts: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: tuple[Result, ...] = ()

    @property
    def text(self) -> str:
        """All texts, with a blank line between."""
        return "\n\n".join(text for text in self.texts if text)

    def __bool__(self) -> bool:
        return bool(any(self.texts) or self.attachments or self.calls or self.results)


NOTHING = Content()

ReadContent = Callable[[Any], Content]
"""Reads what stands inside a part: a string, a part, or a list of them."""

PartReader = Callable[[Fields, ReadContent], Content]


def join(contents: Iterable[Content]) -> Content:
    """Several contents as one, in order."""
    contents = [content for content in contents if content]
    if len(contents) <= 1:
        return contents[0] if contents else NOTHING
    return Content(
        tuple(chain.from_iterable(content.texts for content in contents)),
        tuple(chain.from_iterable(content.attachments for content in contents)),
        tuple(chain.from_iterable(content.calls for content in contents)),
        tuple(chain.from_iterable(content.results for content in contents)),
    )


# ---- texts and payloads --------------------------------------------------------------------------


def text_content(text: str) -> Content:
    """A text; payloads in it become attachments, with a reference in their place."""
    words = without_payloads(text)
    if words is text or words == text:
        return Content(texts=(text,))
    attachments = tuple(attached(ref) for ref in new_refs(words, text))
    return Content((), attachments) if is_payload(text) else Content((words,), attachments)


def new_refs(words: str, text: str) -> list[str]:
    """The references in `words` that `text` does not have."""
    old_refs = payload_refs(text)
    return [ref for ref in payload_refs(words) if ref not in old_refs]


def attached(ref: str, kind: AttachmentKind = "file", caption: str | None = None) -> Attachment:
    """An attachment; its kind is that of the media type in the reference, if it says one."""
    media_type = ref.removeprefix("data:") if ref.startswith("data:") else ""
    return Attachment(media_kind(media_type, kind), short_ref(ref), caption)


def media_kind(media_type: str, default: AttachmentKind = "file") -> AttachmentKind:
    """The kind of attachment for a media type like `image/png`."""
    family = media_type.partition("/")[0]
    kinds: Mapping[str, AttachmentKind] = {"image": "image", "audio": "audio", "video": "video"}
    return kinds.get(family, default)


# ---- values of any kind --------------------------------------------------------------------------


def readable(value: Any) -> Content:
    """A value without a reader of its own, as JSON of ours."""
    return text_content(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON; what JSON has no form for, like a date, as Python writes it.

    >>> json_text({"n": 1})
    '{"n": 1}'
    """
    try:
        return json.dumps(value, ensure_ascii=False, default=_json_form)
    except (TypeError, ValueError):  # a key that is no text, or an object that holds itself
        return json.dumps(str(value), ensure_ascii=False)


def as_text(value: Any) -> str:
    """The value as it is if it is a text, else as JSON; its texts if it is nested too deeply."""
    if isinstance(value, str):
        return value
    try:
        return json_text(value)
    except RecursionError:
        return words_in(value)


def words_in(value: object) -> str:
    """All texts in a value, however deep, in order, with a space between."""
    texts: list[str] = []
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            rest += reversed(item.values())
        elif isinstance(item, list):
            rest += reversed(item)
    return " ".join(filter(None, texts))


def _json_form(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return data_url(bytes(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    fields = fields_of(value)
    return str(value) if fields is None else dict(fields)


def fields_of(value: Any) -> Fields | None:
    """The fields of a mapping, of an SDK's object, or of a dataclass; None for any other value."""
    if isinstance(value, dict):
        return value
    if isinstance(value, type):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for method in ("model_dump", "to_dict", "dict"):  # pydantic, Google's protobufs, pydantic 1
        fields = _dumped(getattr(value, method, None))
        if fields is not None:
            return fields
    return vars(value) if hasattr(value, "__dict__") and hasattr(value, "role") else None


def _dumped(dump: Any) -> Fields | None:
    """What an SDK's object says of itself; None if this is no such method."""
    try:
        fields = dump() if callable(dump) else None
    except (TypeError, ValueError):  # a method of that name that wants more, or cannot write itself
        return None
    return fields if isinstance(fields, Mapping) else None


def label(value: Any) -> str:
    """The text of a type or a role, which SDKs may write as an enum; "" if it is none."""
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) else ""


def first_text(fields: Fields, keys: Iterable[str]) -> str | None:
    """The value of the first of the keys under which a text stands."""
    for key in keys:
        value = label(fields.get(key))
        if value:
            return value
    return None


def first_id(fields: Fields, keys: Iterable[str]) -> str | None:
    """The first id under one of the keys, as text; a number is an id too."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def has_words(value: Any) -> bool:
    """True if there is a text or a number somewhere in the value."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(map(has_words, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return any(map(has_words, value))
    return value is not None and value is not False
