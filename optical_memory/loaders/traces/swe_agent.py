"""Runs of SWE-agent (`.traj`) and of mini-SWE-agent.

SWE-agent's `history` is the conversation; the steps under `trajectory` repeat it. Both agents give
the output of a command in the role of the user: here it is the tool's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeGuard

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import History, conversation_of, message_items, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, read_rows, row_items

__all__ = [
    "is_mini_swe_agent",
    "is_swe_agent",
    "mini_swe_agent",
    "swe_agent",
]

_STEPS = "steps that the history repeats"
_META = ("exit_status", "submission", "environment", "trajectory_format", "mini_version")
_OUTPUT_KEYS = {"returncode", "raw_output", "output"}
"""Keys under `extra` of a message that is the output of a command."""


def swe_agent(source: Any) -> list[Conversation]:
    """The conversation of a run, of its history or else of its steps. Raises `InputError` if it
    has no turns.
    """
    name = stem(source)
    return read_rows(row_items(read_json(source), name), _swe_agent_run, name)


def is_swe_agent(data: Any) -> bool:
    """True if the first row has a history or steps of SWE-agent."""
    first = first_row(data)
    steps = _objects(first.get("trajectory"))
    if any(step.keys() >= {"action", "observation"} or "role" in step for step in steps):
        return True
    messages = _objects(first.get("history"))
    is_typed = any(item.keys() >= {"role", "message_type"} for item in messages)
    return is_typed or ("trajectory" in first and any("role" in item for item in messages))


def mini_swe_agent(source: Any) -> list[Conversation]:
    """The conversation of a run. Raises `InputError` if it has no turns."""
    name = stem(source)
    return read_rows(row_items(read_json(source), name), _mini_run, name)


def is_mini_swe_agent(data: Any) -> bool:
    """True if the first row says that it is a run of mini-SWE-agent."""
    first = first_row(data)
    if not _is_list(first.get("messages")):
        return False
    is_named = str(first.get("trajectory_format", "")).startswith("mini-swe-agent")
    info = first.get("info")
    return is_named or (isinstance(info, dict) and "mini_version" in info)


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if _is_list(values) else []


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and bool(value)


# ---- SWE-agent -----------------------------------------------------------------------------------


def _swe_agent_run(place: str, run: Any) -> list[Conversation]:
    if not isinstance(run, dict):
        raise InputError(f"{place}: expected a run of SWE-agent, found {type(run).__name__}")
    steps = run.get("trajectory")
    left_out: list[LeftOut] = []
    if _is_list(run.get("history")):
        history = _history(message_items(run, "history", place))
        if steps:
            left_out.append(LeftOut(f"{place}.trajectory", _STEPS, as_text(steps)))
    else:
        items = message_items(run, "trajectory", place)
        history = read_history(chain.from_iterable(_step_messages(*item) for item in items))
    id = str(run.get("instance_id") or place)
    return [conversation_of(id, history, _meta(run), left_out)]


def _history(items: list[tuple[str, Any]]) -> History:
    messages: list[tuple[str, Any]] = []
    is_acting = False
    for place, message in items:
        if isinstance(message, dict):
            messages.append((place, _swe_agent_message(message, is_acting)))
            is_acting = is_acting or (message.get("role") == "assistant" and not _is_demo(message))
        else:
            messages.append((place, message))
    return read_history(messages)


def _is_demo(message: dict[str, Any]) -> bool:
    return bool(message.get("is_demo")) or message.get("message_type") == "demonstration"


def _swe_agent_message(message: dict[str, Any], is_acting: bool) -> dict[str, Any]:
    """The message with OpenAI's keys. An observation after the first action is a tool's."""
    role = message.get("role")
    if is_acting and role == "user" and message.get("message_type") == "observation":
        role = "tool"
    ids = message.get("tool_call_ids")
    fields = {**message, "role": role, "content": _thought_and_action(message)}
    if _is_list(ids) and role == "tool":
        fields["tool_call_id"] = ids[0]
    if _is_demo(message) and role == "user":
        fields["name"] = "demonstration"
    return fields


def _thought_and_action(message: dict[str, Any]) -> Any:
    """The content; if it has not the thought or the action of the message, with these."""
    content = message.get("content")
    if not isinstance(content, str | None):
        return content
    text = content or ""
    thought_text = _new_text(message.get("thought"), text)
    action_text = "" if message.get("tool_calls") else _new_text(message.get("action"), text)
    return "\n\n".join(part for part in (thought_text, text, action_text) if part)


def _new_text(value: Any, text: str) -> str:
    """The value if it is a text that the other text has not."""
    return value if isinstance(value, str) and value.strip() not in text else ""


def _step_messages(place: str, step: Any) -> Iterator[tuple[str, Any]]:
    """The messages of a step of a run without a history."""
    if isinstance(step, dict) and "role" in step:  # rows of data sets: steps that are messages
        yield place, {"content": step.get("text") or step.get("system_prompt"), **step}
        return
    if not isinstance(step, dict):
        yield place, step
        return
    message = {**step, "role": "assistant", "content": step.get("response")}
    text = _thought_and_action(message)
    if text:
        yield place, {"role": "assistant", "content": text}
    if step.get("observation"):
        yield f"{place}.observation", {"role": "tool", "content": step["observation"]}


# ---- mini-SWE-agent ------------------------------------------------------------------------------


def _mini_run(place: str, run: Any) -> list[Conversation]:
    if not isinstance(run, dict):
        raise InputError(f"{place}: expected a run of mini-SWE-agent, found {type(run).__name__}")
    items = message_items(run, "messages", place)
    history = read_history((path, _mini_message(message)) for path, message in items)
    id = str(run.get("instance_id") or place)
    return [conversation_of(id, history, _meta(run))]


def _mini_message(message: Any) -> Any:
    """The message; how the run ended, and outputs of commands, are a tool's."""
    if not isinstance(message, dict):
        return message
    if message.get("role") == "exit":
        return {**message, "role": "tool", "name": "exit"}
    extra = message.get("extra")
    is_output = isinstance(extra, dict) and bool(extra.keys() & _OUTPUT_KEYS)
    return {**message, "role": "tool"} if is_output and message.get("role") == "user" else message


def _meta(run: dict[str, Any]) -> dict[str, Any]:
    info = run.get("info")
    fields = {**run, **(info if isinstance(info, dict) else {})}
    return {key: fields.get(key) for key in _META}
