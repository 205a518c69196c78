"""Rows of data sets with OpenAI-style `messages`, as UltraChat and fine-tuning files have them."""

from __future__ import annotations

from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, message_items, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import list_items, read_rows, row_id

__all__ = [
    "is_message_rows",
    "message_rows",
]

_IDS = ("id", "prompt_id", "conversation_id", "uuid")


def message_rows(source: Any) -> list[Conversation]:
    """A conversation for each row. Raises `InputError` if no row has messages."""
    rows = read_json(source)
    name = stem(source)
    if not isinstance(rows, list):
        raise InputError(f"{name}: expected a list of rows, found {type(rows).__name__}")
    return read_rows(list_items(rows, name), _conversation, name)


def is_message_rows(data: Any) -> bool:
    """True for a list of objects, if any of the first has a list of messages."""
    if not isinstance(data, list):
        return False
    rows = [row for row in data[:5] if isinstance(row, dict)]
    return any(_is_messages(row.get("messages")) for row in rows)


def _is_messages(value: Any) -> bool:
    """True for a list, or for its JSON."""
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("[{"))


def _conversation(place: str, row: Any) -> list[Conversation]:
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected an object with 'messages'")
    history = read_history(message_items(row, "messages", place))
    meta = {key: value for key, value in row.items() if key != "messages"}
    if row.get("tools"):
        meta["tools"] = as_text(row["tools"])
    return [conversation_of(row_id(row, _IDS, place), history, meta)]
