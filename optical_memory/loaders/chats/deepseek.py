"""DeepSeek's export: `conversations.json`, a tree as ChatGPT's whose messages are fragments.

A fragment is a request of the person, a thought or an answer. The file does not name the last
message shown, so the newest branch counts as it.
"""

from __future__ import annotations

from typing import Any

from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.exports.branches import (
    Branches,
    Node,
    branch_conversations,
    branched_export,
    conversations_in,
    parents_in,
)
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    media_kind,
    object_at,
    objects_at,
    readable,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.reading import (
    Reading,
    conversation_of,
    joined,
    read_message,
)

__all__ = [
    "deepseek",
    "is_deepseek",
]

_ROLES = {"REQUEST": "user", "RESPONSE": "assistant", "THINK": "assistant"}


def is_deepseek(data: Any) -> bool:
    """True if one of the first items is a conversation whose messages have fragments."""
    return any(_is_conversation(item) for item in conversations_in(data)[:20])


def deepseek(source: Any, branches: Branches = "shown") -> list[Conversation]:
    """The conversations of an export, each with its newest branch; with `branches="all"`, every
    other branch as a conversation too.

    Raises `InputError` if there are no messages.
    """
    return branched_export(source, branches, _conversations)


def _is_conversation(item: Any) -> bool:
    nodes = list(object_at(item, "mapping").values())[:5]
    return any("fragments" in object_at(node, "message") for node in nodes)


def _conversations(item: dict[str, Any], place: str, branches: Branches) -> list[Conversation]:
    id = text_at(item, "id") or place
    mapping = object_at(item, "mapping")
    models = (text_at(object_at(node, "message"), "model") for node in mapping.values())
    meta = {
        "title": text_at(item, "title"),
        "model": ", ".join(dict.fromkeys(filter(None, models))),
        "created": text_at(item, "inserted_at"),
    }
    nodes = {}
    for key, parent in parents_in(mapping).items():
        message_place = f"{place}.mapping.{key}.message"
        reading = _read(object_at(mapping[key], "message"), key, message_place)
        nodes[key] = Node(parent, reading, message_place)
    if not nodes:
        return [conversation_of(id, Reading(), meta)]
    return branch_conversations(id, nodes, None, branches, meta)


def _read(message: dict[str, Any], key: str, place: str) -> Reading:
    """The turns of a message: one of the person, or one with the model's thoughts and answer."""
    fragments = objects_at(message, "fragments")
    roles = dict.fromkeys(_role(fragment) for fragment in fragments)
    fields = {"id": key, "created_at": time_of(message.get("inserted_at"))}
    readings = []
    for role in roles:
        parts: list[dict[str, Any]] = []
        for fragment in fragments:
            if _role(fragment) == role:
                parts += _parts(fragment)
        parts += _files(message) if role == "user" else []
        readings.append(read_message({**fields, "role": role, "content": parts}, place))
    return joined(readings)


def _role(fragment: dict[str, Any]) -> str:
    return _ROLES.get(text_at(fragment, "type"), "tool")


def _parts(fragment: dict[str, Any]) -> list[dict[str, Any]]:
    content = text_at(fragment, "content")
    if text_at(fragment, "type") == "THINK":
        return [{"type": "thinking", "thinking": content}] if content.strip() else []
    if text_at(fragment, "type") in _ROLES:
        return text_parts(content)
    return text_parts(readable({name: fragment[name] for name in fragment if name != "type"}))


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = []
    for file in objects_at(message, "files"):
        name = first_text(file, "file_name", "name")
        ref = first_text(file, "id", "file_id") or name
        if ref:
            parts.append(attachment_part(media_kind(name), ref, name))
    return parts
