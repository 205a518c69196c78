"""Messages and rows of a file, read each by itself: a bad message or row is left out with its
reason, and the others load.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut, conversation
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import Turn

__all__ = [
    "EDITED",
    "EMPTY",
    "REASONING",
    "History",
    "as_text",
    "conversation_of",
    "has_words",
    "list_items",
    "message_items",
    "read_history",
    "read_rows",
    "row_items",
]

EDITED = "an earlier version of a message"
EMPTY = "a message without words"
UNREADABLE = "it cannot be read: "
REASONING = "reasoning of the model, which is no part of its answer"

Items = Iterable[tuple[str, Any]]
"""Values of a file, each with its place."""


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
            readings = message_turns(message, place)
        except InputError as error:
            left_out.append(LeftOut(place, f"{UNREADABLE}{error}", as_text(message)))
            continue
        full_turns = [turn for turn in readings if has_words(turn)]
        turns += full_turns
        if not full_turns:
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


def read_rows(
    items: Items, read_row: Callable[[str, Any], Sequence[Conversation]], name: str
) -> list[Conversation]:
    """The conversations of all rows. A row that `read_row` refuses is left out with its reason.

    Raises `InputError` if no row is a conversation: the error of the first row.
    """
    conversations: list[Conversation] = []
    left_out: list[LeftOut] = []
    errors: list[InputError] = []
    for place, row in items:
        try:
            conversations += read_row(place, row)
        except InputError as error:
            errors.append(error)
            left_out.append(LeftOut(place, f"no conversation: {error}", as_text(row)))
    if not conversations:
        raise (
            errors[0]
            if errors
            else InputError(f"{name}: no conversation in it; take a file with conversations")
        )
    first = conversations[0]
    conversations[0] = replace(first, left_out=(*first.left_out, *left_out))
    return conversations


def row_items(data: Any, name: str) -> list[tuple[str, Any]]:
    """The rows of a list, each with its place; any other data is the only row."""
    return list_items(data, name) if isinstance(data, list) else [(name, data)]


def list_items(values: Sequence[Any], place: str) -> list[tuple[str, Any]]:
    """The values of a list, each with its place, such as `messages[3]`."""
    return [(f"{place}[{n}]", value) for n, value in enumerate(values)]


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


def has_words(turn: Turn) -> bool:
    """True if the turn has a text that is not blank, a tool call or an attachment."""
    return bool(turn.text.strip() or turn.tool_calls or turn.attachments)


def as_text(value: Any) -> str:
    """The value as it is if it is a text, else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):  # odd keys, a value that holds itself, depth
        return type(value).__name__
