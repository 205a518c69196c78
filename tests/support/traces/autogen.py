"""Messages of AutoGen 0.4, and a chat history of 0.2."""

from __future__ import annotations

from typing import Any

__all__ = [
    "AUTOGEN",
    "AUTOGEN_02",
]

AUTOGEN: dict[str, Any] = {
    "messages": [
        {"source": "user", "type": "TextMessage", "content": "Weigh the grain.", "metadata": {}},
        {"source": "weigher", "type": "ThoughtEvent", "content": "Use the scale"},
        {
            "source": "weigher",
            "type": "ToolCallRequestEvent",
            "content": [{"id": "w1", "name": "scale", "arguments": '{"sack": 4}'}],
        },
        {
            "source": "weigher",
            "type": "ToolCallExecutionEvent",
            "content": [
                {"content": "scale is locked", "name": "scale", "call_id": "w1", "is_error": True}
            ],
        },
        {"source": "weigher", "type": "ModelClientStreamingChunkEvent", "content": "The sc"},
        {
            "id": "z1",
            "source": "weigher",
            "type": "TextMessage",
            "content": "The scale is locked.",
            "created_at": "2026-03-02T08:00:00Z",
        },
        {
            "source": "artist",
            "type": "MultiModalMessage",
            "content": ["A drawing", {"data": "QUJD"}],
        },
    ],
    "stop_reason": "done",
}

AUTOGEN_02: list[Any] = [
    {"role": "assistant", "name": "user_proxy", "content": "Plot the tides."},
    {"role": "user", "name": "coder", "content": "```python\nplot()\n```"},
    {
        "role": "assistant",
        "name": "user_proxy",
        "content": "exitcode: 0 (execution succeeded)\nCode output: plotted",
    },
    {"role": "user", "name": "coder", "content": "The tides are plotted."},
]
