"""ChatGPT's export: `conversations.json`, a list of conversations, or one of them in a file.

The messages of a conversation are a tree under `mapping`. The branch to `current_node` is the one
that the person saw last.
"""

from __future__ import annotations

from typing import Any

from optical_memory.loaders.chats.chatgpt_contents import content_parts, file_parts, with_references
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.branches import (
    Branches,
    Node,
    ancestors,
    branch_conversations,
    branched_export,
    conversations_in,
    parents_in,
)
from optical_memory.loaders.exports.fields import (
    first_text,
    object_at,
    objects_at,
    other_words,
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
    "chatgpt",
    "is_chatgpt",
]

_INSTRUCTIONS = ("user_editable_context", "model_editable_context")
"""Hidden messages with the person's instructions and with what ChatGPT remembers of them."""

_EVERYONE = ("", "all", "assistant", "user")
"""Recipients of messages that are no calls."""

_KNOWN = frozenset(
    (
        "id",
        "author",
        "create_time",
        "update_time",
        "content",
        "status",
        "end_turn",
        "weight",
        "metadata",
        "recipient",
        "channel",
    )
)
"""The keys of a message."""

_RECAP = "a note on how long the model thought"


def is_chatgpt(data: Any) -> bool:
    """True if the data is a conversation with a `mapping`, or a list that has one near its
    beginning.
    """
    return any(_is_conversation(item) for item in conversations_in(data)[:20])


def chatgpt(source: Any, branches: Branches = "shown") -> list[Conversation]:
    """The conversations of an export, each with the branch that is shown; with `branches="all"`,
    every other branch as a conversation too.

    Raises `InputError` if there are no messages.
    """
    return branched_export(source, branches, _conversations)


def _is_conversation(item: Any) -> bool:
    nodes = list(object_at(item, "mapping").values())[:5]
    return any(isinstance(node, dict) and node.keys() & {"message", "parent"} for node in nodes)


def _conversations(item: dict[str, Any], place: str, branches: Branches) -> list[Conversation]:
    id = first_text(item, "conversation_id", "id") or place
    meta = {
        "title": text_at(item, "title"),
        "model": text_at(item, "default_model_slug"),
        "created": text_at(item, "create_time"),
    }
    nodes = _nodes(object_at(item, "mapping"), f"{place}.mapping")
    if not nodes:
        return [conversation_of(id, Reading(), meta)]
    return branch_conversations(id, nodes, item.get("current_node"), branches, meta)


def _nodes(mapping: dict[str, Any], place: str) -> dict[str, Node]:
    parents = parents_in(mapping)
    nodes = {}
    for key, parent in parents.items():
        message_place = f"{place}.{key}.message"
        message = mapping[key].get("message") if isinstance(mapping[key], dict) else mapping[key]
        reading = Reading()
        if message is not None:
            call = _call_id(mapping, parents, parent)
            reading = _read(message, message_place, call)
        nodes[key] = Node(parent, reading, message_place)
    return nodes


def _call_id(
    mapping: dict[str, Any], parents: dict[str, str | None], key: str | None
) -> str | None:
    """The id of the call that a tool's answer after this node belongs to.

    Several answers may follow each other.
    """
    for ancestor in ancestors(parents, key):
        message = object_at(mapping[ancestor], "message")
        if _is_call(message):
            return text_at(message, "id") or ancestor
        if _role(message) != "tool":
            return None
    return None


def _is_call(message: dict[str, Any]) -> bool:
    """True if the assistant wrote to a tool and not to all."""
    return _role(message) == "assistant" and text_at(message, "recipient") not in _EVERYONE


def _role(message: dict[str, Any]) -> str:
    return text_at(object_at(message, "author"), "role")


# ---- one message ---------------------------------------------------------------------------------


def _read(message: Any, place: str, call_id: str | None) -> Reading:
    if not isinstance(message, dict):
        return read_stray(message, place)
    content = message.get("content")
    kind = text_at(content, "content_type")
    if kind == "reasoning_recap":
        words = first_text(content, "content", "reasoning_recap", "text")
        return Reading(left_out=(LeftOut(place, _RECAP, words),))
    author = object_at(message, "author")
    fields = {
        "role": _turn_role(author, kind),
        "name": text_at(author, "name") or None,
        "id": text_at(message, "id") or None,
        "created_at": time_of(message.get("create_time")),
    }
    if _is_call(message):
        return read_message({**fields, **_call(message)}, place)
    metadata = object_at(message, "metadata")
    parts = with_references(content_parts(content), objects_at(metadata, "content_references"))
    parts += file_parts(objects_at(metadata, "attachments"), parts)
    parts = parts or text_parts(other_words(message, _KNOWN))
    if fields["role"] == "tool":
        fields["tool_call_id"] = call_id
    return read_message({**fields, "content": parts}, place)


def _turn_role(author: dict[str, Any], kind: str) -> str:
    """The role of a turn. Hidden instructions are the system's; an unknown role is a tool."""
    return "system" if kind in _INSTRUCTIONS else known_role(text_at(author, "role"))


def _call(message: dict[str, Any]) -> dict[str, Any]:
    """The call in a message that the assistant wrote to a tool, with files beside its text."""
    parts = content_parts(message.get("content"))
    texts = [part["text"] for part in parts if part["type"] == "text"]
    function = {"name": text_at(message, "recipient"), "arguments": "\n\n".join(texts)}
    return {
        "content": [part for part in parts if part["type"] != "text"],
        "tool_calls": [{"id": text_at(message, "id") or None, "function": function}],
    }
