"""Small files as coding agents and agent frameworks write them, each as its data."""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "API_LOGS",
    "AUTOGEN",
    "AUTOGEN_02",
    "CLAUDE_CODE",
    "CODEX",
    "CODEX_EXEC",
    "CODEX_OLD",
    "GEMINI_CHECKPOINT",
    "GEMINI_CLI",
    "GEMINI_LINES",
    "GEMINI_LOG",
    "INSPECT",
    "LANGGRAPH_HISTORY",
    "LANGSMITH",
    "MINI_SWE_AGENT",
    "SWE_AGENT",
    "TRACES",
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


def _lc(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    """A message as `dumpd` of langchain-core writes it."""
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", name],
        "kwargs": {"type": kind, **fields},
    }


_ASKED = _lc("HumanMessage", "human", content="Is the mill open?")
_CALLED = _lc(
    "AIMessage",
    "ai",
    content="",
    id="run-1",
    tool_calls=[{"name": "hours", "args": {"place": "mill"}, "id": "h1", "type": "tool_call"}],
)
_ANSWERED = _lc("ToolMessage", "tool", content="open until six", tool_call_id="h1")
_REPLIED = _lc("AIMessage", "ai", content="Yes, until six.", id="run-2")


def _model_run(id: str, start: str, inputs: list[Any], output: dict[str, Any]) -> dict[str, Any]:
    generation = {"text": output["kwargs"]["content"], "type": "ChatGeneration", "message": output}
    return {
        "id": id,
        "trace_id": "trace-1",
        "parent_run_id": "trace-1",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": start,
        "inputs": {"messages": [inputs]},
        "outputs": {"generations": [[generation]]},
    }


LANGSMITH: list[Any] = [
    {
        "id": "trace-1",
        "trace_id": "trace-1",
        "name": "agent",
        "run_type": "chain",
        "start_time": "2026-03-02T08:00:00",
        "inputs": {"messages": [["human", "Is the mill open?"]]},
        "outputs": {"messages": [_ASKED, _CALLED, _ANSWERED, _REPLIED]},
        "child_runs": [
            _model_run("r2", "2026-03-02T08:00:03", [[_ASKED, _CALLED, _ANSWERED]][0], _REPLIED),
            _model_run("r1", "2026-03-02T08:00:01", [_ASKED], _CALLED),
        ],
    },
    {
        "id": "trace-2",
        "trace_id": "trace-2",
        "name": "chain",
        "run_type": "chain",
        "start_time": "2026-03-02T09:00:00",
        "inputs": {"question": "Who grinds?"},
        "outputs": {"answer": "Anselm grinds."},
    },
]


def _flat(kind: str, content: str, id: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "content": content, "id": id, "additional_kwargs": {}, **fields}


LANGGRAPH_HISTORY: list[Any] = [
    {
        "values": {
            "messages": [
                _flat("human", "Book the barge for Tuesday.", "h1"),
                _flat("ai", "Booked for Tuesday.", "a1"),
            ]
        },
        "next": [],
        "config": {"configurable": {"thread_id": "barge"}},
        "metadata": {"step": 2},
        "created_at": "2026-03-02T08:00:03+00:00",
    },
    {
        "values": {"messages": [_flat("human", "Book the barge for Monday.", "h1")]},
        "next": ["agent"],
        "config": {"configurable": {"thread_id": "barge"}},
        "metadata": {"step": 1},
        "created_at": "2026-03-02T08:00:01+00:00",
    },
    {
        "checkpoint": {
            "v": 4,
            "ts": "2026-03-02T09:00:00+00:00",
            "channel_values": {"messages": [_flat("human", "Where is the tug?", "x1")]},
        },
        "config": {"configurable": {"thread_id": "tug"}},
    },
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


TRACES: dict[str, Any] = {
    "Claude Code transcript": CLAUDE_CODE,
    "Codex CLI session": CODEX,
    "Codex CLI session | old": CODEX_OLD,
    "output of codex exec": CODEX_EXEC,
    "Gemini CLI session": GEMINI_CLI,
    "Gemini CLI session | lines": GEMINI_LINES,
    "Gemini CLI checkpoint": GEMINI_CHECKPOINT,
    "Gemini CLI prompts": GEMINI_LOG,
    "LangSmith runs": LANGSMITH,
    "LangGraph state": LANGGRAPH_HISTORY,
    "inspect-ai log": INSPECT,
    "SWE-agent run": SWE_AGENT,
    "mini-SWE-agent run": MINI_SWE_AGENT,
    "AutoGen messages": AUTOGEN,
    "AutoGen messages | 0.2": AUTOGEN_02,
    "API requests and responses": API_LOGS,
}
"""A file of each format, by the name that `load_file` says, and an addition after a bar."""
