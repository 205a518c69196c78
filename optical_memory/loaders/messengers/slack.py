"""Slack's export: a file for each day of a channel, a list of messages.

The names of people are in the messages, and in `users.json` of the export if it lies beside.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    other_words,
    text_at,
    time_of,
)
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import SERVICE, filled_conversations
from optical_memory.loaders.files import Document, read_json, stem
from optical_memory.loaders.messages.content import words_in
from optical_memory.loaders.messengers.slack_text import message_text

__all__ = [
    "is_slack",
    "slack",
]

_SERVICE = frozenset(
    (
        "channel_archive",
        "channel_convert_to_private",
        "channel_convert_to_public",
        "channel_join",
        "channel_leave",
        "channel_name",
        "channel_posting_permissions",
        "channel_purpose",
        "channel_topic",
        "channel_unarchive",
        "bot_add",
        "bot_disable",
        "bot_enable",
        "bot_remove",
        "ekm_access_denied",
        "group_archive",
        "group_join",
        "group_leave",
        "group_name",
        "group_purpose",
        "group_topic",
        "group_unarchive",
        "huddle_thread",
        "message_deleted",
        "pinned_item",
        "reminder_add",
        "sh_room_created",
        "tombstone",
        "unpinned_item",
    )
)
"""Subtypes of messages that the service writes, after Slack's documentation of message events."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")

_KNOWN = frozenset(
    (
        "type",
        "subtype",
        "ts",
        "user",
        "user_id",
        "username",
        "text",
        "blocks",
        "attachments",
        "files",
        "file",
        "user_profile",
        "bot_id",
        "bot_profile",
        "app_id",
        "client_msg_id",
        "team",
        "user_team",
        "source_team",
        "thread_ts",
        "parent_user_id",
        "reply_count",
        "reply_users",
        "reply_users_count",
        "latest_reply",
        "replies",
        "subscribed",
        "last_read",
        "is_locked",
        "edited",
        "reactions",
        "icons",
        "upload",
        "display_as_bot",
        "root",
        "permalink",
        "event_ts",
        "channel",
    )
)
"""The keys of a message."""


def is_slack(data: Any) -> bool:
    """True if one of the first items is a message with Slack's time stamp `ts`."""
    return any(map(_is_message, _items(data)[:20]))


def slack(source: Any) -> list[Conversation]:
    """The conversation of a day, or of any list of messages of a channel.

    Raises `InputError` if there are no messages.
    """
    data = read_json(source)
    items = _items(data)
    names = _names(items, source)
    name = _channel_day(source)
    posts = []
    left_out = []
    for n, item in enumerate(items):
        place = f"{stem(source)}[{n}]"
        if not isinstance(item, dict) or text_at(item, "subtype") in _SERVICE:
            words = message_text(item, names) if isinstance(item, dict) else words_in(item)
            left_out.append(LeftOut(place, SERVICE, words))
        else:
            posts.append(_post(item, names, place))
    meta = {"channel": text_at(data, "channel_id") or text_at(data, "name")}
    return filled_conversations([post_conversation(name, posts, meta, left_out)], name)


def _items(data: Any) -> list[Any]:
    """The messages in a file of an export, or in an answer of Slack's API."""
    return data if isinstance(data, list) else list_at(data, "messages")


def _is_message(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("ts"), str):
        return False
    return item.get("type") == "message" or bool(item.keys() & {"user", "bot_id", "subtype"})


def _channel_day(source: Any) -> str:
    """The channel, which is the name of the folder, and the day; else the file's name."""
    path = _path(source)
    if path and _DAY.match(path.stem) and path.parent.name:
        return f"{path.parent.name}/{path.stem}"
    return stem(source)


def _path(source: Any) -> Path | None:
    path = source.path if isinstance(source, Document) else source
    return path if isinstance(path, Path) else None


# ---- names ---------------------------------------------------------------------------------------


def _names(items: list[Any], source: Any) -> dict[str, str]:
    """The names of users by id: from `users.json`, and from the messages themselves."""
    names = {}
    for user in [*_users_beside(source), *_profiles(items)]:
        id = text_at(user, "id")
        profile = object_at(user, "profile") or user
        name = first_text(profile, "real_name", "display_name") or first_text(user, "name")
        if id and name:
            names[id] = name
    return names


def _profiles(items: list[Any]) -> list[dict[str, Any]]:
    """The profile in each message of a person, as an item of `users.json`."""
    return [
        {"id": text_at(item, "user"), "profile": object_at(item, "user_profile")}
        for item in items
        if object_at(item, "user_profile")
    ]


def _users_beside(source: Any) -> list[Any]:
    path = _path(source)
    if path is None:
        return []
    for folder in (path.parent, path.parent.parent):
        users = folder / "users.json"
        if users.is_file() and users != path:
            return _users(users)
    return []


def _users(path: Path) -> list[Any]:
    """The users of an export; none if the file cannot be read: names are not worth a refusal."""
    try:
        users = read_json(path)
    except InputError:
        return []
    return users if isinstance(users, list) else []


# ---- one message ---------------------------------------------------------------------------------


def _post(item: dict[str, Any], names: dict[str, str], place: str) -> Post:
    ts = text_at(item, "ts")
    text = message_text(item, names)
    files = _files(item)
    return Post(
        speaker=_speaker(item, names),
        text=text if text.strip() or files else other_words(item, _KNOWN),
        time=time_of(ts),
        id=ts or text_at(item, "client_msg_id") or None,
        place=place,
        attachments=tuple(files),
    )


def _speaker(item: dict[str, Any], names: dict[str, str]) -> Speaker:
    """Who wrote a message. A program has a `bot_id`; some also act as a user."""
    is_program = bool(text_at(item, "bot_id")) or text_at(item, "subtype") == "bot_message"
    id = first_text(item, "user", "bot_id", "username", "user_id")
    bot_name = text_at(object_at(item, "bot_profile"), "name")
    own_name = text_at(item, "username") or bot_name
    name = (own_name if is_program else "") or names.get(id, "") or own_name or id
    return Speaker(id, name, is_program)


def _files(item: dict[str, Any]) -> list[dict[str, Any]]:
    files = [*objects_at(item, "files"), object_at(item, "file")]
    parts = []
    for file in filter(None, files):
        address = first_text(file, "url_private", "permalink", "url_private_download")
        ref = address.split("?t=xox")[0]  # Slack puts a token of its own behind the address
        name = first_text(file, "title", "name")
        media_type = text_at(file, "mimetype")
        if ref or name or text_at(file, "id"):
            kind = media_kind(media_type, name)
            parts.append(attachment_part(kind, ref or text_at(file, "id") or name, name))
    for attachment in objects_at(item, "attachments"):
        picture = first_text(attachment, "image_url", "thumb_url")
        if picture:
            parts.append(attachment_part("image", picture, text_at(attachment, "title")))
    return parts
