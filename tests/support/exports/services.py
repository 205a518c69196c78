"""Exports of services for chats: Claude.ai, and Gemini in Google's Takeout."""

from __future__ import annotations

from typing import Any

__all__ = [
    "claude_export",
    "gemini_export",
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
