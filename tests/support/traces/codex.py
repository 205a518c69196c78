"""Sessions of Codex CLI, and the output of `codex exec`."""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "CODEX",
    "CODEX_EXEC",
    "CODEX_OLD",
]


def _rollout(kind: str, payload: dict[str, Any], second: int = 0) -> dict[str, Any]:
    return {"timestamp": f"2026-03-02T08:41:{second:02}.000Z", "type": kind, "payload": payload}


def _said(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


_SHELL = {"type": "function_call", "name": "shell", "call_id": "c1"}

CODEX: list[Any] = [
    _rollout(
        "session_meta",
        {"id": "0199-ab", "cwd": "/srv/mill", "cli_version": "0.60.1", "instructions": "Be kind."},
    ),
    _rollout("response_item", _said("developer", "<permissions instructions>Ask first.")),
    _rollout("response_item", _said("user", "<environment_context>zsh</environment_context>")),
    _rollout("response_item", _said("user", "Count the millers."), 1),
    _rollout("event_msg", {"type": "user_message", "message": "Count the millers."}, 1),
    _rollout("turn_context", {"cwd": "/srv/mill", "model": "gpt-5-codex"}, 1),
    _rollout("event_msg", {"type": "agent_reasoning", "text": "Counting lines"}, 2),
    _rollout(
        "response_item",
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Counting lines"}],
            "encrypted_content": "gAAAAB",
        },
        2,
    ),
    _rollout("response_item", {**_SHELL, "arguments": '{"command":["wc","millers.txt"]}'}, 3),
    _rollout(
        "response_item",
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": json.dumps({"output": "12 millers.txt\n", "metadata": {"exit_code": 0}}),
        },
        4,
    ),
    _rollout(
        "response_item",
        {
            "type": "custom_tool_call",
            "name": "apply_patch",
            "call_id": "c2",
            "input": "*** Begin Patch",
        },
        5,
    ),
    _rollout(
        "response_item",
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": json.dumps({"output": "no such file", "metadata": {"exit_code": 2}}),
        },
        6,
    ),
    _rollout(
        "response_item",
        {"type": "web_search_call", "id": "ws1", "action": {"type": "search", "query": "millers"}},
        6,
    ),
    _rollout("event_msg", {"type": "token_count", "info": None}, 7),
    _rollout("response_item", _said("assistant", "There are twelve."), 8),
    _rollout("event_msg", {"type": "agent_message", "message": "There are twelve."}, 8),
    _rollout("compacted", {"message": "The user counted millers."}, 9),
    _rollout("event_msg", {"type": "user_message", "message": "And bakers?"}, 9),
]

CODEX_OLD: list[Any] = [
    {"id": "01-old", "timestamp": "2025-07-01T10:00:00Z", "instructions": None},
    {"record_type": "state"},
    _said("user", "Name the miller."),
    {**_SHELL, "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "Anselm"},
    _said("assistant", "He is Anselm."),
]

CODEX_EXEC: list[Any] = [
    {"type": "thread.started", "thread_id": "0199-cd"},
    {
        "type": "item.completed",
        "item": {"id": "i1", "type": "command_execution", "command": "ls", "exit_code": 0},
    },
    {"type": "item.completed", "item": {"id": "i2", "type": "agent_message", "text": "Empty."}},
]
