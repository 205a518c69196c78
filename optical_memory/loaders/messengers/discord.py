"""Discord's channels as DiscordChatExporter writes them in JSON."""

from __future__ import annotations

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
    text_at,
    time_of,
)
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import SERVICE, filled_conversations
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.messages.content import words_in

__all__ = [
    "discord",
    "is_discord",
]

_SERVICE = frozenset(
    (
        "RecipientAdd",
        "RecipientRemove",
        "Call",
        "ChannelNameChange",
        "ChannelIconChange",
        "ChannelPinnedMessage",
        "GuildMemberJoin",
        "ThreadCreated",
    )
)
"""Kinds of messages that Discord writes itself, by the exporter's names."""

_SPOKEN_NUMBERS = frozenset(("0", "19", "20", "21", "23"))
"""Kinds without a name of the exporter: a message, a reply, a command, the first message of a
thread, a command of a menu. All other numbers are Discord's own messages.
"""

_KNOWN = frozenset(
    (
        "id",
        "type",
        "timestamp",
        "timestampEdited",
        "callEndedTimestamp",
        "isPinned",
        "content",
        "author",
        "attachments",
        "components",
        "embeds",
        "stickers",
        "reactions",
        "mentions",
        "reference",
        "forwardedMessage",
        "interaction",
        "inlineEmojis",
    )
)
"""The keys of a message."""


def is_discord(data: Any) -> bool:
    """True if the data names a channel or a server and has messages with authors."""
    if not isinstance(data, dict) or not data.keys() & {"guild", "channel"}:
        return False
    messages = objects_at(data, "messages")[:20]
    return any(message.keys() >= {"author", "content"} for message in messages)


def discord(source: Any) -> list[Conversation]:
    """The conversation of a channel. Messages of Discord itself are left out.

    Raises `InputError` if there are no messages.
    """
    data = read_json(source)
    name = stem(source)
    posts = []
    left_out = []
    for n, message in enumerate(list_at(data, "messages")):
        place = f"{name}.messages[{n}]"
        if not isinstance(message, dict) or _is_service(text_at(message, "type")):
            words = text_at(message, "content") or words_in(message)
            left_out.append(LeftOut(place, SERVICE, words))
        else:
            posts.append(_post(message, place))
    channel = object_at(data, "channel")
    meta = {
        "title": text_at(channel, "name"),
        "server": text_at(object_at(data, "guild"), "name"),
        "category": text_at(channel, "category"),
        "topic": text_at(channel, "topic"),
    }
    id = text_at(channel, "id") or name
    return filled_conversations([post_conversation(id, posts, meta, left_out)], name)


def _is_service(kind: str) -> bool:
    return kind in _SERVICE or (kind.isdecimal() and kind not in _SPOKEN_NUMBERS)


def _post(message: dict[str, Any], place: str) -> Post:
    author = object_at(message, "author")
    name = first_text(author, "nickname", "name", "id") or text_at(message, "author")
    speaker = Speaker(text_at(author, "id") or name, name, author.get("isBot") is True)
    forward = object_at(message, "forwardedMessage")
    texts = [*_texts(message), *(f"Forwarded: {text}" for text in _texts(forward))]
    files = [*_files(message), *_files(forward)]
    return Post(
        speaker=speaker,
        text="\n".join(texts) if texts or files else other_words(message, _KNOWN),
        time=time_of(message.get("timestamp")),
        id=text_at(message, "id") or None,
        place=place,
        attachments=tuple(files),
    )


def _texts(message: dict[str, Any]) -> list[str]:
    """The text of a message, and the cards below it: previews of links, or a program's answers."""
    cards = [_card(embed) for embed in objects_at(message, "embeds")]
    return [text for text in (text_at(message, "content"), *cards) if text.strip()]


def _card(embed: dict[str, Any]) -> str:
    texts = [text_at(object_at(embed, "author"), "name")]
    texts += [text_at(embed, key) for key in ("title", "url", "description")]
    for field in objects_at(embed, "fields"):
        texts.append(f"{text_at(field, 'name')}: {text_at(field, 'value')}".strip(": "))
    texts.append(text_at(object_at(embed, "footer"), "text"))
    return "\n".join(text for text in texts if text.strip("\u200b \n"))


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = []
    for file in objects_at(message, "attachments"):
        name = text_at(file, "fileName")
        ref = first_text(file, "url", "id") or name
        if ref:
            parts.append(attachment_part(media_kind(name, ref.split("?")[0]), ref, name))
    for sticker in objects_at(message, "stickers"):
        ref = first_text(sticker, "sourceUrl", "id", "name")
        if ref:
            parts.append(attachment_part("image", ref, text_at(sticker, "name")))
    for embed in objects_at(message, "embeds"):
        parts += _card_files(embed)
    return parts


def _card_files(embed: dict[str, Any]) -> list[dict[str, Any]]:
    pictures = [object_at(embed, "image"), *objects_at(embed, "images")]
    addresses = dict.fromkeys(first_text(picture, "canonicalUrl", "url") for picture in pictures)
    parts = [attachment_part("image", address) for address in addresses if address]
    video = first_text(object_at(embed, "video"), "canonicalUrl", "url")
    return [*parts, attachment_part("video", video)] if video else parts
