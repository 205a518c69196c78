"""Requests to APIs with their responses."""

from __future__ import annotations

from typing import Any

__all__ = [
    "API_LOGS",
]

API_LOGS: list[Any] = [
    {
        "request": {
            "model": "claude-opus",
            "system": [{"type": "text", "text": "Speak like a sailor."}],
            "tools": [{"name": "compass", "description": "where north is"}],
            "messages": [{"role": "user", "content": "Where is north?"}],
        },
        "response": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Behind you, mate."}],
        },
    },
    {
        "request": {"model": "gpt-5", "messages": [{"role": "user", "content": "A rhyme?"}]},
        "response": {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Boat, goat."}},
                {"index": 1, "message": {"role": "assistant", "content": "Ship, drip."}},
            ]
        },
    },
    {
        "id": "batch_1",
        "custom_id": "row-7",
        "response": {
            "status_code": 200,
            "body": {"choices": [{"message": {"role": "assistant", "content": "A sail."}}]},
        },
        "error": None,
    },
    {"custom_id": "row-8", "response": None, "error": {"message": "rate limited"}},
]
