"""Keys of an export read as they are: any key may be missing, null, or of another type.

An odd value never refuses a message. It becomes text, or nothing.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.messages.content import json_text, words_in
from optical_memory.loaders.times import moment_or_none
from optical_memory.turns import AttachmentKind

__all__ = [
    "attachment_part",
    "first_text",
    "list_at",
    "media_kind",
    "object_at",
    "objects_at",
    "other_words",
    "readable",
    "seconds_at",
    "text_at",
    "text_parts",
    "time_of",
]

_KINDS: dict[str, AttachmentKind] = {"image": "image", "audio": "audio", "video": "video"}


def text_at(data: Any, key: str) -> str:
    """The value under the key as text; "" if there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else readable(value)


def first_text(data: Any, *keys: str) -> str:
    """The text under the first of the keys that has one; "" if none has."""
    return next(filter(None, (text_at(data, key) for key in keys)), "")


def object_at(data: Any, key: str) -> dict[str, Any]:
    """The object under the key; an empty one if there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def list_at(data: Any, key: str) -> list[Any]:
    """The list under the key; an empty one if there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []


def objects_at(data: Any, key: str) -> list[dict[str, Any]]:
    """The objects in the list under the key."""
    return [item for item in list_at(data, key) if isinstance(item, dict)]


def readable(value: object) -> str:
    """A value as text that a person can read: a line for each key, values in it as JSON.

    >>> readable({"title": "Rivers", "pages": [1, 2], "note": None})
    'title: Rivers\\npages: [1, 2]'

    Raises `InputError` if the value is nested too deep.
    """
    if value is None:
        return ""
    if isinstance(value, dict):
        items = [(key, item) for key, item in value.items() if not _is_empty(item)]
        return "\n".join(f"{key}: {_inline(item)}" for key, item in items)
    return "" if _is_empty(value) else _inline(value)


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _inline(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json_text(value)
    except RecursionError as error:
        raise InputError("a value is nested too deep to be read") from error


def other_words(message: Mapping[str, Any], known_keys: Collection[str]) -> str:
    """The keys of a message that the format does not know, if they have texts, as a person reads
    them. It is for messages in which nothing else was found.
    """
    items = [(key, value) for key, value in message.items() if key not in known_keys]
    return readable({key: value for key, value in items if words_in(value)})


def time_of(*values: object) -> datetime | None:
    """The first of the values that is a time; None if none is."""
    return next(filter(None, map(moment_or_none, values)), None)


def seconds_at(data: Any, key: str) -> float:
    """The time under the key in seconds since 1970; 0 without one, so that it comes first."""
    time = time_of(data.get(key)) if isinstance(data, dict) else None
    return time.timestamp() if time else 0.0


def media_kind(*hints: str) -> AttachmentKind:
    """The kind of a file by its media type or its name; the first hint that tells decides.

    >>> media_kind("", "holiday.jpeg")
    'image'
    """
    for hint in hints:
        kind = hint.split("/")[0]
        if kind not in _KINDS:
            kind = (mimetypes.guess_type(hint)[0] or "").split("/")[0]
        if kind in _KINDS:
            return _KINDS[kind]
    return "file"


def text_parts(*texts: str) -> list[dict[str, Any]]:
    """A part of a message for each text that is not blank."""
    return [{"type": "text", "text": text} for text in texts if text.strip()]


def attachment_part(kind: AttachmentKind, *names: str) -> dict[str, Any]:
    """A part of a message that stands for a file: the first name is its reference, the next its
    caption. At least one name must not be empty.
    """
    present = list(dict.fromkeys(filter(None, names)))
    caption = present[1] if len(present) > 1 else None
    return {"type": kind, "url": present[0], "caption": caption}
