"""The output of `codex exec --json`: a line of JSON for each event of a run without a screen.

Answers, commands and calls of tools are turns; the user's prompt is not in the output. Reasoning,
plans and the states between are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import REASONING, conversation_of, read_history
from optical_memory.loaders.messages.content import as_text

__all__ = [
    "codex_exec",
    "is_codex_exec",
]

_EVENT = "an event of the program"
_PLAN = "the plan of the agent"

Items = Iterator[tuple[str, Any]]


def codex_exec(source: Any) -> list[Conversation]:
    """The conversation of a run, by the id of its thread. Raises `InputError` without turns."""
    lines = read_json(source)
    name = stem(source)
    if not isinstance(lines, list):
        raise InputError(f"{name}: expected lines of a run, found {type(lines).__name__}")
    id = name
    messages: list[tuple[str, Any]] = []
    left_out: list[LeftOut] = []
    for n, line in enumerate(lines, 1):
        event = line if isinstance(line, dict) else {}
        if isinstance(event.get("thread_id"), str):
            id = event["thread_id"]
        line_messages = list(_messages(event, f"line {n}"))
        messages += line_messages
        if not line_messages:
            left_out.append(LeftOut(f"line {n}", _reason(event), as_text(line)))
    return [conversation_of(id, read_history(messages), left_out=left_out)]


def is_codex_exec(data: Any) -> bool:
    """True if any of the first lines is an item of a run."""
    lines = data[:50] if isinstance(data, list) else []
    return any(
        isinstance(line, dict)
        and str(line.get("type")).startswith("item.")
        and isinstance(line.get("item"), dict)
        for line in lines
    )


def _messages(event: dict[str, Any], place: str) -> Items:
    """The messages of an item that is complete."""
    item = event.get("item")
    if event.get("type") != "item.completed" or not isinstance(item, dict):
        return
    kind = item.get("type", item.get("item_type"))
    if kind in ("agent_message", "assistant_message"):
        yield place, {"role": "assistant", "content": item.get("text")}
    elif kind == "command_execution":
        yield from _call(item, place, "shell", {"command": item.get("command")})
    elif kind == "mcp_tool_call":
        yield from _call(item, place, f"{item.get('tool')}", item.get("arguments"))
    elif kind == "file_change":
        yield from _call(item, place, "apply_patch", {"changes": item.get("changes")})
    elif kind == "web_search":
        yield from _call(item, place, "web_search", {"query": item.get("query")})


def _call(item: dict[str, Any], place: str, name: str, arguments: Any) -> Items:
    call_id = as_text(item.get("id", place))
    call = {"id": call_id, "function": {"name": name, "arguments": arguments}}
    yield place, {"role": "assistant", "content": None, "tool_calls": [call]}
    text = _output(item)
    if text:
        yield f"{place}.item", {"role": "tool", "content": text, "tool_call_id": call_id}


def _output(item: dict[str, Any]) -> str:
    """The result of a tool, or its error; an exit code that is not 0 stays."""
    values = [item.get(key) for key in ("aggregated_output", "output", "result")]
    texts = [as_text(value) for value in values if value]
    if item.get("error"):
        texts.append(f"[error] {as_text(item['error'])}")
    if item.get("exit_code"):
        texts.append(f"[exit code {item['exit_code']}]")
    return "\n".join(texts)


def _reason(event: dict[str, Any]) -> str:
    item = event.get("item")
    kind = item.get("type", item.get("item_type")) if isinstance(item, dict) else None
    if kind == "reasoning":
        return REASONING
    return _PLAN if kind == "todo_list" else _EVENT
