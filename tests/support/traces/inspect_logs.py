"""A log of inspect-ai."""

from __future__ import annotations

from typing import Any

__all__ = [
    "INSPECT",
]

INSPECT: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "harbour", "model": "openai/gpt-5", "created": "2026-03-02T08:00:00Z"},
    "samples": [
        {
            "id": "q1",
            "epoch": 1,
            "input": "How deep is the harbour?",
            "target": "nine metres",
            "messages": [
                {"id": "i0", "role": "system", "content": "attachment://abc1"},
                {"id": "i1", "role": "user", "content": "How deep is the harbour?"},
                {
                    "id": "i2",
                    "role": "assistant",
                    "content": [
                        {"type": "reasoning", "reasoning": "Sound it", "signature": "c2ln"},
                        {"type": "text", "text": "I will sound it."},
                    ],
                    "tool_calls": [{"id": "k1", "function": "sound", "arguments": {"at": "pier"}}],
                },
                {
                    "id": "i3",
                    "role": "tool",
                    "tool_call_id": "k1",
                    "function": "sound",
                    "content": "",
                    "error": {"type": "timeout", "message": "the lead is stuck"},
                },
                {"id": "i4", "role": "assistant", "content": "Nine metres."},
            ],
            "output": {"choices": [{"message": {"role": "assistant", "content": "Nine metres."}}]},
            "scores": {"match": {"value": "C", "answer": "Nine metres", "explanation": "equal"}},
            "events": [{"event": "model", "output": "Nine metres."}],
            "attachments": {"abc1": "You measure harbours."},
        },
        {
            "id": "q2",
            "epoch": 1,
            "input": "How wide?",
            "target": "",
            "messages": [],
            "output": {"choices": [{"message": {"role": "assistant", "content": "Forty."}}]},
        },
        {"id": "q3", "epoch": 1, "input": "", "target": "", "messages": [], "error": "cancelled"},
    ],
}
