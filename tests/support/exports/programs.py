"""Exports of programs for chats with any model."""

from __future__ import annotations

from typing import Any

__all__ = [
    "lm_studio_file",
    "lobechat_export",
    "open_webui_export",
    "sillytavern_lines",
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
