"""Groups: tool calls and the results that answer them make sense together only.

A model's host rejects a call without its result, and a result without its call.
"""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.turns import ToolCall, Turn

__all__ = [
    "group_calls",
]


def group_calls(messages: Sequence[Sequence[Turn]]) -> list[list[int]]:
    """Positions of messages, in groups that stay together.

    A message with tool calls is in a group with the messages right after it that answer them.
    Every other message is a group by itself.

    >>> call = Turn("assistant", "", tool_calls=(ToolCall("look", id="c1"),))
    >>> answer = Turn("tool", "It rains.", tool_call_id="c1")
    >>> group_calls([[Turn("user", "Rain?")], [call], [answer], [Turn("assistant", "Yes.")]])
    [[0], [1, 2], [3]]

    Each message is a list of turns: in some formats a message holds answers and words. Calls and
    answers are paired by id. If either has no id, an answer belongs to the calls before it.
    """
    groups: list[list[int]] = []
    calls: list[ToolCall] = []
    for i, turns in enumerate(messages):
        if not any(_answers(turn, calls) for turn in turns):
            groups.append([])
            calls = []
        groups[-1].append(i)
        for turn in turns:
            calls.extend(turn.tool_calls)
    return groups


def _answers(turn: Turn, calls: Sequence[ToolCall]) -> bool:
    if turn.role != "tool" or not calls:
        return False
    ids = {call.id for call in calls}
    return turn.tool_call_id is None or None in ids or turn.tool_call_id in ids
