"""Files to load, and what is looked at in what a loader made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optical_memory.loaders import Conversation


def only(found: list[Conversation]) -> Conversation:
    """The one conversation that was found."""
    assert len(found) == 1
    return found[0]


def everything(conversation: Conversation) -> str:
    """All that a conversation says, in one string."""
    parts: list[str | None] = []
    for turn in conversation.turns:
        parts += [turn.text, turn.name]
        parts += [part for call in turn.tool_calls for part in (call.name, call.arguments)]
        parts += [part for seen in turn.attachments for part in (seen.ref, seen.caption)]
    return "\n".join(part for part in parts if part)


def written(path: Path, data: Any) -> Path:
    """A file with this text, or with this data as JSON."""
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def leaves(data: Any) -> list[str]:
    """Every text of a message but what names its kind."""
    if isinstance(data, dict):
        return [
            leaf
            for key, value in data.items()
            if key not in {"type", "role", "id"}
            for leaf in leaves(value)
        ]
    if isinstance(data, list):
        return [leaf for value in data for leaf in leaves(value)]
    return [data] if isinstance(data, str) else []
