"""Pairing: where a list of messages may be cut so that every tool call stays with its results.

A provider refuses a call without its result, and a result without its call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

__all__ = [
    "call_ids",
    "first_cut_from",
    "result_ids",
    "valid_cuts",
]

NO_ID = ""
"""Stands for the id of a call or a result that has none."""

_CALL_PARTS = {"tool_use", "tool_call", "function_call", "custom_tool_call", "invalid_tool_call"}
_RESULT_PARTS = {"tool_result", "function_call_output", "custom_tool_call_output"}


def call_ids(message: BaseMessage) -> set[str]:
    """The ids of the tool calls in a message of any provider's form."""
    if message.type not in ("ai", "AIMessageChunk", "chat"):
        return set()
    calls = [
        *getattr(message, "tool_calls", ()),
        *getattr(message, "invalid_tool_calls", ()),
        *(message.additional_kwargs.get("tool_calls") or ()),
    ]
    ids = {call.get("id") or NO_ID for call in calls}
    for part in _parts(message):
        if part.get("type") in _CALL_PARTS:
            ids.add(part.get("call_id") or part.get("id") or NO_ID)
        elif "functionCall" in part or "toolUse" in part:
            ids.add((part.get("toolUse") or {}).get("toolUseId") or NO_ID)
    if message.additional_kwargs.get("function_call"):
        ids.add(NO_ID)
    return ids


def result_ids(message: BaseMessage) -> set[str]:
    """The ids of the calls that a message answers, in any provider's form."""
    if message.type in ("tool", "function"):
        return {getattr(message, "tool_call_id", None) or NO_ID}
    if message.type not in ("human", "chat"):
        return set()
    ids: set[str] = set()
    for part in _parts(message):
        if part.get("type") in _RESULT_PARTS:
            ids.add(part.get("tool_use_id") or part.get("call_id") or NO_ID)
        elif "functionResponse" in part or "toolResult" in part:
            ids.add((part.get("toolResult") or {}).get("toolUseId") or NO_ID)
    return ids


def _parts(message: BaseMessage) -> Iterator[dict[str, Any]]:
    if isinstance(message.content, list):
        for part in message.content:
            if isinstance(part, dict):
                yield part


def valid_cuts(messages: Sequence[BaseMessage]) -> list[bool]:
    """For each position from 0 to the end: if the list may be cut before it.

    All results of a call are on the same side as the call, wherever they stand: other messages
    may be between them. A result without an id belongs to the last calls before it.
    """
    is_valid = [True] * (len(messages) + 1)
    places: dict[str, int] = {}
    last_calls = -1
    for i, message in enumerate(messages):
        for id in result_ids(message):
            start = places.get(id, last_calls)
            for cut in range(start + 1, i + 1):
                is_valid[cut] = False
        for id in call_ids(message):
            places[id] = i
            last_calls = i
    is_valid[0] = True
    return is_valid


def first_cut_from(is_valid: Sequence[bool], position: int) -> int:
    """The first valid cut at or before a position; more messages stay, never fewer."""
    while position > 0 and not is_valid[position]:
        position -= 1
    return position
