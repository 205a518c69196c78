"""ShareGPT exports, and the same rows as LLaMA-Factory takes them: with a system prompt, tools and
a chosen and a rejected answer beside.
"""

from __future__ import annotations

from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, message_items, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import read_rows, row_items

__all__ = [
    "REJECTED",
    "is_sharegpt",
    "sharegpt",
]

REJECTED = "an answer that people rejected"
_FILES = {"images": "image", "videos": "video", "audios": "audio"}
_KEYS = ("conversations", "items")


def sharegpt(source: Any) -> list[Conversation]:
    """`{"conversations": [{"from": "human", "value": ...}]}` or a list of them; `items` in old
    exports. Raises `InputError` with the place for anything else.
    """
    name = stem(source)
    return read_rows(row_items(read_json(source), name), _conversation, name)


def is_sharegpt(data: Any) -> bool:
    """True if any of the first rows has a list of messages under `conversations` or `items`."""
    rows = data[:5] if isinstance(data, list) else [data]
    return any(isinstance(row, dict) and _has_messages(row) for row in rows)


def _has_messages(row: dict[str, Any]) -> bool:
    """The row has an empty list, or a list of messages that say who speaks."""
    key = _list_key(row)
    first = row[key][0] if key is not None and row[key] else None
    is_message = isinstance(first, dict) and bool(first.keys() & {"from", "value", "role"})
    return is_message or (key is not None and not row[key])


def _list_key(row: dict[str, Any]) -> str | None:
    return next((key for key in _KEYS if isinstance(row.get(key), list)), None)


def _conversation(place: str, row: Any) -> list[Conversation]:
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected an object with 'conversations'")
    items = message_items(row, _list_key(row) or _KEYS[0], place)
    if row.get("system"):
        items.insert(0, (f"{place}.system", {"role": "system", "content": row["system"]}))
    items = _with_files(items, row)
    if row.get("chosen"):
        items.append((f"{place}.chosen", row["chosen"]))
    history = read_history(items)
    left_out: list[LeftOut] = []
    if row.get("rejected"):
        left_out.append(LeftOut(f"{place}.rejected", REJECTED, as_text(row["rejected"])))
    return [conversation_of(str(row.get("id") or place), history, _meta(row), left_out)]


def _with_files(items: list[tuple[str, Any]], row: dict[str, Any]) -> list[tuple[str, Any]]:
    """The messages, with the pictures and sounds of the row in the first message of the user."""
    parts: list[Any] = []
    for key, kind in _FILES.items():
        values = row.get(key)
        if isinstance(values, list):
            parts += [{"type": kind, "url": value} for value in values if isinstance(value, str)]
    for n, (place, message) in enumerate(items):
        speaker = message.get("from") if isinstance(message, dict) else None
        if parts and speaker in ("human", "user"):
            text = {"type": "text", "text": as_text(message.get("value"))}
            item = (place, {"role": "user", "content": [text, *parts]})
            return [*items[:n], item, *items[n + 1 :]]
    return items


def _meta(row: dict[str, Any]) -> dict[str, Any]:
    """Texts and numbers beside the messages; definitions of tools as JSON."""
    meta = {key: value for key, value in row.items() if key not in ("system", "chosen", "rejected")}
    if row.get("tools"):
        meta["tools"] = as_text(row["tools"])
    return meta
