"""Chats of people with models on public servers: WildChat, LMSYS-Chat-1M, Chatbot Arena, and the
rows of UltraChat with the texts alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, read_history
from optical_memory.loaders.messages.rows import list_items, read_rows, row_id, row_items

__all__ = [
    "arena_chats",
    "is_arena_chats",
]

_LISTS = {
    "conversation": "model",
    "conversation_a": "model_a",
    "conversation_b": "model_b",
    "data": "model",
}
"""Keys of lists of messages, each with the key of the model that answered."""

_IDS = ("conversation_hash", "conversation_id", "question_id", "id")
_META = ("language", "timestamp", "country", "state", "winner", "tstamp", "judge")


def arena_chats(source: Any) -> list[Conversation]:
    """A conversation for each row, by its id; two for a row with two models. Raises `InputError`
    if no row has messages.
    """
    name = stem(source)
    items = row_items(read_json(source), name)
    return read_rows(items, lambda place, row: list(_conversations(place, row)), name)


def is_arena_chats(data: Any) -> bool:
    """True if any of the first rows has a list of messages under `conversation`, or of texts under
    `data`.
    """
    rows = data[:5] if isinstance(data, list) else [data]
    return any(map(_is_row, rows))


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    for key in ("conversation", "conversation_a"):
        messages = row.get(key)
        if isinstance(messages, list) and messages:
            return isinstance(messages[0], dict) and "role" in messages[0]
    texts = row.get("data")
    return isinstance(texts, list) and bool(texts) and all(isinstance(x, str) for x in texts)


def _conversations(place: str, row: Any) -> Iterator[Conversation]:
    keys = [key for key in _LISTS if isinstance(row, dict) and isinstance(row.get(key), list)]
    if not keys:
        raise InputError(f"{place}: no list of messages under 'conversation'")
    id = row_id(row, _IDS, place)
    for key in keys:
        history = read_history(_messages(row[key], f"{place}.{key}"))
        meta = {"model": row.get(_LISTS[key]), **{name: row.get(name) for name in _META}}
        suffix = key.removeprefix("conversation").replace("_", "-") if len(keys) > 1 else ""
        yield conversation_of(id + suffix, history, meta)


def _messages(values: list[Any], place: str) -> Iterator[tuple[str, Any]]:
    """The messages of a list; texts without a role are the user's and the assistant's in turn."""
    for n, (message_place, value) in enumerate(list_items(values, place)):
        if isinstance(value, str):
            yield message_place, {"role": "assistant" if n % 2 else "user", "content": value}
        else:
            yield message_place, value
