"""LobeChat's export: messages of all sessions in one list, under `state` or, in exports of its
data base, under `data`.

Each topic of a session is a conversation, and the instruction of a session is its first turn.
"""

from __future__ import annotations

from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    other_words,
    readable,
    seconds_at,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.reading import (
    Reading,
    conversation_of,
    filled_conversations,
    joined,
    read_message,
    read_stray,
)
from optical_memory.loaders.files import read_json, stem

__all__ = [
    "is_lobechat",
    "lobechat",
]

_ROLES = {
    "user": "user",
    "assistant": "assistant",
    "supervisor": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
_KNOWN = frozenset(
    (
        "id",
        "role",
        "content",
        "createdAt",
        "updatedAt",
        "sessionId",
        "topicId",
        "threadId",
        "groupId",
        "agentId",
        "userId",
        "clientId",
        "parentId",
        "quotaId",
        "traceId",
        "observationId",
        "targetId",
        "model",
        "provider",
        "fromModel",
        "fromProvider",
        "meta",
        "metadata",
        "plugin",
        "pluginState",
        "pluginError",
        "tools",
        "tool_call_id",
        "files",
        "reasoning",
        "error",
        "favorite",
    )
)
"""The keys of a message."""

_STATE_KEYS = {"sessions", "topics", "messages", "settings", "sessionGroups", "agents"}

_GROUP_KEYS = ("sessionId", "groupId", "topicId", "threadId")
"""Keys of a message that say to which conversation it belongs."""


def is_lobechat(data: Any) -> bool:
    """True if the data says what it exports and has a state, or is an export of the data base."""
    if not isinstance(data, dict):
        return False
    if "exportType" in data and isinstance(data.get("state"), dict):
        return True
    return "schemaHash" in data and bool(object_at(data, "data").keys() & _STATE_KEYS)


def lobechat(source: Any) -> list[Conversation]:
    """A conversation for each topic of each session, with its messages in the order of time.

    Raises `InputError` if there are no messages.
    """
    data = read_json(source)
    name = stem(source)
    key = "state" if isinstance(data, dict) and "state" in data else "data"
    state = object_at(data, key)
    if not list_at(state, "messages"):
        raise InputError(
            f"{name}.{key}.messages: no messages in it; it has {sorted(state)}; "
            "in LobeChat, export all data or the sessions, not settings or agents alone"
        )
    groups: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
    for n, message in enumerate(list_at(state, "messages")):
        topic = tuple(text_at(message, id_key) for id_key in _GROUP_KEYS)
        groups.setdefault(topic, []).append((f"{name}.{key}.messages[{n}]", message))
    plugins = {text_at(row, "id"): row for row in objects_at(state, "messagePlugins")}
    conversations = [
        _conversation(topic, items, state, plugins, name) for topic, items in groups.items()
    ]
    return filled_conversations(conversations, name)


def _conversation(
    topic: tuple[str, ...],
    items: list[tuple[str, Any]],
    state: dict[str, Any],
    plugins: dict[str, dict[str, Any]],
    name: str,
) -> Conversation:
    session = _by_id(state, "sessions", topic[0])
    items = sorted(items, key=lambda item: seconds_at(item[1], "createdAt"))
    reading = joined(_read(message, place, plugins) for place, message in items)
    instruction = text_at(object_at(session, "config"), "systemRole")
    if reading.turns and instruction:
        message = {"role": "system", "content": instruction}
        reading = joined([read_message(message, f"{name}.sessions.config.systemRole"), reading])
    meta = {
        "title": text_at(_by_id(state, "topics", topic[2]), "title"),
        "session": text_at(object_at(session, "meta"), "title") or text_at(session, "title"),
    }
    id = "/".join(filter(None, topic)) or name
    return conversation_of(id, reading, meta)


def _by_id(state: dict[str, Any], key: str, id: str) -> dict[str, Any]:
    return next((item for item in objects_at(state, key) if text_at(item, "id") == id), {})


# ---- one message ---------------------------------------------------------------------------------


def _read(message: Any, place: str, plugins: dict[str, dict[str, Any]]) -> Reading:
    if not isinstance(message, dict):
        return read_stray(message, place)
    role = text_at(message, "role")
    id = text_at(message, "id")
    call = object_at(message, "plugin") or plugins.get(id, {})
    fields = {
        "role": _ROLES.get(role, "tool"),
        "name": _tool_name(call) if call else _other_name(role),
        "id": id or None,
        "created_at": time_of(message.get("createdAt"), message.get("updatedAt")),
        "tool_call_id": first_text(message, "tool_call_id") or text_at(call, "toolCallId") or None,
        "tool_calls": [_call(tool) for tool in objects_at(message, "tools")],
    }
    return read_message({**fields, "content": _parts(message)}, place)


def _other_name(role: str) -> str | None:
    """The word of a role that is unknown, as a name; None for a known role."""
    return None if role in _ROLES else role or None


def _tool_name(call: dict[str, Any]) -> str:
    """The plugin and its function, such as `weather.today`."""
    names = (text_at(call, "identifier"), text_at(call, "apiName"))
    return ".".join(filter(None, names)) or "tool"


def _call(tool: dict[str, Any]) -> dict[str, Any]:
    function = {"name": _tool_name(tool), "arguments": text_at(tool, "arguments") or "{}"}
    return {"id": text_at(tool, "id") or None, "function": function}


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = []
    reason = text_at(object_at(message, "reasoning"), "content")
    if reason:
        parts.append({"type": "thinking", "thinking": reason})
    texts = [text_at(message, "content"), _error(message)]
    parts += text_parts(*texts)
    for key in ("imageList", "fileList", "videoList"):
        parts += filter(None, map(_file, objects_at(message, key)))
    parts += [attachment_part("file", id) for id in list_at(message, "files") if _is_name(id)]
    if parts or message.get("tools"):
        return parts
    return text_parts(other_words(message, _KNOWN))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _error(message: dict[str, Any]) -> str:
    error = message.get("error")
    words = text_at(error, "message") or readable(error)
    return f"Error: {words}" if words else ""


def _file(file: dict[str, Any]) -> dict[str, Any]:
    name = first_text(file, "name", "alt")
    ref = first_text(file, "url", "id") or name
    return attachment_part(media_kind(text_at(file, "fileType"), name), ref, name) if ref else {}
