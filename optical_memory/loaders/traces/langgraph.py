"""States of LangGraph: `values` of a thread, snapshots of its history, and checkpoints.

The snapshots of a thread are a conversation: each message of them becomes a turn once. A message
that a later state no longer has stays.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import EDITED, conversation_of
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows, row_items
from optical_memory.loaders.traces.merge import merge_histories

__all__ = [
    "is_langgraph_state",
    "langgraph_state",
]

_SNAPSHOT_KEYS = {"config", "parent_config", "metadata", "next", "checkpoint", "ts", "tasks"}

Items = list[tuple[str, Any]]
_Key = tuple[str, int]


def langgraph_state(source: Any) -> list[Conversation]:
    """A conversation for each thread. Raises `InputError` if no state has messages."""
    name = stem(source)
    threads: dict[str, Items] = {}
    for place, state in row_items(read_json(source), name):
        threads.setdefault(_thread(state, place, name), []).append((place, state))
    return read_rows(threads.items(), _conversation, name)


def is_langgraph_state(data: Any) -> bool:
    """True if the first row is a state with messages, or a checkpoint."""
    return _messages(first_row(data)) is not None


def _messages(state: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """The messages of a state and the key under which they stand; None if it has none."""
    for key in ("values", "channel_values", "checkpoint"):
        inner = state.get(key)
        if not isinstance(inner, dict):
            continue
        if isinstance(inner.get("messages"), list):
            return f"{key}.messages", inner["messages"]
        deeper = _messages(inner) if key == "checkpoint" else None
        if deeper is not None:
            return f"{key}.{deeper[0]}", deeper[1]
    return None


def _thread(state: Any, place: str, name: str) -> str:
    """The id of the thread of a state. Snapshots without it are of the same thread."""
    if not isinstance(state, dict):
        return place
    config = state.get("config")
    configurable = config.get("configurable") if isinstance(config, dict) else None
    for fields in (configurable, state.get("metadata"), state):
        if isinstance(fields, dict) and fields.get("thread_id"):
            return str(fields["thread_id"])
    is_snapshot = bool(state.keys() & _SNAPSHOT_KEYS) or place == name
    return name if is_snapshot else place


def _conversation(id: str, states: Items) -> list[Conversation]:
    by_time = sorted(states, key=lambda item: _order(item[1]))
    snapshots = [_message_items(place, state) for place, state in by_time]
    latest: dict[_Key, Any] = {}
    for messages in snapshots:
        latest |= {key: message for key, _, message in messages}
    histories: list[Items] = []
    left_out: list[LeftOut] = []
    for messages in snapshots:
        histories.append([(place, latest[key]) for key, place, _ in messages])
        for key, place, message in messages:
            if message != latest[key]:
                left_out.append(LeftOut(place, EDITED, as_text(message)))
    history = merge_histories(histories)
    return [conversation_of(id, history, left_out=left_out)]


def _order(state: Any) -> tuple[str, int]:
    """The time of a state and its step: a history has the newest state first."""
    if not isinstance(state, dict):
        return "", 0
    checkpoint = state.get("checkpoint")
    inner = checkpoint if isinstance(checkpoint, dict) else {}
    metadata = state.get("metadata")
    step = metadata.get("step") if isinstance(metadata, dict) else None
    time = state.get("created_at") or state.get("ts") or inner.get("ts") or ""
    return str(time), step if isinstance(step, int) else 0


def _message_items(place: str, state: Any) -> list[tuple[_Key, str, Any]]:
    """The messages of a state, each with its place and with a key that is the same in all states
    of a thread: its id, and how many before it have the same id.
    """
    messages = _messages(state) if isinstance(state, dict) else None
    if messages is None:
        raise InputError(f"{place}: no messages in it, expected values.messages of LangGraph")
    path, values = messages
    counts: Counter[str] = Counter()
    items: list[tuple[_Key, str, Any]] = []
    for message_place, message in list_items(values, f"{place}.{path}"):
        id = _id(message)
        counts[id] += 1
        items.append(((id, counts[id]), message_place, message))
    return items


def _id(message: Any) -> str:
    """The id of a message; without it, the message itself."""
    fields = message if isinstance(message, dict) else {}
    inner = fields.get("kwargs", fields.get("data"))
    for values in (fields, inner):
        if isinstance(values, dict) and isinstance(values.get("id"), str):
            return str(values["id"])
    return as_text(message)
