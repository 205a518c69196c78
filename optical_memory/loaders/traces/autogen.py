"""Messages of AutoGen: of 0.4, which name their source and type, and chat histories of 0.2, which
swap the roles of the two sides.

Agents are assistants by their name. Who is named as a user is the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, TypeGuard

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import REASONING, conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import list_items, read_rows

__all__ = [
    "autogen",
    "is_autogen",
]

_USER = re.compile(r"(?:^|[_\W])(?:user|human|admin)(?:[_\W]|proxy|$)", re.IGNORECASE)
_RUN_OUTPUT = re.compile(r"exitcode: -?\d+ \(execution")
"""How 0.2 begins the output of code, in the name of the user's proxy."""

_LEFT_OUT = {
    "ModelClientStreamingChunkEvent": "pieces of a message that comes whole",
    "ThoughtEvent": REASONING,
    "UserInputRequestedEvent": "an event of the program",
    "SelectSpeakerEvent": "an event of the program",
    "SelectorEvent": "an event of the program",
}
_RESULTS = ("ToolCallExecutionEvent", "FunctionExecutionResultMessage")

_N_MESSAGES = 50
"""Messages that tell the format."""

_LISTS = ("messages", "message_thread", "chat_history", "chat_messages")

Items = Iterator[tuple[str, Any]]


def autogen(source: Any) -> list[Conversation]:
    """The conversation of a list of messages, of a result, or of the state of a team.

    Raises `InputError` if it has no turns.
    """
    name = stem(source)
    lists = _lists(read_json(source), name)
    if not lists:
        raise InputError(f"{name}: no messages of AutoGen in it")
    return read_rows(lists, _conversation, name)


def is_autogen(data: Any) -> bool:
    """True if a message has its source and a type of 0.4, or if a list is a history of 0.2."""
    lists = _lists(data[:_N_MESSAGES] if isinstance(data, list) else data, "")
    messages = lists[0][1][:_N_MESSAGES] if lists else []
    return any(map(_is_message, messages)) or _is_history_02(messages)


def _is_history_02(values: list[Any]) -> bool:
    """True if each message names its speaker, and a user speaks in the role of the assistant."""
    messages = [message for message in values if isinstance(message, dict)]
    if not messages or not all("name" in message and "role" in message for message in messages):
        return False
    return any(message["role"] == "assistant" and _is_user(message["name"]) for message in messages)


def _is_message(message: Any) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("source"), str):
        return False
    kind = message.get("type")
    return isinstance(kind, str) and kind.endswith(("Message", "Event")) and "content" in message


def _is_user(name: Any) -> bool:
    return isinstance(name, str) and bool(_USER.search(name))


# ---- lists of messages ---------------------------------------------------------------------------


def _lists(data: Any, place: str) -> list[tuple[str, list[Any]]]:
    """The lists of messages in the data, each with its place: a list of them, or the list of a
    result or a state, or of each result in a list.
    """
    if not isinstance(data, list):
        return _inner_lists(data, place)
    lists: list[tuple[str, list[Any]]] = []
    for item_place, item in list_items(data, place):
        lists += _inner_lists(item, item_place)
    return lists or ([(place, data)] if data else [])


def _inner_lists(data: Any, place: str) -> list[tuple[str, list[Any]]]:
    """The list under the first of the known keys. Of a team's state it is its manager's thread, or
    else the context of the first agent.
    """
    if not isinstance(data, dict):
        return []
    for key in _LISTS:
        if isinstance(data.get(key), list) and data[key]:
            return [(f"{place}.{key}", data[key])]
    states = data.get("agent_states")
    lists: list[tuple[str, list[Any]]] = []
    for name, state in states.items() if isinstance(states, dict) else ():
        lists += _inner_lists(state, f"{place}.agent_states.{name}")
    for key in ("agent_state", "llm_context", "task_result"):
        lists += _inner_lists(data.get(key), f"{place}.{key}")
    threads = [item for item in lists if item[0].endswith(".message_thread")]
    return (threads or lists)[:1]


