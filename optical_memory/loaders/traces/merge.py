"""Histories of a conversation, each of which repeats the history before it, as a single history."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from optical_memory.loaders.conversation import LeftOut
from optical_memory.loaders.histories import History, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.turns import ToolCall, Turn

__all__ = [
    "merge_histories",
]


def merge_histories(histories: Iterable[Iterable[tuple[str, Any]]]) -> History:
    """The turns of the messages of all histories, each once, in the order in which they came.

    A turn is the same as another if its words and calls are; a history may have it twice.
    """
    turns: list[Turn] = []
    left_out: dict[LeftOut, None] = {}
    totals: Counter[Hashable] = Counter()
    for history in _read_each_once(histories):
        counts: Counter[Hashable] = Counter()
        for turn in history.turns:
            key = _key(turn)
            counts[key] += 1
            if counts[key] > totals[key]:
                totals[key] += 1
                turns.append(turn)
        left_out |= dict.fromkeys(history.left_out)
    return History(tuple(turns), tuple(left_out))


def _read_each_once(histories: Iterable[Iterable[tuple[str, Any]]]) -> Iterator[History]:
    """The histories; a message that comes again is not read again."""
    readings: dict[str, History] = {}
    for items in histories:
        turns: list[Turn] = []
        left_out: list[LeftOut] = []
        for place, message in items:
            text = as_text(message)
            if text not in readings:
                readings[text] = read_history([(place, message)])
            turns += readings[text].turns
            left_out += readings[text].left_out
        yield History(tuple(turns), tuple(left_out))


def _key(turn: Turn) -> Hashable:
    calls = tuple((call.name, _canonical(call)) for call in turn.tool_calls)
    return turn.role, turn.text.strip(), calls, turn.tool_call_id, turn.attachments


def _canonical(call: ToolCall) -> str:
    """The arguments of a call, however their JSON is spaced and ordered."""
    try:
        return json.dumps(json.loads(call.arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return call.arguments
