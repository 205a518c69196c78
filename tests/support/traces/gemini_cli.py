"""Sessions, checkpoints and logs of Gemini CLI."""

from __future__ import annotations

from typing import Any

__all__ = [
    "GEMINI_CHECKPOINT",
    "GEMINI_CLI",
    "GEMINI_LINES",
    "GEMINI_LOG",
]

GEMINI_CLI: dict[str, Any] = {
    "sessionId": "gem-1",
    "projectHash": "f00d",
    "startTime": "2026-03-02T08:00:00Z",
    "lastUpdated": "2026-03-02T08:09:00Z",
    "messages": [
        {
            "id": "g1",
            "timestamp": "2026-03-02T08:00:01Z",
            "type": "user",
            "content": [{"text": "Which lock is broken?"}],
        },
        {
            "id": "g2",
            "timestamp": "2026-03-02T08:00:05Z",
            "type": "gemini",
            "content": "I will look.",
            "thoughts": [{"subject": "Locks", "description": "Inspect the register"}],
            "model": "gemini-2.5-pro",
            "toolCalls": [
                {
                    "id": "read-1",
                    "name": "read_file",
                    "args": {"path": "locks.csv"},
                    "result": [
                        {
                            "functionResponse": {
                                "id": "read-1",
                                "name": "read_file",
                                "response": {"output": "lock seven: broken"},
                            }
                        }
                    ],
                    "status": "success",
                    "timestamp": "2026-03-02T08:00:06Z",
                    "resultDisplay": "Read one line",
                },
                {
                    "id": "shell-2",
                    "name": "run_shell_command",
                    "args": {"command": "ls keys"},
                    "result": [{"text": "no such directory"}],
                    "status": "error",
                },
            ],
        },
        {"id": "g3", "type": "info", "content": "Update available"},
        {
            "id": "g4",
            "timestamp": "2026-03-02T08:00:09Z",
            "type": "gemini",
            "content": "Lock seven.",
        },
    ],
}

GEMINI_LINES: list[Any] = [
    {"sessionId": "gem-2", "projectHash": "f00d", "startTime": "2026-03-02T08:00:00Z"},
    {"id": "g1", "type": "user", "content": "Paint it green."},
    {"id": "g2", "type": "gemini", "content": "Pain"},
    {"id": "g2", "type": "gemini", "content": "Painted green."},
    {"id": "g3", "type": "user", "content": "Paint it yellow."},
    {"id": "g4", "type": "gemini", "content": "Painted yellow."},
    {"$rewindTo": "g3"},
    {"$set": {"summary": "Painting a gate"}},
    {"id": "g5", "type": "user", "content": "Leave it green."},
]

GEMINI_CHECKPOINT: dict[str, Any] = {
    "history": [{"type": "user", "text": "Sharpen the saw."}],
    "clientHistory": [
        {"role": "user", "parts": [{"text": "Sharpen the saw."}]},
        {"role": "model", "parts": [{"text": "It is sharp."}]},
    ],
    "toolCall": {"name": "write_file", "args": {}},
}

GEMINI_LOG: list[Any] = [
    {"sessionId": "one", "messageId": 0, "type": "user", "message": "Feed the hens."},
    {"sessionId": "two", "messageId": 0, "type": "user", "message": "Shear the sheep."},
]
