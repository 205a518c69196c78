"""Messages of every form as fields with OpenAI's keys, such as `role` and `content`.

A role tells who speaks. Providers write it in `role`, in `type` or in `from`; items of the
Responses API have none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.files import excerpt
from optical_memory.loaders.messages.content import Fields, fields_of, label
from optical_memory.loaders.messages.forms import bedrock, gemini, langchain, openai
from optical_memory.turns import Role

__all__ = [
    "ROLES",
    "is_silent",
    "messages_of",
    "role_of",
]

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",  # OpenAI's name for it since 2024
    "user": "user",
    "human": "user",
    "prompter": "user",
    "client": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "bot": "assistant",
    "claude": "assistant",
    "gemini": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "tool_result": "tool",
    "tool_response": "tool",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
}

_SILENT = ("reasoning", "item_reference", "compaction")


def is_silent(message: Any) -> bool:
    """True for an item of the Responses API that belongs to the item after it."""
    if isinstance(message, Mapping):
        return "role" not in message and label(message.get("type")) in _SILENT
    return not hasattr(message, "role") and label(getattr(message, "type", None)) in _SILENT


def messages_of(message: Any, place: str) -> list[Fields]:
    """The messages in a value, with a role each: a whole response may hold several.

    Raises `InputError` for a value that is no message: one that nobody says.
    """
    fields = _fields(message, place)
    inner_messages = openai.unwrap(fields) or gemini.unwrap(fields) or bedrock.unwrap(fields)
    if inner_messages and "role" not in fields:
        messages: list[Fields] = []
        for inner_message in inner_messages:
            messages += messages_of(inner_message, place)
        return messages
    return [_with_role(fields, place)]


def role_of(message: Fields, place: str) -> str:
    """The role as the message writes it. Raises `InputError` if it is no text."""
    role = label(message.get("role"))
    if not role:
        raise InputError(f"{place}.role: expected str, found {excerpt(message.get('role'))}")
    return role


def _fields(message: Any, place: str) -> Fields:
    if isinstance(message, bytes | bytearray):
        return _fields(_parsed(bytes(message), place), place)
    fields = fields_of(message)
    if fields is not None:
        return fields
    if isinstance(message, list | tuple) and _is_pair(message):
        return {"role": message[0], "content": message[1]}  # LangChain: ("human", "hello")
    raise InputError(f"{place}: expected an object with 'role', found {excerpt(message)}")


def _parsed(message: bytes, place: str) -> Any:
    try:
        return json.loads(message)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{place}: expected JSON in the bytes of a message: {error}") from error


def _is_pair(message: Any) -> bool:
    return len(message) == 2 and isinstance(message[0], str) and message[0].lower() in ROLES


def _with_role(message: Fields, place: str) -> Fields:
    """The message with a role. Raises `InputError` if nothing tells who speaks."""
    if langchain.is_langchain(message):
        return langchain.with_role(message)
    if message.get("role") is None and isinstance(message.get("parts"), list):
        return {**message, "role": "user"}  # Gemini: contents without a role are the user's
    if "role" in message:
        return message
    speaker = label(message.get("from"))
    if speaker and ("value" in message or speaker.lower() in ROLES):  # ShareGPT
        return {**message, "role": speaker, "content": message.get("value")}
    return _unwrapped(message, place)


def _unwrapped(message: Fields, place: str) -> Fields:
    """The message under `message`, or an item of the Responses API as a message of its model."""
    inner = fields_of(message.get("message"))
    if inner is not None and label(inner.get("role")):
        return {**{key: value for key, value in message.items() if key != "message"}, **inner}
    if openai.is_item(label(message.get("type"))):
        return {"role": "assistant", "id": message.get("id"), "content": [message]}
    raise InputError(f"{place}: no 'role' in it, which has {sorted(map(str, message))}")
