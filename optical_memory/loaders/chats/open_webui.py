"""Open WebUI's export: a list of chats, or one of them.

The messages of a chat are a tree under `history.messages`, and `currentId` is the last message
shown. Old chats have a plain list under `messages`.
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
)
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    other_words,
    readable,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.reading import (
    Reading,
    conversation_of,
    known_role,
    read_message,
    read_stray,
)

__all__ = [
    "is_open_webui",
    "open_webui",
]

_KNOWN = frozenset(
    (
        "id",
        "parentId",
        "childrenIds",
        "role",
        "content",
        "files",
        "timestamp",
        "model",
        "modelName",
        "modelIdx",
        "models",
        "done",
        "usage",
        "info",
        "error",
        "sources",
        "statusHistory",
        "status",
        "followUps",
        "lastSentence",
        "annotation",
        "favorite",
        "selectedModelId",
    )
)
"""The keys of a message."""


def is_open_webui(data: Any) -> bool:
    """True if one of the first items is a chat with a history or with a list of messages."""
    return any(_is_chat(item) for item in conversations_in(data)[:20])


def open_webui(source: Any, branches: Branches = "shown") -> list[Conversation]:
    """The chats of an export, each with the branch that is shown; with `branches="all"`, every
    other branch as a conversation too.

    Raises `InputError` if there are no messages.
    """
    return branched_export(source, branches, _conversations)


def _is_chat(item: Any) -> bool:
    if isinstance(object_at(item, "history").get("messages"), dict):
        return True
    return bool(object_at(item, "chat").keys() & {"history", "messages"})


def _conversations(item: dict[str, Any], place: str, branches: Branches) -> list[Conversation]:
    chat = object_at(item, "chat") or item
    id = first_text(item, "id") or first_text(chat, "id") or place
    models = [readable(model) for model in list_at(chat, "models")]
    meta = {
        "title": first_text(item, "title") or text_at(chat, "title"),
        "model": ", ".join(models),
        "created": text_at(item, "created_at"),
    }
    history = object_at(chat, "history")
    nodes = _tree(object_at(history, "messages"), f"{place}.history.messages")
    if not nodes:
        nodes = _list(list_at(chat, "messages"), f"{place}.messages")
    if not nodes:
        return [conversation_of(id, Reading(), meta)]
    return branch_conversations(id, nodes, history.get("currentId"), branches, meta)


def _tree(messages: dict[str, Any], place: str) -> dict[str, Node]:
    nodes = {}
    for key, message in messages.items():
        parent = text_at(message, "parentId")
        known_parent = parent if parent in messages else None
        message_place = f"{place}.{key}"
        nodes[key] = Node(known_parent, _read(message, message_place), message_place)
    return nodes


def _list(messages: list[Any], place: str) -> dict[str, Node]:
    """The messages of a plain list, each the parent of the next."""
    nodes: dict[str, Node] = {}
    for n, message in enumerate(messages):
        message_place = f"{place}[{n}]"
        nodes[str(n)] = Node(str(n - 1), _read(message, message_place), message_place)
    return nodes


def _read(message: Any, place: str) -> Reading:
    if not isinstance(message, dict):
        return read_stray(message, place)
    word = text_at(message, "role")
    role = known_role(word)
    fields = {
        "role": role,
        "name": None if word == role else word or None,
        "id": text_at(message, "id") or None,
        "created_at": time_of(message.get("timestamp")),
        "tool_calls": message.get("tool_calls"),
        "tool_call_id": text_at(message, "tool_call_id") or None,
    }
    return read_message({**fields, "content": _parts(message)}, place)


def _parts(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    parts = list(content) if isinstance(content, list) else []
    text = "" if isinstance(content, list) else readable(content)
    parts += text_parts(text)
    error = message.get("error")
    if error and error is not True:
        words = text_at(error, "content") or readable(error)
        parts.append({"type": "text", "text": f"Error: {words}"})
    parts += _files(message)
    return parts or text_parts(other_words(message, _KNOWN))


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Files that were given with a message: pictures have an address, documents an id."""
    parts = []
    for file in objects_at(message, "files"):
        inner = object_at(file, "file")
        name = first_text(file, "name") or first_text(inner, "filename", "name")
        ref = first_text(file, "url", "id") or text_at(inner, "id") or name
        if ref:
            kind = "image" if text_at(file, "type") == "image" else media_kind(name)
            parts.append(attachment_part(kind, ref, name))
    return parts
