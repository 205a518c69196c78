"""Claude.ai's export: `conversations.json`, a list of conversations with `chat_messages`.

A message says its text twice: as `text`, and as blocks under `content`. Blocks are read; `text`
only if no block can be. Newer files name each message's parent and may have several branches.
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
    in_segments,
    read_message,
    read_stray,
)

__all__ = [
    "claude_ai",
    "is_claude_ai",
]

Parts = list[dict[str, Any]]

_ROOT = "00000000-0000-4000-8000-000000000000"
"""The parent of a first message."""

_KNOWN = frozenset(
    (
        "uuid",
        "text",
        "content",
        "sender",
        "created_at",
        "updated_at",
        "attachments",
        "files",
        "files_v2",
        "parent_message_uuid",
        "index",
        "truncated",
        "stop_reason",
        "input_mode",
    )
)
"""The keys of a message."""

_ROLES = {"human": "user", "user": "user", "assistant": "assistant", "system": "system"}


def is_claude_ai(data: Any) -> bool:
    """True if one of the first items is a conversation with `chat_messages`."""
    return any(
        isinstance(item, dict) and "chat_messages" in item for item in conversations_in(data)[:20]
    )


def claude_ai(source: Any, branches: Branches = "shown") -> list[Conversation]:
    """The conversations of an export, each with the branch that is shown; with `branches="all"`,
    every other branch as a conversation too.

    Raises `InputError` if there are no messages.
    """
    return branched_export(source, branches, _conversations)


def _conversations(item: dict[str, Any], place: str, branches: Branches) -> list[Conversation]:
    id = text_at(item, "uuid") or place
    meta = {
        "title": text_at(item, "name"),
        "summary": text_at(item, "summary"),
        "model": text_at(item, "model"),
        "created": text_at(item, "created_at"),
    }
    nodes = _nodes(list_at(item, "chat_messages"), f"{place}.chat_messages")
    if not nodes:
        return [conversation_of(id, Reading(), meta)]
    leaf = text_at(item, "current_leaf_message_uuid")
    leaf = leaf if leaf in nodes else list(nodes)[-1]  # messages stand in the order of time
    return branch_conversations(id, nodes, leaf, branches, meta)


def _nodes(messages: list[Any], place: str) -> dict[str, Node]:
    """The messages by id. A message that names no known parent follows the one before it."""
    keys = _keys(messages)
    nodes: dict[str, Node] = {}
    previous: str | None = None
    for n, (key, message) in enumerate(zip(keys, messages, strict=True)):
        parent = text_at(message, "parent_message_uuid")
        message_place = f"{place}[{n}]"
        if parent not in nodes:
            parent = "" if parent == _ROOT else previous or ""
        nodes[key] = Node(parent or None, _read(message, message_place), message_place)
        previous = key
    return nodes


def _keys(messages: list[Any]) -> list[str]:
    """An id for each message: its own, or its number if it has none or not alone."""
    keys: dict[str, None] = {}
    for n, message in enumerate(messages):
        id = text_at(message, "uuid")
        keys[id if id and id not in keys else f"{id}[{n}]"] = None
    return list(keys)


def _read(message: Any, place: str) -> Reading:
    if not isinstance(message, dict):
        return read_stray(message, place)
    sender = text_at(message, "sender")
    fields = {
        "role": _ROLES.get(sender, "tool"),
        "name": None if sender in _ROLES else sender or None,
        "id": text_at(message, "uuid") or None,
        "created_at": time_of(message.get("created_at"), message.get("updated_at")),
    }
    parts = [*_blocks(message, place), *_files(message)]
    parts = parts or text_parts(other_words(message, _KNOWN))
    if not parts:
        return read_message({**fields, "content": ""}, place)
    return in_segments(fields, parts, place)


# ---- blocks --------------------------------------------------------------------------------------


def _blocks(message: dict[str, Any], place: str) -> Parts:
    """The blocks as parts. An answer of a tool belongs to the last call if it names none."""
    parts: Parts = []
    call_id: str | None = None
    for n, block in enumerate(list_at(message, "content")):
        part = _block(block)
        if part.get("type") == "tool_use":
            call_id = text_at(block, "id") or f"{text_at(message, 'uuid') or place}:{n}"
            part["id"] = call_id
        if part.get("type") == "tool_result":
            part["tool_use_id"] = part["tool_use_id"] or call_id
        if part:
            parts.append(part)
    if not parts:
        parts += text_parts(text_at(message, "text") or _plain_content(message))
    return parts


def _plain_content(message: dict[str, Any]) -> str:
    """A content that is no list of blocks."""
    content = message.get("content")
    return "" if isinstance(content, list) else readable(content)


def _block(block: Any) -> dict[str, Any]:
    """A block as a part; {} if it holds no words."""
    kind = text_at(block, "type")
    if kind == "tool_use":
        name = first_text(block, "name", "integration_name") or "tool"
        return {"type": "tool_use", "name": name, "input": block.get("input") or {}}
    if kind == "tool_result":
        return _answer(block)
    if kind == "thinking" and text_at(block, "thinking"):
        return {"type": "thinking", "thinking": text_at(block, "thinking")}
    text = _block_text(block, kind)
    return {"type": "text", "text": text} if text.strip() else {}


def _block_text(block: Any, kind: str) -> str:
    if not isinstance(block, dict):
        return readable(block)
    if kind in ("text", "voice_note"):
        return "\n".join(filter(None, (text_at(block, "title"), text_at(block, "text"))))
    if kind in ("token_budget", "flag"):  # bookkeeping without words
        return ""
    stamps = {"type", "start_timestamp", "stop_timestamp", "flags"}
    return readable({key: value for key, value in block.items() if key not in stamps})


def _answer(block: dict[str, Any]) -> dict[str, Any]:
    """An answer of a tool: its texts, and of other items the keys with words."""
    content = block.get("content")
    items = content if isinstance(content, list) else [content]
    texts = [_answer_text(item) for item in items]
    return {
        "type": "tool_result",
        "tool_use_id": text_at(block, "tool_use_id") or None,
        "name": text_at(block, "name") or None,
        "is_error": block.get("is_error") is True,
        "content": [{"type": "text", "text": text} for text in texts if text],
    }


def _answer_text(item: Any) -> str:
    if text_at(item, "type") == "text":
        return text_at(item, "text")
    if isinstance(item, dict):
        texts = (text_at(item, key) for key in ("title", "url", "text"))
        return "\n".join(filter(None, texts)) or readable(item)
    return readable(item)


# ---- files ---------------------------------------------------------------------------------------


def _files(message: dict[str, Any]) -> Parts:
    """Attached documents with the text in them, and files."""
    parts: Parts = []
    names: set[str] = set()
    for attachment in objects_at(message, "attachments"):
        name = text_at(attachment, "file_name")
        names.add(name)
        heading = f"{name}:\n" if name else ""
        extract = text_at(attachment, "extracted_content")
        parts += text_parts(heading + extract) if extract.strip() else []
        if name:
            parts.append(attachment_part(media_kind(name), name))
    for file in [*objects_at(message, "files"), *objects_at(message, "files_v2")]:
        name = text_at(file, "file_name")
        id = first_text(file, "file_uuid", "uuid")
        if (id or name) and (id or name) not in names:
            names.update((id, name))
            parts.append(attachment_part(media_kind(name), id or name, name))
    return parts
