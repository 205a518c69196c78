"""Messages of a file, read each by itself: a bad message is left out with its reason, and the
others load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import EMPTY, Conversation, LeftOut, conversation
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import Items, list_items
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import Turn

__all__ = [
    "EDITED",
    "REASONING",
    "History",
    "content_text",
    "conversation_of",
    "message_items",
    "read_history",
]

EDITED = "an earlier version of a message"
UNREADABLE = "it cannot be read: "
REASONING = "reasoning of the model, which is no part of its answer"


@dataclass(frozen=True, slots=True)
class History:
    """The turns of messages, and the messages that gave none."""

    turns: tuple[Turn, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def read_history(items: Items) -> History:
    """The turns of messages in any of the forms of `message_turns`.

    A message without words, or that cannot be read, is left out with its reason.
    """
    turns: list[Turn] = []
    left_out: list[LeftOut] = []
    for place, message in items:
        try:
            new_turns = message_turns(message, place)
        except InputError as error:
            left_out.append(LeftOut(place, f"{UNREADABLE}{error}", as_text(message)))
            continue
        turns += new_turns
        if not new_turns:
            left_out.append(LeftOut(place, EMPTY, as_text(message)))
    return History(tuple(turns), tuple(left_out))


def conversation_of(
    id: str,
    history: History,
    meta: Mapping[str, Any] | None = None,
    left_out: Sequence[LeftOut] = (),
) -> Conversation:
    """The conversation of a history; `left_out` has all that is left out besides its messages.

    Raises `InputError` if there are no turns: the error of the first message that cannot be read.
    """
    reasons = [item.reason for item in history.left_out if item.reason.startswith(UNREADABLE)]
    if not history.turns and reasons:
        raise InputError(reasons[0].removeprefix(UNREADABLE))
    return conversation(id, list(history.turns), meta, [*history.left_out, *left_out])


def message_items(data: dict[str, Any], key: str, place: str) -> list[tuple[str, Any]]:
    """The values of the list under the key, which may be JSON in a text.

    Raises `InputError` if there is no such list.
    """
    values = data.get(key)
    if isinstance(values, str):
        values = _parsed(values)
    if not isinstance(values, list):
        raise InputError(
            f"{place}.{key}: expected a list of messages, found {type(values).__name__}"
        )
    return list_items(values, f"{place}.{key}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def content_text(content: Any) -> str:
    """The text of a content, a string or a list of parts, to compare it with others."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str)).strip()
