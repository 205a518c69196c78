"""Sessions of Codex CLI: rollout files, a line of JSON for each item, and the older forms without a
wrapper around each item.

Messages, calls of tools and their results are turns. Events that repeat them, settings, reasoning
and summaries are left out. Messages that Codex itself sends as the user (the environment, the
instructions of a project) are turns of the system, by their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import REASONING, content_text, conversation_of, read_history
from optical_memory.loaders.messages.content import as_text

__all__ = [
    "codex",
    "is_codex",
]

_WRAPPERS = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
_ITEMS = ("message", "reasoning", "function_call", "function_call_output", "local_shell_call")

_MARKS = re.compile(
    r"\s*(?:<(environment_context|user_instructions|permissions instructions|turn_aborted|skill|"
    r"collaboration_mode|user_shell_command|subagent_notification)>"
    r"|# (AGENTS\.md) instructions)"
)
"""How messages begin that Codex sends in the role of the user, or of the developer."""

_REASONS = {
    "event_msg": "an event of the program",
    "turn_context": "settings of a turn",
    "compacted": "a summary of earlier turns",
    "compaction": "a summary of earlier turns",
    "compaction_summary": "a summary of earlier turns",
    "reasoning": REASONING,
    "ghost_snapshot": "a backup of files, for undo",
}
_REPEATED = "an event that repeats a message"
_OTHER = "a line that is no message"
_INSTRUCTIONS = "instructions that Codex gives in every session"
_EVENT_ROLES = {"user_message": "user", "agent_message": "assistant"}
_NEAR = 20
"""Lines between an event and the message that it repeats: seldom more than two."""

_META = ("cwd", "originator", "cli_version", "model_provider", "source")


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of a session, without its wrapper. `kind` is the type of the line."""

    place: str
    kind: str
    value: dict[str, Any]
    time: Any


def codex(source: Any) -> list[Conversation]:
    """The conversation of a session, by the id of the session. Raises `InputError` if it has no
    turns.
    """
    data = read_json(source)
    name = stem(source)
    items = list(_items(data))
    repeats = _repeated_events(items)
    messages: list[tuple[str, Any]] = []
    left_out: list[LeftOut] = []
    for item in items:
        message = _message(item, repeats)
        if message is not None:
            messages.append((item.place, message))
        elif item.kind != "session_meta":
            left_out.append(LeftOut(item.place, _reason(item, repeats), as_text(item.value)))
    history = read_history(messages)
    heads = [item.value for item in items if item.kind == "session_meta"]
    head = heads[0] if heads else {}
    left_out += _instructions(head)
    id = head.get("id") if isinstance(head.get("id"), str) else name
    return [conversation_of(str(id), history, _meta(head, items), left_out)]


def is_codex(data: Any) -> bool:
    """True if the data is a rollout file of Codex, of any age."""
    if isinstance(data, dict):
        return isinstance(data.get("session"), dict) and isinstance(data.get("items"), list)
    if not isinstance(data, list):
        return False
    lines = [line for line in data[:20] if isinstance(line, dict)]
    return any(map(_is_wrapped, lines)) or _is_old(lines)


def _is_wrapped(line: dict[str, Any]) -> bool:
    return line.get("type") in _WRAPPERS and isinstance(line.get("payload"), dict)


def _is_old(lines: Sequence[dict[str, Any]]) -> bool:
    """Without wrappers: the first line has the id and the time of the session and no type."""
    if len(lines) < 2 or not lines[0].keys() >= {"id", "timestamp"}:
        return False
    is_head = not lines[0].keys() & {"type", "role", "content"}
    kinds = [line.get("type") for line in lines[1:]]
    return is_head and any(kind in _ITEMS for kind in kinds)


# ---- items ---------------------------------------------------------------------------------------


def _items(data: Any) -> Iterator[_Item]:
    if isinstance(data, dict):  # rollouts of 2025-04 are a single object
        head = data.get("session")
        lines = [head, *data["items"]] if isinstance(data.get("items"), list) else [head]
    else:
        lines = data if isinstance(data, list) else []
    for n, line in enumerate(lines):
        if not isinstance(line, dict):
            line = {"text": line}
        place = f"line {n + 1}"
        if _is_wrapped(line):
            yield _Item(place, line["type"], line["payload"], line.get("timestamp"))
        elif n == 0 and "type" not in line:
            yield _Item(place, "session_meta", line, None)
        else:
            yield _Item(place, "response_item", line, None)


