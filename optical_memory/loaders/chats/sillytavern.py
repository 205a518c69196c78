"""SillyTavern's chats: lines of JSON, a header and then a message in each line."""

from __future__ import annotations

import re
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    other_words,
    readable,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.reading import (
    OTHER_VERSION,
    Reading,
    conversation_of,
    filled_conversations,
    joined,
    read_message,
    read_stray,
)
from optical_memory.loaders.files import read_json, stem
from optical_memory.turns import AttachmentKind

__all__ = [
    "is_sillytavern",
    "sillytavern",
]

_AT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?\d{1,3}ms)?"
)
"""Such as `2025-01-01@10h00m00s`, or `2024-2-20 @10h 05m 11s 123ms`."""

_KNOWN = frozenset(
    (
        "name",
        "mes",
        "is_user",
        "is_system",
        "send_date",
        "swipes",
        "swipe_id",
        "swipe_info",
        "extra",
        "gen_started",
        "gen_finished",
        "gen_id",
        "force_avatar",
        "original_avatar",
        "title",
        "variables",
    )
)
"""The keys of a message."""

_KINDS: dict[str, AttachmentKind] = {"image": "image", "video": "video"}


def is_sillytavern(data: Any) -> bool:
    """True if one of the first lines is a message with `mes` and `is_user`."""
    return isinstance(data, list) and any(map(_is_message, data[:20]))


def sillytavern(source: Any) -> list[Conversation]:
    """The conversation of a chat. Replies that were swiped away are left out.

    Raises `InputError` if there are no messages.
    """
    name = stem(source)
    meta: dict[str, str] = {}
    readings = []
    for n, line in enumerate(read_json(source)):
        if _is_header(line):
            keys = ("user_name", "character_name", "create_date")
            meta = {key: text_at(line, key) for key in keys}
        else:
            readings.append(_read(line, f"{name}[{n}]"))
    return filled_conversations([conversation_of(name, joined(readings), meta)], name)


def _is_message(line: Any) -> bool:
    return isinstance(line, dict) and line.keys() >= {"mes", "is_user"}


def _is_header(line: Any) -> bool:
    header_keys = {"chat_metadata", "character_name", "user_name"}
    return isinstance(line, dict) and "mes" not in line and bool(line.keys() & header_keys)


def _read(line: Any, place: str) -> Reading:
    if not isinstance(line, dict):
        return read_stray(line, place)
    extra = object_at(line, "extra")
    texts = (text_at(extra, "reasoning"), "thinking"), (text_at(line, "mes"), "text")
    parts = [{"type": kind, kind: text} for text, kind in texts if text.strip()]
    parts += _files(extra)
    message = {
        "role": _role(line, extra),
        "name": text_at(line, "name") or None,
        "content": parts or text_parts(other_words(line, _KNOWN)),
        "created_at": time_of(_plain_time(line.get("send_date"))),
    }
    swipes = [text for text in list_at(line, "swipes") if text and text != line.get("mes")]
    left_out = [LeftOut(f"{place}.swipes", OTHER_VERSION, readable(text)) for text in swipes]
    return joined([read_message(message, place), Reading(left_out=tuple(left_out))])


def _role(line: dict[str, Any], extra: dict[str, Any]) -> str:
    """`is_system` alone only says that a message is hidden from the model."""
    if line.get("is_user") is True:
        return "user"
    if line.get("is_system") is True and text_at(extra, "type"):
        return "system"
    return "assistant"


def _plain_time(value: object) -> object:
    """A time in SillyTavern's own form with the signs that other programs write."""
    return _AT.sub(r"\1-\2-\3 \4:\5:\6", value) if isinstance(value, str) else value


def _files(extra: dict[str, Any]) -> list[dict[str, Any]]:
    parts = []
    for key, kind in _KINDS.items():
        if isinstance(extra.get(key), str) and extra[key]:
            parts.append(attachment_part(kind, extra[key], text_at(extra, "title")))
    for file in [
        object_at(extra, "file"),
        *objects_at(extra, "files"),
        *objects_at(extra, "media"),
    ]:
        ref = first_text(file, "url", "name")
        if ref:
            parts.append(attachment_part(media_kind(ref), ref, first_text(file, "name", "title")))
        if text_at(file, "text"):
            parts.append({"type": "text", "text": text_at(file, "text")})
    return parts
