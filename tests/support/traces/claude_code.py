"""Transcripts of Claude Code."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CLAUDE_CODE",
    "claude_line",
]


def claude_line(
    id: str, parent: str | None, content: Any, role: str = "user", **fields: Any
) -> dict[str, Any]:
    """A line of Claude Code with a message."""
    return {
        "parentUuid": parent,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/nina/ferry",
        "sessionId": "5e55",
        "version": "2.1.40",
        "gitBranch": "main",
        "type": role,
        "uuid": id,
        "timestamp": "2026-03-02T08:41:07.120Z",
        "message": {"role": role, "content": content},
        **fields,
    }


def _use(id: str, path: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "Read", "input": {"file_path": path}}


def _result(id: str, text: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": text}


CLAUDE_CODE: list[Any] = [
    {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {"trackedFileBackups": {}}},
    {"type": "summary", "summary": "Ferry timetable parser", "leafUuid": "a9"},
    claude_line("m0", None, "<command-caveat>Ignore this</command-caveat>", isMeta=True),
    claude_line("u1", "m0", "Read both timetables."),
    claude_line("a1", "u1", [{"type": "text", "text": "Reading."}], "assistant"),
    claude_line("a2", "a1", [_use("t1", "winter.txt")], "assistant"),
    claude_line("a3", "a2", [_use("t2", "summer.txt")], "assistant"),
    claude_line(
        "r1", "a2", [_result("t1", "Departs 07:10")], toolUseResult={"file": "Departs 07:10"}
    ),
    claude_line("r2", "a3", [_result("t2", "Departs 06:50")]),
    claude_line("s1", None, "Look for holidays.", isSidechain=True),
    {"type": "queue-operation", "operation": "enqueue", "content": "Also check harbours."},
    {
        "type": "attachment",
        "uuid": "q1",
        "parentUuid": "r2",
        "timestamp": "2026-03-02T08:42:00Z",
        "attachment": {
            "type": "queued_command",
            "prompt": "Also check harbours.",
            "commandMode": "prompt",
            "origin": {"kind": "human"},
        },
    },
    {
        "type": "attachment",
        "uuid": "q2",
        "parentUuid": "q1",
        "attachment": {
            "type": "queued_command",
            "prompt": "<task-notification>finished</task-notification>",
            "commandMode": "task-notification",
        },
    },
    claude_line("a4", "q2", [{"type": "text", "text": "Winter is later."}], "assistant"),
    {"type": "system", "subtype": "turn_duration", "uuid": "n1", "parentUuid": "a4"},
    claude_line("u2", "n1", "Write it in Pascal."),
    claude_line("a5", "u2", [{"type": "text", "text": "program Ferry;"}], "assistant"),
    claude_line("u3", "n1", "Write it in Python."),
    claude_line("a6", "u3", [{"type": "text", "text": "import ferry"}], "assistant"),
]