def _repeated_events(items: Sequence[_Item]) -> set[str]:
    """The places of the events with the words of a message: of any, or of a message near them that
    has marks of pictures or of an editor around the words.
    """
    texts = [_message_text(item) for item in items]
    all_texts = set(texts)
    places: set[str] = set()
    for n, item in enumerate(items):
        text = item.value.get("message") if item.kind == "event_msg" else None
        if isinstance(text, str) and item.value.get("type") in tuple(_EVENT_ROLES):
            words = text.strip()
            nearby = texts[max(0, n - _NEAR) : n + _NEAR]
            if words in all_texts or any(words in message for message in nearby):
                places.add(item.place)
    return places


def _message_text(item: _Item) -> str:
    """The text of an item that is a message; "" of any other."""
    is_message = item.value.get("type") == "message"
    return content_text(item.value.get("content")) if is_message else ""


def _message(item: _Item, repeats: Collection[str]) -> dict[str, Any] | None:
    """The item as a message; None if it is none."""
    if item.place in repeats:
        return None
    if item.kind == "event_msg":
        message = _event_message(item.value)
    else:
        message = _item_message(item.value) if item.kind == "response_item" else None
    return None if message is None else {**message, "timestamp": item.time}


def _event_message(event: dict[str, Any]) -> dict[str, Any] | None:
    """The message of an event that no item repeats; None of any other event."""
    kind = event.get("type")
    text = event.get("message")
    if not isinstance(kind, str) or kind not in _EVENT_ROLES or not isinstance(text, str):
        return None
    return {"role": _EVENT_ROLES[kind], "content": text}


def _item_message(item: dict[str, Any]) -> dict[str, Any] | None:
    kind = item.get("type")
    if kind == "message":
        return _marked(item)
    if kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call"):
        return {"role": "assistant", "content": None, "tool_calls": [_call(item)]}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {
            "role": "tool",
            "content": _output(item.get("output")),
            "tool_call_id": item.get("call_id"),
        }
    if kind == "agent_message":  # of an agent to another
        author = item.get("author")
        return {"role": "assistant", "name": author, "content": item.get("content")}
    return None


def _marked(item: dict[str, Any]) -> dict[str, Any]:
    """The message. A message that Codex sends for the user is the system's, by its name."""
    message = {key: item.get(key) for key in ("id", "role", "content")}
    mark = _MARKS.match(content_text(item.get("content")))
    if mark is None:
        return message
    return {**message, "role": "system", "name": mark[1] or mark[2]}


def _call(item: dict[str, Any]) -> dict[str, Any]:
    name = item.get("name") or str(item.get("type")).removesuffix("_call")
    arguments = item.get("arguments", item.get("input", item.get("action")))
    call_id = item.get("call_id") or item.get("id")
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def _output(output: Any) -> Any:
    """The output of a tool without the JSON that Codex wraps around it. An exit code that is not 0
    stays.
    """
    envelope = output
    if isinstance(output, str) and output.startswith('{"'):
        try:
            envelope = json.loads(output)
        except (ValueError, RecursionError):
            return output
    if not isinstance(envelope, dict):
        return output
    text = envelope.get("output", envelope.get("content"))
    metadata = envelope.get("metadata")
    if text is None or envelope.keys() - {"output", "content", "metadata", "success"}:
        return output if isinstance(output, str) else as_text(output)
    code = metadata.get("exit_code") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        return text
    return f"{text}\n[exit code {code}]".lstrip("\n") if code else text


# ---- left out, meta ------------------------------------------------------------------------------


def _reason(item: _Item, repeats: Collection[str]) -> str:
    if item.place in repeats:
        return _REPEATED
    kind = item.value.get("type")
    if item.kind == "event_msg" and isinstance(kind, str) and kind.startswith("agent_reasoning"):
        return REASONING
    if item.kind != "response_item":
        kind = item.kind
    return _REASONS.get(kind, _OTHER) if isinstance(kind, str) else _OTHER


def _instructions(head: dict[str, Any]) -> list[LeftOut]:
    left_out: list[LeftOut] = []
    for key in ("instructions", "base_instructions"):
        if head.get(key):
            place = f"session_meta.{key}"
            left_out.append(LeftOut(place, _INSTRUCTIONS, as_text(head[key])))
    return left_out


def _meta(head: dict[str, Any], items: Sequence[_Item]) -> dict[str, Any]:
    meta = {key: head.get(key) for key in _META}
    models = [item.value.get("model") for item in items if item.kind == "turn_context"]
    return {**meta, "model": models[0] if models else None}
