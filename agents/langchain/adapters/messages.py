"""Messages of LangChain from turns, and turns from messages: tool calls and ids survive."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import ToolCall as LangChainToolCall

from optical_memory.agents.langchain.pairing import result_ids
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.recall.window.parts import TextPart
from optical_memory.turns import ToolCall, Turn

__all__ = [
    "SOURCE",
    "is_ours",
    "is_summary",
    "last_question",
    "message_of",
    "passage_message",
    "turns_of_messages",
]

SOURCE_KEY = "lc_source"
SOURCE = {SOURCE_KEY: "optical_memory"}
"""The mark of a message that a memory wrote, under the key that LangChain uses for such marks."""

SUMMARIES = ("summarization", "optical_memory")
"""Marks of messages that repeat what other messages said."""

OWN_ID = re.compile(r"t\d+")
"""Ids that a session gives to turns whose host gave none."""


def is_summary(message: BaseMessage) -> bool:
    """True for a message that repeats what others said: a summary, or passages of a memory."""
    return message.additional_kwargs.get(SOURCE_KEY) in SUMMARIES


def is_ours(message: BaseMessage) -> bool:
    """True for a message with passages of a memory."""
    return message.additional_kwargs.get(SOURCE_KEY) == SOURCE[SOURCE_KEY]


def turns_of_messages(messages: Sequence[BaseMessage]) -> list[Turn]:
    """The turns of messages; summaries, which repeat what others said, have none.

    Raises `InputError` for a message that cannot be read.
    """
    turns: list[list[Turn]] = []
    for i, message in enumerate(messages):
        if not is_summary(message):
            turns.append(message_turns(message, f"messages[{i}]"))
    return list(chain.from_iterable(turns))


def last_question(messages: Sequence[BaseMessage]) -> int | None:
    """The position of the last message of the user; None if the user says nothing.

    A summary is not the user's, nor is a message that carries results of tools.
    """
    for i in reversed(range(len(messages))):
        message = messages[i]
        if message.type == "human" and not (is_summary(message) or result_ids(message)):
            return i
    return None


def passage_message(text: str) -> HumanMessage:
    """The message that carries recalled passages."""
    return HumanMessage(text, additional_kwargs=dict(SOURCE))


def message_of(turn: TextPart) -> BaseMessage:
    """A turn as a message, with its id if the host gave it."""
    id = turn.turn
    fields: dict[str, Any] = {"content": turn.text, "name": turn.name}
    if id is not None and not OWN_ID.fullmatch(id):
        fields["id"] = id
    if turn.role == "assistant":
        return _ai_message(turn.tool_calls, fields)
    if turn.role == "tool":
        return ToolMessage(tool_call_id=turn.tool_call_id or "", **fields)
    return SystemMessage(**fields) if turn.role == "system" else HumanMessage(**fields)


def _ai_message(calls: Sequence[ToolCall], fields: dict[str, Any]) -> AIMessage:
    tool_calls: list[LangChainToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in calls:
        arguments = _json_object(call.arguments)
        if arguments is None:
            invalid.append(_invalid_call(call))
        else:
            tool_call = LangChainToolCall(name=call.name, args=arguments, id=call.id)
            tool_calls.append({**tool_call, "type": "tool_call"})
    return AIMessage(tool_calls=tool_calls, invalid_tool_calls=invalid, **fields)


def _invalid_call(call: ToolCall) -> InvalidToolCall:
    return InvalidToolCall(
        type="invalid_tool_call", name=call.name, args=call.arguments, id=call.id, error=None
    )


def _json_object(arguments: str) -> dict[str, Any] | None:
    """The arguments of a call; blank arguments are none. None if they are no JSON object."""
    if not arguments.strip():
        return {}
    try:
        value = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
