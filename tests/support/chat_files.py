"""A small export of each chat program, as these programs write them, with odd records in it."""

from __future__ import annotations

from typing import Any


def node(id: str, parent: str | None, children: list[str], message: Any) -> dict[str, Any]:
    return {"id": id, "parent": parent, "children": children, "message": message}


def said(id: str, role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A message of ChatGPT; a string is the only part of its text."""
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    author = {"role": role, "name": more.pop("name", None), "metadata": {}}
    times = {"create_time": 1736000000.5, "update_time": None}
    return {
        "id": id,
        "author": author,
        **times,
        "content": content,
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": more.pop("metadata", {}),
        "recipient": more.pop("recipient", "all"),
        **more,
    }


def chatgpt_export() -> list[dict[str, Any]]:
    hidden = {"is_visually_hidden_from_conversation": True}
    context = {
        "content_type": "user_editable_context",
        "user_profile": "I grow apples near Kivik.",
        "user_instructions": "Answer briefly.",
    }
    picture = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-Leaf1",
        "width": 640,
        "height": 480,
        "metadata": None,
    }
    question = {"content_type": "multimodal_text", "parts": [picture, "Which pest is this?"]}
    files = [
        {"id": "file-Leaf1", "name": "leaf.jpg", "mimeType": "image/jpeg", "size": 9},
        {"id": "file-Plan2", "name": "orchard.pdf", "mime_type": "application/pdf"},
    ]
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Looking closer", "content": "Holes mean larvae.", "chunks": []}],
        "source_analysis_msg_id": "x",
    }
    code = {"content_type": "code", "language": "python", "text": "print(6 * 7)"}
    output = {"content_type": "execution_output", "text": "42"}
    quote = {
        "content_type": "tether_quote",
        "url": "https://moths.example/codling",
        "domain": "moths.example",
        "title": "Codling moth",
        "text": "Larvae tunnel into the fruit.",
    }
    browsing = {"content_type": "tether_browsing_display", "result": "L1: traps", "summary": ""}
    voice = {
        "content_type": "multimodal_text",
        "parts": [
            {
                "content_type": "audio_transcription",
                "text": "And when do I spray?",
                "direction": "in",
                "decoding_id": None,
            },
            {
                "content_type": "real_time_user_audio_video_asset_pointer",
                "frames_asset_pointers": [],
                "video_container_asset_pointer": None,
                "audio_asset_pointer": {
                    "content_type": "audio_asset_pointer",
                    "asset_pointer": "sediment://file_voice9",
                    "format": "wav",
                },
            },
        ],
    }
    mapping = {
        "root": node("root", None, ["sys"], None),
        "sys": node("sys", "root", ["ctx"], said("sys", "system", "", metadata=hidden)),
        "ctx": node("ctx", "sys", ["ask"], said("ctx", "user", context, metadata=hidden)),
        "ask": node(
            "ask",
            "ctx",
            ["old", "think"],
            said("ask", "user", question, metadata={"attachments": files}),
        ),
        "old": node("old", "ask", ["oldthanks"], said("old", "assistant", "Perhaps aphids.")),
        "oldthanks": node("oldthanks", "old", [], said("oldthanks", "user", "Aphids? Really?")),
        "think": node("think", "ask", ["recap"], said("think", "assistant", thoughts)),
        "recap": node(
            "recap",
            "think",
            ["call"],
            said(
                "recap",
                "assistant",
                {"content_type": "reasoning_recap", "content": "Thought for 9s"},
            ),
        ),
        "call": node("call", "recap", ["out"], said("call", "assistant", code, recipient="python")),
        "out": node("out", "call", ["quo"], said("out", "tool", output, name="python")),
        "quo": node("quo", "out", ["brw"], said("quo", "tool", quote, name="browser")),
        "brw": node("brw", "quo", ["ans"], said("brw", "tool", browsing, name="browser")),
        "ans": node("ans", "brw", ["say"], said("ans", "assistant", "A codling moth.")),
        "say": node("say", "ans", ["end"], said("say", "user", voice)),
        "end": node("end", "say", [], said("end", "assistant", "After petal fall.")),
    }
    for n, item in enumerate(mapping.values()):
        if item["message"] is not None:
            item["message"]["create_time"] = 1736000000.5 + n
    return [
        {
            "title": "Orchard",
            "create_time": 1736000000.5,
            "update_time": 1736000100.5,
            "mapping": mapping,
            "moderation_results": [],
            "current_node": "end",
            "conversation_id": "conv-apples",
            "default_model_slug": "gpt-5",
            "is_archived": False,
        },
        {"title": "Nothing here", "mapping": {"r": node("r", None, [], None)}, "current_node": "r"},
    ]


def claude_export() -> list[dict[str, Any]]:
    stamps = {"start_timestamp": "2025-04-02T09:00:00Z", "stop_timestamp": None, "flags": None}
    root = "00000000-0000-4000-8000-000000000000"
    blocks = [
        {**stamps, "type": "thinking", "thinking": "Tides repeat.", "summaries": []},
        {**stamps, "type": "text", "text": "I will look.", "citations": []},
        {**stamps, "type": "tool_use", "id": None, "name": "web_search", "input": {"q": "tide"}},
        {
            **stamps,
            "type": "tool_result",
            "tool_use_id": None,
            "name": "web_search",
            "content": [
                {
                    "type": "knowledge",
                    "title": "Tide tables",
                    "url": "https://sea.example",
                    "text": "High at noon.",
                }
            ],
            "is_error": False,
        },
        {**stamps, "type": "text", "text": "High water is at noon.", "citations": []},
        {**stamps, "type": "token_budget", "remaining": None},
    ]
    artifact = {
        **stamps,
        "type": "tool_use",
        "id": "toolu_8",
        "name": "artifacts",
        "input": {
            "command": "create",
            "title": "Chart",
            "type": "text/markdown",
            "content": "# Noon",
        },
    }
    messages = [
        {
            "uuid": "c-1",
            "text": "When is high water?",
            "content": [{**stamps, "type": "text", "text": "When is high water?", "citations": []}],
            "sender": "human",
            "created_at": "2025-04-02T09:00:00.123456Z",
            "updated_at": "2025-04-02T09:00:00.123456Z",
            "attachments": [
                {
                    "file_name": "",
                    "file_size": 20,
                    "file_type": "txt",
                    "extracted_content": "Pasted: harbour",
                },
                {"file_name": "moor.csv", "file_type": "csv", "extracted_content": "berth,depth"},
            ],
            "files": [{"file_uuid": "f-77", "file_name": "quay.png"}],
            "files_v2": [{"file_uuid": "f-77", "file_name": "quay.png"}],
            "parent_message_uuid": root,
        },
        {
            "uuid": "c-2a",
            "text": "At midnight.",
            "content": [{**stamps, "type": "text", "text": "At midnight."}],
            "sender": "assistant",
            "created_at": "2025-04-02T09:00:05Z",
            "parent_message_uuid": "c-1",
        },
        {
            "uuid": "c-2b",
            "text": "I will look.\n```\nNot supported yet.\n```\nHigh water is at noon.",
            "content": blocks,
            "sender": "assistant",
            "created_at": "2025-04-02T09:00:09Z",
            "attachments": [],
            "files": [],
            "parent_message_uuid": "c-1",
        },
        {
            "uuid": "c-3",
            "text": "Draw it",
            "content": [],
            "sender": "human",
            "created_at": "2025-04-02T09:01:00Z",
            "parent_message_uuid": "c-2b",
        },
        {
            "uuid": "c-4",
            "text": "",
            "content": [artifact],
            "sender": "assistant",
            "created_at": "2025-04-02T09:01:05Z",
            "parent_message_uuid": "c-3",
        },
        {"uuid": "c-5", "text": "", "content": [], "sender": "human", "parent_message_uuid": "c-4"},
    ]
    conversation = {
        "uuid": "claude-1",
        "name": "Tides",
        "summary": "",
        "created_at": "2025-04-02T09:00:00Z",
        "updated_at": "2025-04-02T09:01:05Z",
        "account": {"uuid": "acc-1"},
        "chat_messages": messages,
    }
    return [conversation, {"uuid": "claude-2", "name": "Blank", "chat_messages": []}]


def gemini_export() -> list[dict[str, Any]]:
    common = {
        "header": "Gemini Apps",
        "products": ["Gemini Apps"],
        "activityControls": ["Gemini Apps Activity"],
    }
    return [
        {
            **common,
            "title": "Prompted what is in this photo Attached 1 file.",
            "time": "2025-06-03T08:00:00.000Z",
            "safeHtmlItem": [
                {"html": "<p>A <b>heron</b> &amp; its nest:</p><ul><li>grey</li><li>tall</li></ul>"}
            ],
            "subtitles": [
                {"name": "Attached 1 file."},
                {"name": "-  heron.jpg", "url": "pic-1.jpg"},
            ],
            "imageFile": "pic-1.jpg",
            "attachedFiles": ["pic-1.jpg"],
        },
        {**common, "title": "Gave feedback: Good response", "time": "2025-06-02T08:01:00.000Z"},
        {
            **common,
            "title": "Prompted write a haiku",
            "time": "2025-06-02T08:00:00.000Z",
            "safeHtmlItem": [
                {"html": "<p>Still pond<br>a frog</p><pre><code>x = 1\n  y</code></pre>"}
            ],
        },
        {**common, "title": "Used Gemini Apps", "time": "2025-06-01T08:00:00.000Z"},
        {**common, "title": "Prompted no answer came", "time": "2025-06-01T07:00:00.000Z"},
    ]


def open_webui_export() -> list[dict[str, Any]]:
    messages = {
        "w1": {
            "id": "w1",
            "parentId": None,
            "childrenIds": ["w2", "w2x"],
            "role": "user",
            "content": "Name a bridge.",
            "files": [
                {"type": "image", "url": "https://pics.example/span.png"},
                {
                    "type": "file",
                    "id": "doc-5",
                    "name": "bridges.pdf",
                    "file": {"filename": "bridges.pdf"},
                },
            ],
            "timestamp": 1741000000,
        },
        "w2x": {
            "id": "w2x",
            "parentId": "w1",
            "childrenIds": [],
            "role": "assistant",
            "content": "Oresund",
            "timestamp": 1741000003,
        },
        "w2": {
            "id": "w2",
            "parentId": "w1",
            "childrenIds": ["w3"],
            "role": "assistant",
            "content": "Forth",
            "model": "llama3",
            "timestamp": 1741000002,
            "usage": {"total_tokens": 12},
        },
        "w3": {
            "id": "w3",
            "parentId": "w2",
            "childrenIds": ["w4"],
            "role": "user",
            "content": "Why?",
            "timestamp": 1741000010,
        },
        "w4": {
            "id": "w4",
            "parentId": "w3",
            "childrenIds": [],
            "role": "assistant",
            "content": "",
            "error": {"content": "model not reachable"},
            "timestamp": 1741000011,
        },
    }
    chat = {
        "title": "Bridges",
        "models": ["llama3"],
        "history": {"messages": messages, "currentId": "w4"},
        "messages": [messages["w1"], messages["w2"], messages["w3"], messages["w4"]],
        "timestamp": 1741000000000,
    }
    plain = {
        "title": "Old",
        "messages": [{"role": "user", "content": "Ping"}, {"role": "assistant", "content": "Pong"}],
    }
    return [
        {
            "id": "chat-a",
            "user_id": "u",
            "title": "Bridges",
            "chat": chat,
            "created_at": 1741000000,
        },
        {"id": "chat-b", "title": "Old", "chat": plain},
    ]


def lm_studio_file() -> dict[str, Any]:
    def step(*content: Any, **more: Any) -> dict[str, Any]:
        return {"type": "contentBlock", "stepIdentifier": "s", "content": list(content), **more}

    def text(words: str, **more: Any) -> dict[str, Any]:
        return {"type": "text", "text": words, **more}

    thinking = {"style": {"type": "thinking", "ended": True, "title": "Thought for 2 seconds"}}
    request = {
        "type": "toolCallRequest",
        "callId": 11,
        "toolCallRequestId": "req-1",
        "name": "read_gauge",
        "parameters": {"river": "Elbe"},
    }
    result = {
        "type": "toolCallResult",
        "callId": 11,
        "toolCallRequestId": "req-1",
        "content": '["3.2 m"]',
    }
    answer = {
        "type": "multiStep",
        "role": "assistant",
        "senderInfo": {"senderName": "qwen3"},
        "steps": [
            step(text("<think>", isStructural=True), text("Gauge first."), **thinking),
            step(request),
            {
                "type": "toolStatus",
                "callId": 11,
                "statusState": {"status": {"type": "toolCallSucceeded"}},
            },
            step(result, roleOverride="tool"),
            step(text("The gauge says 3.2 metres.")),
            {"type": "debugInfoBlock", "debugInfo": "Conversation naming technique: prompt"},
        ],
    }
    first = {"type": "singleStep", "role": "user", "content": [text("How deep is the river?")]}
    second = {
        "type": "singleStep",
        "role": "user",
        "content": [
            text("How deep is the Elbe?"),
            {
                "type": "file",
                "fileIdentifier": "1700 - map.png",
                "fileType": "image",
                "sizeBytes": 3,
            },
        ],
    }
    return {
        "name": "Elbe",
        "pinned": False,
        "createdAt": 1742000000000,
        "tokenCount": 40,
        "systemPrompt": "You know rivers.",
        "messages": [
            {"versions": [first, second], "currentlySelected": 1},
            {"versions": [answer], "currentlySelected": 0},
            {"versions": [], "currentlySelected": 0},
        ],
        "lastUsedModel": {"identifier": "qwen3-8b"},
        "notes": [],
    }


def lobechat_export() -> dict[str, Any]:
    messages = [
        {
            "id": "l3",
            "role": "tool",
            "content": '{"degrees": 21}',
            "plugin": {
                "apiName": "now",
                "arguments": "{}",
                "identifier": "weather",
                "type": "default",
            },
            "tool_call_id": "call-3",
            "createdAt": 1743000003000,
            "sessionId": "sess",
            "topicId": "top",
            "parentId": "l2",
        },
        {
            "id": "l1",
            "role": "user",
            "content": "How warm is Malmo?",
            "files": ["file-1"],
            "createdAt": 1743000001000,
            "sessionId": "sess",
            "topicId": "top",
        },
        {
            "id": "l2",
            "role": "assistant",
            "content": "",
            "reasoning": {"content": "Ask the plugin.", "duration": 3},
            "tools": [
                {
                    "id": "call-3",
                    "apiName": "now",
                    "arguments": '{"city": "Malmo"}',
                    "identifier": "weather",
                }
            ],
            "createdAt": 1743000002000,
            "sessionId": "sess",
            "topicId": "top",
            "parentId": "l1",
        },
        {
            "id": "l4",
            "role": "assistant",
            "content": "21 degrees.",
            "createdAt": 1743000004000,
            "sessionId": "sess",
            "topicId": "top",
            "parentId": "l3",
        },
        {
            "id": "l5",
            "role": "user",
            "content": "Other topic",
            "createdAt": 1743000009000,
            "sessionId": "sess",
        },
        {
            "id": "l6",
            "role": "assistant",
            "content": "",
            "error": {"message": "quota exceeded", "type": "InsufficientQuota"},
            "createdAt": 1743000010000,
            "sessionId": "sess",
        },
    ]
    session = {
        "id": "sess",
        "type": "agent",
        "meta": {"title": "Weather desk"},
        "config": {"model": "gpt-4o", "systemRole": "Give Celsius only."},
    }
    topics = [{"id": "top", "sessionId": "sess", "title": "Warmth"}]
    state = {"sessions": [session], "messages": messages, "topics": topics}
    return {"exportType": "sessions", "version": 7, "state": state}


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


def sillytavern_lines() -> list[dict[str, Any]]:
    return [
        {
            "user_name": "Ravi",
            "character_name": "Old Pilot",
            "create_date": "2025-02-03@09h08m07s",
            "chat_metadata": {},
        },
        {
            "name": "Old Pilot",
            "is_user": False,
            "is_system": False,
            "send_date": "February 3, 2025 9:08am",
            "mes": "Welcome aboard.",
            "swipes": ["Ahoy there.", "Welcome aboard."],
            "swipe_id": 1,
            "extra": {"reasoning": "Greet warmly.", "model": "m"},
        },
        {
            "name": "Ravi",
            "is_user": True,
            "is_system": False,
            "send_date": "2025-02-03T09:10:00.000Z",
            "mes": "Where to?",
            "extra": {"image": "/user/images/chart.png", "title": "sea chart"},
        },
        {
            "name": "System",
            "is_user": False,
            "is_system": True,
            "send_date": 1738573900000,
            "mes": "Night falls.",
            "extra": {"type": "narrator"},
        },
        {"name": "Old Pilot", "is_user": False, "mes": "", "send_date": None},
    ]


def deepseek_export() -> list[dict[str, Any]]:
    def fragments(*pairs: tuple[str, Any]) -> dict[str, Any]:
        items = [{"type": kind, "content": content} for kind, content in pairs]
        stamp = "2025-04-29T11:59:13.202000+08:00"
        return {"files": [], "model": "deepseek-chat", "inserted_at": stamp, "fragments": items}

    question = fragments(("REQUEST", "Name a desert."))
    question["files"] = [{"id": "file-d1", "file_name": "dunes.png"}]
    mapping = {
        "root": node("root", None, ["1"], None),
        "1": node("1", "root", ["2", "3"], question),
        "2": node("2", "1", [], fragments(("RESPONSE", "Sahara"))),
        "3": node("3", "1", [], fragments(("THINK", "Another dry place."), ("RESPONSE", "Gobi"))),
    }
    return [{"id": "d", "title": "Deserts", "inserted_at": "2025-04-29", "mapping": mapping}]


EXPORTS = {
    "chatgpt": chatgpt_export,
    "claude_ai": claude_export,
    "deepseek": deepseek_export,
    "gemini_takeout": gemini_export,
    "open_webui": open_webui_export,
    "lm_studio": lm_studio_file,
    "lobechat": lobechat_export,
    "slack": slack_day,
    "discord": discord_export,
    "telegram": telegram_chat,
    "sillytavern": sillytavern_lines,
}
"""The data of each export, by the name of its loader."""
