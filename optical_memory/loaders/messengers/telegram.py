"""Telegram's export: `result.json` of one chat, or of all chats of an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import (
    attachment_part,
    list_at,
    media_kind,
    object_at,
    objects_at,
    other_words,
    readable,
    text_at,
    time_of,
)
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import SERVICE, filled_conversations
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.messages.content import words_in
from optical_memory.turns import AttachmentKind

__all__ = [
    "is_telegram",
    "telegram",
]

_CHAT_LISTS = ("chats", "left_chats")
_DELETED = "Deleted Account"
"""As Telegram calls the author of a message whose account is no more."""

_MEDIA: dict[str, AttachmentKind] = {
    "sticker": "image",
    "animation": "video",
    "video_file": "video",
    "video_message": "video",
    "audio_file": "audio",
    "voice_message": "audio",
}

_DETAILS = (
    "contact_information",
    "location_information",
    "place_name",
    "address",
    "poll",
    "todo_list",
    "game_title",
    "game_description",
    "invoice_information",
    "giveaway_information",
)
"""Keys of messages that are no text: a contact, a place, a poll and the like."""

_KNOWN = frozenset(
    (
        *_DETAILS,
        "id",
        "type",
        "date",
        "date_unixtime",
        "edited",
        "edited_unixtime",
        "from",
        "from_id",
        "author",
        "text",
        "text_entities",
        "forwarded_from",
        "forwarded_from_id",
        "saved_from",
        "reply_to_message_id",
        "reply_to_peer_id",
        "via_bot",
        "photo",
        "photo_file_size",
        "file",
        "file_name",
        "file_size",
        "thumbnail",
        "thumbnail_file_size",
        "media_type",
        "mime_type",
        "sticker_emoji",
        "performer",
        "title",
        "duration_seconds",
        "width",
        "height",
        "reactions",
        "inline_bot_buttons",
    )
)
"""The keys of a message."""


def is_telegram(data: Any) -> bool:
    """True if the data is a chat with messages of people by `from_id`, or a list of such chats."""
    chats = _chats(data, "")
    return any(_is_chat(chat) for chat, _ in chats[:50])


def telegram(source: Any) -> list[Conversation]:
    """The conversation of each chat. Service messages are left out.

    Raises `InputError` if there are no messages.
    """
    data = read_json(source)
    name = stem(source)
    owner = text_at(object_at(data, "personal_information"), "user_id")
    owner_id = f"user{owner}" if owner else None
    conversations = [_conversation(chat, place, owner_id) for chat, place in _chats(data, name)]
    return filled_conversations(conversations, name)


def _chats(data: Any, name: str) -> list[tuple[Any, str]]:
    """The chats of an export, each with its place."""
    chats: list[tuple[Any, str]] = []
    for key in _CHAT_LISTS:
        for n, chat in enumerate(list_at(object_at(data, key), "list")):
            chats.append((chat, f"{name}.{key}.list[{n}]"))
    return chats or [(data, name)]


def _is_chat(chat: Any) -> bool:
    messages = objects_at(chat, "messages")[:20]
    return any(
        message.get("type") in ("message", "service")
        and bool(
            message.keys() & {"from_id", "actor_id", "date_unixtime", "actor", "text_entities"}
        )
        for message in messages
    )


def _conversation(chat: Any, place: str, owner: str | None) -> Conversation:
    posts = []
    left_out = []
    for n, message in enumerate(list_at(chat, "messages")):
        message_place = f"{place}.messages[{n}]"
        if not isinstance(message, dict) or text_at(message, "type") == "service":
            left_out.append(LeftOut(message_place, SERVICE, words_in(message)))
        else:
            posts.append(_post(message, message_place))
    meta = {"title": text_at(chat, "name"), "kind": text_at(chat, "type")}
    id = text_at(chat, "id") or place
    return post_conversation(id, posts, meta, left_out, owner)


# ---- one message ---------------------------------------------------------------------------------


def _post(message: dict[str, Any], place: str) -> Post:
    speaker_id = text_at(message, "from_id")
    name = text_at(message, "from") or (_DELETED if "from" in message else speaker_id)
    text = _text(message)
    files = _files(message)
    return Post(
        speaker=Speaker(speaker_id or name, name),
        text=text if text.strip() or files else other_words(message, _KNOWN),
        time=_time(message),
        id=text_at(message, "id") or None,
        place=place,
        attachments=tuple(files),
    )


def _text(message: dict[str, Any]) -> str:
    lines = []
    origin = text_at(message, "forwarded_from")
    if origin:
        lines.append(f"Forwarded from {origin}:")
    lines.append(_run_text(message.get("text")) or _run_text(message.get("text_entities")))
    for key in _DETAILS:
        if message.get(key):
            lines.append(f"{key.replace('_', ' ')}: {readable(message[key])}")
    return "\n".join(filter(None, lines))


def _run_text(text: Any) -> str:
    """A text: a string, or a list of strings and of objects with a text, such as links."""
    if not isinstance(text, list):
        return readable(text)
    return "".join(_piece(piece) for piece in text)


def _piece(piece: Any) -> str:
    if not isinstance(piece, dict):
        return readable(piece)
    label = text_at(piece, "text")
    address = text_at(piece, "href")
    return f"{label} ({address})" if address and address != label else label


def _time(message: dict[str, Any]) -> datetime | None:
    """The time with its zone: `date` is the clock of the person, `date_unixtime` the moment."""
    moment = time_of(message.get("date_unixtime"))
    clock = time_of(message.get("date"))
    if moment is None or clock is None or clock.tzinfo is not None:
        return moment or clock
    offset = clock.replace(tzinfo=UTC) - moment
    is_zone = abs(offset) <= timedelta(hours=14) and offset % timedelta(minutes=15) == timedelta(0)
    return moment.astimezone(timezone(offset)) if offset and is_zone else moment


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    media_type = text_at(message, "media_type")
    parts = []
    for key in ("photo", "file", "contact_vcard"):
        path = text_at(message, key)
        if not path:
            continue
        name = text_at(message, "file_name") if key == "file" else ""
        if path.startswith("("):  # such as (File not included. Change data exporting settings …)
            path = name or media_type or key
        kind = "image" if key == "photo" else _MEDIA.get(media_type)
        kind = kind or media_kind(text_at(message, "mime_type"), path)
        parts.append(attachment_part(kind, path, _caption(message) or name))
    return parts


def _caption(message: dict[str, Any]) -> str:
    """The emoji of a sticker, or the performer and the title of a song."""
    texts = (text_at(message, key) for key in ("sticker_emoji", "performer", "title"))
    return " ".join(filter(None, texts))
