"""Messages of other forms with OpenAI's keys: LangChain's, ShareGPT's, items of the Responses API.

Knows nothing of turns: `messages` makes turns of OpenAI's keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.files import get

__all__ = [
    "as_openai",
    "from_langchain",
    "from_sharegpt",
    "is_left_out",
]

_LANGCHAIN_ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
}

_LEFT_OUT = ("reasoning", "item_reference", "compaction")
"""Items of the Responses API without words of a conversation: what is in them is encrypted."""


def as_openai(message: Any, place: str) -> Any:
    """A message of any form with OpenAI's keys. Raises `InputError` if it cannot be read."""
    if not isinstance(message, Mapping):
        if not (hasattr(message, "model_dump") and hasattr(message, "type")):
            return message
        message = {"type": message.type, "data": message.model_dump()}  # LangChain's own class
    message = dict(message)
    if "role" in message:
        return message
    if "from" in message:
        return from_sharegpt(message, place)
    if "data" in message or "kwargs" in message:
        return from_langchain(message, place)
    if message.get("type") in tuple(_LANGCHAIN_ROLES) and "content" in message:
        return from_langchain({"type": message["type"], "data": message}, place)  # LangGraph's
    return _from_responses(message)


def is_left_out(message: Any) -> bool:
    """True for an item of the Responses API that has no words of the conversation."""
    has_role = isinstance(message, dict) and "role" in message
    return isinstance(message, dict) and not has_role and message.get("type") in _LEFT_OUT


# ---- the Responses API, and sessions of the Agents SDK -------------------------------------------


def _from_responses(message: dict[str, Any]) -> dict[str, Any]:
    """An item that is a call of a tool, or the answer of a tool, as a message."""
    kind = message.get("type")
    if kind in ("function_call", "custom_tool_call"):
        call = {
            "id": message.get("call_id"),
            "function": {
                "name": message.get("name"),
                "arguments": message.get("arguments", message.get("input", "")),
            },
        }
        return {"role": "assistant", "content": None, "id": message.get("id"), "tool_calls": [call]}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {
            "role": "tool",
            "content": message.get("output"),
            "id": message.get("id"),
            "tool_call_id": message.get("call_id"),
        }
    return message


# ---- ShareGPT and LangChain ----------------------------------------------------------------------


def from_sharegpt(message: Any, place: str) -> dict[str, Any]:
    """A message of ShareGPT. Raises `InputError` if it cannot be read."""
    role = get(message, "from", str, place)
    return {**message, "role": role, "content": get(message, "value", str, place)}


def from_langchain(message: Any, place: str) -> dict[str, Any]:
    """A message of LangChain in its serialised forms. Raises `InputError` if it cannot be read."""
    kind, fields = _langchain_fields(message, place)
    role = fields.get("role") if kind == "chat" else _LANGCHAIN_ROLES.get(kind)
    if not isinstance(role, str):
        raise InputError(f"{place}.type: {kind!r} is not one of {[*_LANGCHAIN_ROLES, 'chat']}")
    extra = fields.get("additional_kwargs")
    extra = extra if isinstance(extra, dict) else {}
    calls = _list(fields.get("tool_calls")) or _list(extra.get("tool_calls"))
    calls += _list(fields.get("invalid_tool_calls"))
    extra_keys = ("reasoning_content", "refusal", "created_at", "timestamp")
    return {
        **{key: extra[key] for key in extra_keys if extra.get(key)},
        **fields,
        "role": role,
        "tool_calls": calls,
        "function_call": None if calls else extra.get("function_call"),
    }


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _langchain_fields(message: Any, place: str) -> tuple[str, dict[str, Any]]:
    """(kind, fields) of a message as `messages_to_dict` writes it, or `dumpd` ("constructor")."""
    kind = get(message, "type", str, place)
    if kind == "constructor":
        name = str(get(message, "id", list, place)[-1])
        fields = get(message, "kwargs", dict, place)
    else:
        name = kind
        fields = get(message, "data", dict, place)
    return name.removesuffix("Chunk").removesuffix("Message").lower(), fields
