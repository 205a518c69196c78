"""Exports of messengers: Slack, Discord and Telegram."""

from __future__ import annotations

from typing import Any

__all__ = [
    "discord_export",
    "slack_day",
    "telegram_chat",
]


def slack_day() -> list[dict[str, Any]]:
    rich = {
        "type": "rich_text",
        "block_id": "b",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "user", "user_id": "U02"},
                    {"type": "text", "text": " the kiln is "},
                    {"type": "link", "url": "https://kiln.example", "text": "hot"},
                    {"type": "emoji", "name": "fire"},
                ],
            }
        ],
    }
    card = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Deploy* finished for <https://ci.example/9|build 9>"},
        "fields": [{"type": "mrkdwn", "text": "Branch: main"}],
    }
    profile = {"real_name": "Greta Holm", "display_name": "greta", "name": "gholm"}
    return [
        {
            "type": "message",
            "subtype": "channel_join",
            "user": "U01",
            "text": "<@U01> has joined the channel",
            "ts": "1744000000.000100",
        },
        {
            "type": "message",
            "user": "U01",
            "text": "<@U02> A &lt; B? See <https://pots.example/x?a&amp;b> in <#C9|glazes> <!here>",
            "ts": "1744000010.000200",
            "user_profile": profile,
            "reactions": [{"name": "eyes", "users": ["U02"], "count": 1}],
            "thread_ts": "1744000010.000200",
            "reply_count": 1,
        },
        {
            "type": "message",
            "user": "U02",
            "text": "",
            "ts": "1744000020.000300",
            "thread_ts": "1744000010.000200",
            "blocks": [rich],
            "user_profile": {"real_name": "Ivo Berg"},
        },
        {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": "B7",
            "username": "deploys",
            "text": "fallback",
            "ts": "1744000030.000400",
            "blocks": [card],
            "attachments": [
                {"title": "Log", "title_link": "https://ci.example/log", "fallback": "Log"}
            ],
        },
        {
            "type": "message",
            "user": "U01",
            "text": "",
            "ts": "1744000040.000500",
            "files": [
                {
                    "id": "F1",
                    "name": "kiln.png",
                    "title": "Kiln",
                    "mimetype": "image/png",
                    "url_private": "https://files.example/kiln.png?t=xoxe-secret",
                },
                {"id": "F2", "mode": "tombstone"},
            ],
            "edited": {"user": "U01", "ts": "1744000041.000000"},
        },
        {"type": "message", "user": "U03", "text": None, "ts": "1744000050.000600"},
        {"type": "message", "user": "U03", "text": "Third voice", "ts": "1744000060.000700"},
    ]


def discord_export() -> dict[str, Any]:
    def author(id: str, name: str, nickname: str | None, is_bot: bool = False) -> dict[str, Any]:
        return {
            "id": id,
            "name": name,
            "discriminator": "0000",
            "nickname": nickname,
            "isBot": is_bot,
            "roles": [],
        }

    nina = author("d1", "nina88", "Nina")
    omar = author("d2", "omar", None)
    helper = author("d3", "helper", "Helper", is_bot=True)
    embed = {
        "title": "Bird of the day",
        "url": "https://birds.example/wren",
        "description": "The wren sings loudly.",
        "fields": [{"name": "Length", "value": "9 cm", "isInline": True}],
        "footer": {"text": "from birds.example"},
        "image": {"url": "https://birds.example/wren.jpg"},
        "images": [{"url": "https://birds.example/wren.jpg"}],
    }

    def message(id: str, kind: str, who: Any, content: Any, **more: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "attachments": [],
            "embeds": [],
            "stickers": [],
            "reactions": [],
            "mentions": [],
        }
        stamp = f"2025-05-04T18:0{id[-1]}:00.000+02:00"
        return {
            "id": id,
            "type": kind,
            "timestamp": stamp,
            "content": content,
            "author": who,
            **empty,
            **more,
        }

    return {
        "guild": {"id": "g1", "name": "Bird club"},
        "channel": {
            "id": "ch1",
            "type": "GuildTextChat",
            "category": "Talk",
            "name": "sightings",
            "topic": "What you saw",
        },
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2025-05-05T00:00:00+00:00",
        "messages": [
            message("m0", "GuildMemberJoin", omar, "Joined the server."),
            message(
                "m1",
                "Default",
                nina,
                "Heard a wren!",
                attachments=[
                    {"id": "a1", "url": "https://cdn.example/song.ogg?ex=1", "fileName": "song.ogg"}
                ],
            ),
            message("m2", "Reply", omar, "Where?", reference={"messageId": "m1"}),
            message("m3", "20", helper, "", embeds=[embed]),
            message(
                "m4",
                "Default",
                nina,
                "",
                stickers=[{"id": "s", "name": "Wave", "sourceUrl": "https://cdn.example/wave.png"}],
            ),
            message("m5", "Default", nina, ""),
            message(
                "m6",
                "Default",
                omar,
                "",
                forwardedMessage={"content": "Owls at dusk", "attachments": [], "embeds": []},
            ),
        ],
        "messageCount": 7,
    }


def telegram_chat() -> dict[str, Any]:
    link = {"type": "text_link", "text": "the map", "href": "https://maps.example/7"}
    return {
        "name": "Lena",
        "type": "personal_chat",
        "id": 4001,
        "messages": [
            {
                "id": 1,
                "type": "service",
                "date": "2025-07-01T12:00:00",
                "actor": "Lena",
                "action": "phone_call",
            },
            {
                "id": 2,
                "type": "message",
                "date": "2025-07-01T12:01:00",
                "date_unixtime": "1751364060",
                "edited": "2025-07-01T12:02:00",
                "from": "Lena",
                "from_id": "user11",
                "text": ["Meet at ", link, "?"],
                "text_entities": [
                    {"type": "plain", "text": "Meet at "},
                    link,
                    {"type": "plain", "text": "?"},
                ],
            },
            {
                "id": 3,
                "type": "message",
                "date": "2025-07-01T12:03:00",
                "date_unixtime": "1751364180",
                "from": None,
                "from_id": "user12",
                "reply_to_message_id": 2,
                "file": "(File not included. Change data exporting settings to download.)",
                "file_name": "route.pdf",
                "mime_type": "application/pdf",
                "text": "",
                "text_entities": [],
            },
            {
                "id": 4,
                "type": "message",
                "date": "2025-07-01T12:04:00",
                "from": "Lena",
                "from_id": "user11",
                "forwarded_from": "City News",
                "photo": "photos/photo_1.jpg",
                "text": "Road closed",
            },
            {
                "id": 5,
                "type": "message",
                "date": "2025-07-01T12:05:00",
                "from": "Lena",
                "from_id": "user11",
                "file": "stickers/sticker.webp",
                "media_type": "sticker",
                "sticker_emoji": "👍",
                "text": "",
            },
            {
                "id": 6,
                "type": "message",
                "date": "2025-07-01T12:06:00",
                "from": "Lena",
                "from_id": "user11",
                "poll": {
                    "question": "Which day?",
                    "closed": False,
                    "answers": [{"text": "Friday", "voters": 1}],
                },
                "text": "",
            },
            {"id": 7, "type": "unsupported"},
        ],
    }