def _conversation(place: str, messages: Any) -> list[Conversation]:
    items = list_items(messages, place)
    to_messages = _messages_02 if _is_history_02(messages[:_N_MESSAGES]) else _messages
    history = read_history(chain.from_iterable(to_messages(*item) for item in items))
    id = re.sub(r"\.(?:agent_state|message|chat|task).*", "", place)
    return [conversation_of(id, history, left_out=_left_out(messages, place))]


def _left_out(messages: list[Any], place: str) -> list[LeftOut]:
    left_out: list[LeftOut] = []
    for message_place, message in list_items(messages, place):
        kind = message.get("type") if isinstance(message, dict) else None
        if isinstance(kind, str) and kind in _LEFT_OUT:
            left_out.append(LeftOut(message_place, _LEFT_OUT[kind], as_text(message)))
    return left_out


# ---- messages of 0.4 -----------------------------------------------------------------------------


def _messages(place: str, message: Any) -> Items:
    """A message with OpenAI's keys; of the results of tools, a message for each."""
    if not isinstance(message, dict):
        yield place, message
        return
    kind = message.get("type")
    if isinstance(kind, str) and kind in _LEFT_OUT:
        return
    content = message.get("content", message.get("result"))
    common = {"timestamp": message.get("created_at")}
    if _is_list_with(content, "call_id") or (
        kind in _RESULTS and _is_list_with(content, "content")
    ):
        for n, result in enumerate(content):
            yield f"{place}.content[{n}]", {**common, **_result(result)}
        return
    fields = {**common, "id": message.get("id"), "role": _role(message)}
    if fields["role"] != "system":
        fields["name"] = message.get("source")
    if _is_list_with(content, "arguments"):
        calls = [_call(call) for call in content]
        yield place, {**fields, "content": message.get("thought"), "tool_calls": calls}
    else:
        yield place, {**fields, "content": _content(content)}


def _is_list_with(content: Any, key: str) -> TypeGuard[list[dict[str, Any]]]:
    if not isinstance(content, list) or not content:
        return False
    return all(isinstance(item, dict) and key in item for item in content)


def _role(message: dict[str, Any]) -> str:
    kind = message.get("type")
    source = message.get("source")
    if kind == "SystemMessage" or source == "system":
        return "system"
    if kind in ("MemoryQueryEvent", "CodeExecutionEvent"):
        return "tool"
    return "user" if _is_user(source) or (kind == "UserMessage" and source is None) else "assistant"


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "tool",
        "content": as_text(result.get("content")),
        "is_error": bool(result.get("is_error")),
        "name": result.get("name"),
        "tool_call_id": result.get("call_id"),
    }


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": call.get("name"), "arguments": call.get("arguments")}
    return {"id": call.get("id"), "function": function}


def _content(content: Any) -> Any:
    """Texts and pictures as parts; any other object as its JSON."""
    if not isinstance(content, list):
        return content if isinstance(content, str | None) else as_text(content)
    return [_part(part) for part in content]


def _part(part: Any) -> Any:
    if isinstance(part, dict) and isinstance(part.get("data"), str) and "type" not in part:
        return {"type": "image", "media_type": "image/png", **part}
    if isinstance(part, dict) and "mime_type" in part and "content" in part:  # of a memory
        return as_text(part["content"])
    return part if isinstance(part, dict) and "type" in part else as_text(part)


# ---- messages of 0.2 -----------------------------------------------------------------------------


def _messages_02(place: str, message: Any) -> Items:
    """A message with the role of its speaker; of the results of tools, a message for each."""
    if not isinstance(message, dict):
        yield place, message
        return
    responses = message.get("tool_responses")
    if isinstance(responses, list) and responses:
        yield from list_items(responses, f"{place}.tool_responses")
        return
    yield place, {**message, "role": _role_02(message)}


def _role_02(message: dict[str, Any]) -> Any:
    role = message.get("role")
    if role not in ("user", "assistant"):
        return role
    content = message.get("content")
    if isinstance(content, str) and _RUN_OUTPUT.match(content):
        return "tool"
    return "user" if _is_user(message.get("name")) else "assistant"
