"""Files to load, and the texts in them and in conversations, to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from optical_memory.loaders import Conversation
from optical_memory.turns import Turn


def single(conversations: list[Conversation]) -> Conversation:
    """The conversation of a loader's answer, which must hold no other."""
    (conversation,) = conversations
    return conversation


def without_ids(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns without the ids that `load` gives."""
    return tuple(replace(turn, id=None) for turn in turns)


def all_text(conversation: Conversation) -> str:
    """All that a conversation says, in one string."""
    texts: list[str | None] = []
    for turn in conversation.turns:
        texts += _texts(turn)
    return "\n".join(filter(None, texts))


def _texts(turn: Turn) -> list[str | None]:
    texts = [turn.text, turn.name]
    for call in turn.tool_calls:
        texts += [call.name, call.arguments]
    for attachment in turn.attachments:
        texts += [attachment.ref, attachment.caption]
    return texts


def write_file(path: Path, data: Any) -> Path:
    """A file with this text, or with this data as JSON."""
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def texts_in(data: Any) -> list[str]:
    """Every text in a message's JSON except those that name a kind, a role or an id."""
    if isinstance(data, str):
        return [data]
    if isinstance(data, dict):
        items = [value for key, value in data.items() if key not in {"type", "role", "id"}]
    else:
        items = data if isinstance(data, list) else []
    texts: list[str] = []
    for item in items:
        texts += texts_in(item)
    return texts
