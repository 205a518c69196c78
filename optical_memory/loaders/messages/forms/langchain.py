"""LangChain and LangGraph: messages as objects and in their serialised forms, standard blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import attachment
from optical_memory.loaders.messages.calls import call, result
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    PartReader,
    ReadContent,
    fields_of,
    first_text,
    label,
)
from optical_memory.loaders.messages.words import nothing

__all__ = [
    "PARTS",
    "is_langchain",
    "with_role",
]

_ROLES = ("human", "ai", "system", "tool", "function", "developer")
_EXTRAS = ("reasoning_content", "refusal", "created_at", "timestamp", "audio", "function_call")


def _non_standard(part: Fields, content_of: ReadContent) -> Content:
    return content_of(part.get("value"))


PARTS: Mapping[str, PartReader] = {
    "text-plain": attachment("file"),
    "non_standard": _non_standard,
    "tool_call": call,
    "tool_call_chunk": call,
    "invalid_tool_call": call,
    "server_tool_call": call,
    "server_tool_call_chunk": call,
    "server_tool_result": result,
    "remove": nothing,
}


def is_langchain(message: Fields) -> bool:
    """True for a message of LangChain: `dumpd`, `messages_to_dict`, or an object's fields."""
    kind = _kind(label(message.get("type")))
    if kind == "constructor":
        return isinstance(message.get("kwargs"), Mapping)
    if isinstance(message.get("data"), Mapping) and "role" not in message:
        return bool(kind)
    return kind in _ROLES and "role" not in message


def with_role(message: Fields) -> Fields:
    """A message of LangChain with its fields at the top, and a role."""
    kind, fields = _kind_and_fields(message)
    role = label(fields.get("role")) or kind
    extra = fields_of(fields.get("additional_kwargs")) or {}
    calls = [
        *_list(fields.get("tool_calls") or extra.get("tool_calls")),
        *_list(fields.get("invalid_tool_calls")),
    ]
    extras = {key: extra[key] for key in _EXTRAS if extra.get(key)}
    if calls:
        extras.pop("function_call", None)
    return {**extras, **fields, "role": role, "tool_calls": calls}


def _kind_and_fields(message: Fields) -> tuple[str, Fields]:
    kind = label(message.get("type"))
    if kind == "constructor":
        fields = fields_of(message.get("kwargs")) or {}
        names = message.get("id")
        name = label(names[-1]) if isinstance(names, list) and names else ""
        return _kind(label(fields.get("type")) or name), fields
    fields = fields_of(message.get("data")) or message
    # `messages_to_dict` of a chat message: the role is in its data.
    return _kind(first_text(fields, ("role",)) or kind), fields


def _kind(name: str) -> str:
    return name.removesuffix("Chunk").removesuffix("Message").lower()


def _list(value: Any) -> list[Any]:
    """The list, or a list of the one value: what is odd in it is read as text later."""
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
