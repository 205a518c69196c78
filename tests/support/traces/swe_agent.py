"""Runs of SWE-agent and mini-SWE-agent."""

from __future__ import annotations

from typing import Any

__all__ = [
    "MINI_SWE_AGENT",
    "SWE_AGENT",
]

SWE_AGENT: dict[str, Any] = {
    "environment": "swe_main",
    "trajectory": [
        {
            "thought": "Open the gate file.",
            "action": "open gate.py",
            "observation": "def swing(): pass",
            "response": "Open the gate file.\nopen gate.py",
            "state": {"open_file": "gate.py"},
        }
    ],
    "history": [
        {
            "role": "system",
            "content": "You repair code.",
            "agent": "main",
            "message_type": "system_prompt",
        },
        {
            "role": "user",
            "content": "A demonstration of a fence.",
            "is_demo": True,
            "message_type": "demonstration",
        },
        {"role": "user", "content": "The gate squeaks.", "message_type": "observation"},
        {
            "role": "assistant",
            "content": "",
            "thought": "Open the gate file.",
            "action": "open gate.py",
            "message_type": "action",
        },
        {"role": "user", "content": "def swing(): pass", "message_type": "observation"},
        {
            "role": "assistant",
            "content": "Submit it.",
            "thought": "Submit it.",
            "action": "submit",
            "tool_calls": [
                {"id": "s1", "type": "function", "function": {"name": "submit", "arguments": "{}"}}
            ],
            "message_type": "action",
        },
        {
            "role": "tool",
            "content": [{"type": "text", "text": "submitted"}],
            "tool_call_ids": ["s1"],
            "message_type": "observation",
        },
    ],
    "info": {"exit_status": "submitted", "submission": "diff --git a/gate.py"},
}

MINI_SWE_AGENT: dict[str, Any] = {
    "info": {"exit_status": "Submitted", "mini_version": "1.14.0", "submission": "oiled"},
    "messages": [
        {"role": "system", "content": "You repair gates."},
        {"role": "user", "content": "The hinge is dry."},
        {
            "role": "assistant",
            "content": "THOUGHT: look\n```bash\nls hinges\n```",
            "extra": {"actions": [{"command": "ls hinges"}]},
        },
        {
            "role": "user",
            "content": "<output>left right</output>",
            "extra": {"returncode": 0, "raw_output": "left right"},
        },
        {"role": "exit", "content": "oiled", "extra": {"exit_status": "Submitted"}},
    ],
    "trajectory_format": "mini-swe-agent-1.1",
}
