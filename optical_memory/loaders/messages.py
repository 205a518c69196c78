"""Message lists: OpenAI style, LangChain's two serialised forms, and ShareGPT exports.

All three end in `_turns`, which knows one message as a dict with OpenAI's keys. Extra keys read
when present: `id`, and `created_at`, `timestamp` or `time` for when it was said.
"""

from __future__ import annotations

from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.base import Conversation, conversation, get, moment, read_json, stem
from optical_memory.loaders.parts import Content, arguments, read_content
from optical_memory.turns import Role, ToolCall, Turn

__all__ = ["langchain_messages", "openai_messages", "sharegpt", "turns_of"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "claude": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
}


def openai_messages(source: Any) -> list[Conversation]:
    """A list of messages, `{"messages": [...]}`, or a list of either (as in fine-tuning JSON
    lines).

    Raises `InputError` with the place for anything else.
    """
    data = read_json(source)
    return [
        conversation(str(meta.get("id") or name), turns_of(messages, f"{name}.messages"), meta)
        for name, messages, meta in _lists(data, "messages", stem(source))
    ]


def langchain_messages(source: Any) -> list[Conversation]:
    """Messages as `messages_to_dict` or `dumpd` of langchain-core write them, in the same shapes as
    OpenAI's.
    """
    data = read_json(source)
    return [
        conversation(
            str(meta.get("id") or name),
            turns_of(
                [_plain(m, f"{name}.messages[{n}]") for n, m in enumerate(messages)],
                f"{name}.messages",
            ),
            meta,
        )
        for name, messages, meta in _lists(data, "messages", stem(source))
    ]


def sharegpt(source: Any) -> list[Conversation]:
    """`{"conversations": [{"from": "human", "value": ...}]}` or a list of them; `items` in old
    exports.
    """
    data = read_json(source)
    key = "items" if isinstance(_first(data), dict) and "items" in _first(data) else "conversations"
    return [
        conversation(
            str(meta.get("id") or name),
            turns_of(
                [_said(m, f"{name}.{key}[{n}]") for n, m in enumerate(messages)], f"{name}.{key}"
            ),
            meta,
        )
        for name, messages, meta in _lists(data, key, stem(source))
    ]


def _said(message: Any, where: str) -> dict[str, Any]:
    """A ShareGPT message with OpenAI's keys."""
    return {
        **message,
        "role": get(message, "from", str, where),
        "content": get(message, "value", str, where),
    }


def _first(data: Any) -> Any:
    return data[0] if isinstance(data, list) and data else data


def _lists(data: Any, key: str, name: str) -> list[tuple[str, list[Any], dict[str, Any]]]:
    """(name, messages, what else is said of them) of every conversation in the data."""
    if isinstance(data, dict):
        return [(name, get(data, key, list, name), {k: v for k, v in data.items() if k != key})]
    if not isinstance(data, list) or not data:
        raise InputError(
            f"{name}: expected a list of messages, found {type(data).__name__} {str(data)[:40]!r}"
        )
    if not (isinstance(data[0], list) or (isinstance(data[0], dict) and key in data[0])):
        return [(name, data, {})]
    return [
        entry
        for n, item in enumerate(data)
        for entry in (
            [(f"{name}[{n}]", item, {})]
            if isinstance(item, list)
            else _lists(item, key, f"{name}[{n}]")
        )
    ]


def turns_of(messages: list[Any], where: str) -> list[Turn]:
    """The turns of OpenAI-style messages; answers of tools inside a message become turns of their
    own before it.
    """
    return [turn for n, message in enumerate(messages) for turn in _turns(message, f"{where}[{n}]")]


def _turns(message: Any, where: str) -> list[Turn]:
    role = get(message, "role", str, where)
    if role.lower() not in _ROLES:
        raise InputError(f"{where}.role: {role!r} is not one of {sorted(_ROLES)}")
    content = read_content(message.get("content"), f"{where}.content")
    _add_siblings(content, message, where)
    when = moment(
        next((message[k] for k in ("created_at", "timestamp", "time") if message.get(k)), None),
        where,
    )
    name, tool_call_id, id = (message.get(key) for key in ("name", "tool_call_id", "id"))
    results = [
        Turn(
            "tool",
            inner.text,
            when=when,
            tool_call_id=answered,
            attachments=tuple(inner.attachments),
        )
        for answered, inner in content.results
    ]
    own = Turn(
        _ROLES[role.lower()],
        content.text,
        name=None if name is None else str(name),
        when=when,
        id=None if id is None else str(id),
        tool_calls=tuple(content.calls),
        tool_call_id=tool_call_id,
        attachments=tuple(content.attachments),
    )
    empty = not (own.text or own.tool_calls or own.attachments)
    return results if results and empty else [*results, own]


def _add_siblings(content: Content, message: dict[str, Any], where: str) -> None:
    """What stands beside `content`: reasoning, a refusal, an audio answer, and tool calls in their
    two forms.
    """
    if isinstance(thought := message.get("reasoning_content"), str):
        content.texts.insert(0, thought)
    if isinstance(refusal := message.get("refusal"), str):
        content.texts.append(refusal)
    if isinstance(audio := message.get("audio"), dict):
        heard = read_content([{"type": "audio", "id": audio.get("id", "audio")}], where)
        content.attachments += heard.attachments
        content.texts.append(str(audio.get("transcript", "")))
    known = {call.id for call in content.calls if call.id}
    calls = [
        call
        for call in message.get("tool_calls") or []
        if not (isinstance(call, dict) and call.get("id") in known)
    ]
    if legacy := message.get("function_call"):
        calls.append({"function": legacy})
    content.calls += [_call(call, f"{where}.tool_calls[{n}]") for n, call in enumerate(calls)]


def _call(call: Any, where: str) -> ToolCall:
    """A call as OpenAI nests it (`function`, or `custom` with free text) or as LangChain writes it
    (`args`).
    """
    inner = next(
        (call[k] for k in ("function", "custom") if isinstance(call, dict) and k in call), call
    )
    name = get(inner, "name", str, where)
    given: Any = next((inner[k] for k in ("arguments", "args", "input") if k in inner), {})
    return ToolCall(name, arguments(given), call.get("id"))


_LANGCHAIN_TYPES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
}


def _plain(message: Any, where: str) -> dict[str, Any]:
    """A LangChain message with OpenAI's keys."""
    kind = get(message, "type", str, where)
    if kind == "constructor":
        kind = (
            str(get(message, "id", list, where)[-1])
            .removesuffix("Chunk")
            .removesuffix("Message")
            .lower()
        )
        fields = get(message, "kwargs", dict, where)
    else:
        kind = kind.removesuffix("Chunk").removesuffix("Message").lower()
        fields = get(message, "data", dict, where)
    role = fields.get("role") if kind == "chat" else _LANGCHAIN_TYPES.get(kind)
    if not isinstance(role, str):
        raise InputError(f"{where}.type: {kind!r} is not one of {[*_LANGCHAIN_TYPES, 'chat']}")
    extra = fields.get("additional_kwargs") or {}
    calls = [
        *(fields.get("tool_calls") or extra.get("tool_calls") or []),
        *(fields.get("invalid_tool_calls") or []),
    ]
    beside = {
        k: extra[k]
        for k in ("reasoning_content", "refusal", "created_at", "timestamp")
        if extra.get(k)
    }
    legacy = None if calls else extra.get("function_call")
    return {**beside, **fields, "role": role, "tool_calls": calls, "function_call": legacy}
