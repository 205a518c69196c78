"""The turns of one message, in any of the forms that providers and frameworks write.

Every form becomes a message with OpenAI's keys (`forms`). Extra keys are read if they are there:
`id`, and `created_at`, `timestamp` or `time` for the time at which a message was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.files import excerpt, get
from optical_memory.loaders.messages.forms import as_openai, is_left_out
from optical_memory.loaders.messages.parts import (
    Content,
    arguments,
    id_text,
    join,
    read_content,
    text_content,
)
from optical_memory.loaders.times import moment
from optical_memory.turns import Role, ToolCall, Turn

__all__ = [
    "message_turns",
    "openai_turns",
    "turn_of",
    "turns_of",
]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",  # OpenAI's name for it since 2024
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


def turn_of(message: Mapping[str, Any]) -> Turn:
    """The turn of one OpenAI-style message, a mapping with `role` and `content`.

    >>> turn_of({"role": "user", "content": "hello", "id": "m1"}).text
    'hello'

    Raises `InputError` if the message cannot be read, or if it holds several turns: answers of
    tools inside a message are turns of their own. `openai_messages` reads those.
    """
    data = dict(message) if isinstance(message, Mapping) else message
    turns = openai_turns(data, "message")
    if len(turns) != 1:
        raise InputError(
            f"message: {len(turns)} turns in it; "
            "read it with optical_memory.loaders.openai_messages([message])"
        )
    return turns[0]


def message_turns(message: Any, place: str) -> list[Turn]:
    """The turns of a message in any of the forms that this module reads, or of a LangChain message.

    >>> message_turns({"from": "human", "value": "hello"}, "messages[0]")[0].role
    'user'

    Answers of tools inside of it come first, as turns of their own. Raises as `turns_of`.
    """
    try:
        return openai_turns(as_openai(message, place), place)
    except RecursionError as error:
        raise InputError(f"{place}: it is nested too deep to be read") from error


def turns_of(messages: list[Any], place: str) -> list[Turn]:
    """The turns of OpenAI-style messages; answers of tools inside a message become turns of their
    own before it. Raises `InputError` with the place of a message that cannot be read.
    """
    turns: list[Turn] = []
    for n, message in enumerate(messages):
        turns += openai_turns(message, f"{place}[{n}]")
    return turns


def openai_turns(message: Any, place: str) -> list[Turn]:
    """The turns of an OpenAI-style message. Raises as `turns_of`."""
    if is_left_out(message):
        return []
    role = get(message, "role", str, place)
    if role.lower() not in _ROLES:
        raise InputError(f"{place}.role: {role!r} is not one of {sorted(_ROLES)}")
    content = _content(message, place)
    time = _time(message, place)
    answers = [
        Turn("tool", answer.text, when=time, tool_call_id=id, attachments=answer.attachments)
        for id, answer in content.results
    ]
    name = message.get("name")
    id = message.get("id")
    turn = Turn(
        _ROLES[role.lower()],
        content.text,
        name=None if name is None else str(name),
        when=time,
        id=id_text(id),
        tool_calls=content.calls,
        tool_call_id=id_text(message.get("tool_call_id")),
        attachments=content.attachments,
    )
    is_empty = not (turn.text or turn.tool_calls or turn.attachments)
    return answers if answers and is_empty else [*answers, turn]


def _time(message: dict[str, Any], place: str) -> datetime | None:
    value = message.get("created_at") or message.get("timestamp") or message.get("time")
    return moment(value or None, place)


def _content(message: dict[str, Any], place: str) -> Content:
    """The content of a message with all that stands beside it: reasoning, a refusal, an audio
    answer, and tool calls in their two forms.
    """
    content = read_content(message.get("content"), f"{place}.content")
    parts = [
        text_content(message.get("reasoning_content")),
        content,
        text_content(message.get("refusal")),
        _audio(message.get("audio"), place),
        Content(calls=tuple(_calls(message, content, place))),
    ]
    return join(parts)


def _audio(audio: object, place: str) -> Content:
    if not isinstance(audio, dict):
        return Content()
    sound = read_content([{"type": "audio", "id": audio.get("id", "audio")}], place)
    return join([sound, text_content(str(audio.get("transcript", "")))])


def _calls(message: dict[str, Any], content: Content, place: str) -> list[ToolCall]:
    """The tool calls beside the content, without those that the content has too."""
    ids = {call.id for call in content.calls if call.id}
    calls = []
    call_list = message.get("tool_calls") or []
    if not isinstance(call_list, list):
        raise InputError(f"{place}.tool_calls: expected a list, found {excerpt(call_list)}")
    for call in call_list:
        if not (isinstance(call, dict) and id_text(call.get("id")) in ids):
            calls.append(call)
    if message.get("function_call"):  # OpenAI's form before tools
        calls.append({"function": message["function_call"]})
    return [_call(call, f"{place}.tool_calls[{n}]") for n, call in enumerate(calls)]


def _call(call: Any, place: str) -> ToolCall:
    """A call as OpenAI nests it (`function`, or `custom` with free text) or as LangChain writes it
    (`args`).
    """
    inner: Any = call
    if isinstance(call, dict):
        inner = call.get("function", call.get("custom", call))
    name = get(inner, "name", str, place)
    value = inner.get("arguments", inner.get("args", inner.get("input", {})))
    return ToolCall(name, arguments(value), id_text(call.get("id")))
