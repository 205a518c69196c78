"""Sessions of Gemini CLI: an object, or lines of JSON; checkpoints, and the log of prompts.

Words of the user, answers, calls of tools and their results are turns. Thoughts, notices of the
program and messages that the user rewound are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import (
    EDITED,
    REASONING,
    conversation_of,
    message_items,
    read_history,
)
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows

__all__ = [
    "gemini_checkpoint",
    "gemini_cli",
    "gemini_log",
    "is_gemini_checkpoint",
    "is_gemini_cli",
    "is_gemini_log",
]

_ROLES = {"user": "user", "gemini": "assistant"}
_META = ("summary", "kind", "startTime", "lastUpdated")
_NOTICE = "a notice of Gemini CLI"
_REWOUND = "a message that the user rewound"
_SCREEN = "a history as the screen showed it, which the messages repeat"
_RESULT_ON_SCREEN = "the result of a tool as the screen showed it"


@dataclass(frozen=True, slots=True)
class _Session:
    """The messages of a session with their places, the left-out messages, and the other fields."""

    messages: list[tuple[str, Any]]
    left_out: list[LeftOut]
    fields: dict[str, Any]


def gemini_cli(source: Any) -> list[Conversation]:
    """The conversation of a session, by its id. Raises `InputError` if it has no turns."""
    data = read_json(source)
    name = stem(source)
    session = _session_of_lines(data) if isinstance(data, list) else _session(data, name)
    left_out = list(session.left_out)
    messages: list[tuple[str, Any]] = []
    for place, message in session.messages:
        messages += _messages(place, message)
        left_out += _left_out(place, message)
    history = read_history(messages)
    id = session.fields.get("sessionId") or name
    meta = {key: session.fields.get(key) for key in _META}
    models = [message.get("model") for _, message in session.messages if _role(message)]
    meta["model"] = next((model for model in models if model), None)
    return [conversation_of(str(id), history, meta, left_out)]


def is_gemini_cli(data: Any) -> bool:
    """True for a session: an object with its id and messages by `type`, or lines that begin so."""
    if isinstance(data, dict):
        return "sessionId" in data and _has_typed_messages(data.get("messages"))
    if not isinstance(data, list) or not data or not isinstance(data[0], dict):
        return False
    head = data[0]
    return "sessionId" in head and ("projectHash" in head or "startTime" in head)


def _has_typed_messages(messages: Any) -> bool:
    """The messages say who speaks by `type`, at least once as `gemini` or `user`."""
    if not isinstance(messages, list):
        return False
    objects = [message for message in messages if isinstance(message, dict)]
    return any(_role(item) is not None and "role" not in item for item in objects)


def _session(data: Any, name: str) -> _Session:
    if not isinstance(data, dict):
        raise InputError(f"{name}: expected a session, found {type(data).__name__}")
    return _Session(message_items(data, "messages", name), [], data)


def _session_of_lines(lines: Sequence[Any]) -> _Session:
    """A line writes a message, or writes it again by its id; `$rewindTo` takes back all messages
    from an id on; `$set` sets fields.
    """
    messages: dict[str, tuple[str, Any]] = {}
    left_out: list[LeftOut] = []
    fields: dict[str, Any] = {}
    for n, line in enumerate(lines, 1):
        place = f"line {n}"
        if not isinstance(line, dict):
            left_out.append(LeftOut(place, "a line that is no message", as_text(line)))
        elif "$rewindTo" in line:
            left_out += _rewind(messages, line["$rewindTo"])
        elif "type" in line:
            left_out += _earlier_version(messages, line, place)
            messages[_id(line, place)] = (place, line)
        else:
            patch = line["$set"] if isinstance(line.get("$set"), dict) else line
            fields |= {key: value for key, value in patch.items() if key != "messages"}
            for message_place, message in _patch_messages(patch, place):
                messages.setdefault(_id(message, message_place), (message_place, message))
    return _Session(list(messages.values()), left_out, fields)


def _earlier_version(
    messages: Mapping[str, tuple[str, Any]], line: dict[str, Any], place: str
) -> list[LeftOut]:
    earlier_place, message = messages.get(_id(line, place), (place, line))
    return [] if message == line else [LeftOut(earlier_place, EDITED, as_text(message))]


def _patch_messages(patch: dict[str, Any], place: str) -> list[tuple[str, Any]]:
    messages = patch.get("messages")
    return list_items(messages, f"{place}.messages") if isinstance(messages, list) else []


def _id(message: Any, place: str) -> str:
    return str(message.get("id", place)) if isinstance(message, dict) else place


def _rewind(messages: dict[str, tuple[str, Any]], id: Any) -> list[LeftOut]:
    """Takes the messages from the id on out of the dictionary, and tells them."""
    ids = list(messages)
    first = ids.index(str(id)) if str(id) in ids else len(ids)
    rewound = [messages.pop(key) for key in ids[first:]]
    return [LeftOut(place, _REWOUND, as_text(message)) for place, message in rewound]


# ---- messages ------------------------------------------------------------------------------------


def _messages(place: str, message: Any) -> Iterator[tuple[str, Any]]:
    """A message with its calls, and a message for each result of a tool."""
    role = _role(message)
    if role is None:
        return
    calls = _calls(message)
    yield (
        place,
        {
            "role": role,
            "content": _content(message.get("content")),
            "id": message.get("id"),
            "timestamp": message.get("timestamp"),
            "tool_calls": [_call(call) for call in calls],
        },
    )
    for n, call in enumerate(calls):
        if call.get("result"):
            yield f"{place}.toolCalls[{n}].result", _answer(call, message)


def _role(message: Any) -> str | None:
    kind = message.get("type") if isinstance(message, dict) else None
    return _ROLES.get(kind) if isinstance(kind, str) else None


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("toolCalls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _call(call: dict[str, Any]) -> dict[str, Any]:
    name = call.get("name") or "tool"
    return {"id": call.get("id"), "function": {"name": name, "arguments": call.get("args")}}


def _answer(call: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "tool",
        "content": _result_text(call["result"]),
        "is_error": call.get("status") == "error",
        "name": call.get("name"),
        "timestamp": call.get("timestamp") or message.get("timestamp"),
        "tool_call_id": call.get("id"),
    }


def _content(content: Any) -> Any:
    """Texts of parts as parts of OpenAI; all else as it is."""
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        return content
    return [{"type": "text", "text": part["text"]} for part in parts]


def _result_text(result: Any) -> str:
    """The text of a result: texts, and the answers of functions."""
    parts = result if isinstance(result, list) else [result]
    return "\n".join(_part_text(part) for part in parts)


def _part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return as_text(part)
    if isinstance(part.get("text"), str):
        return str(part["text"])
    function = part.get("functionResponse")
    response = function.get("response") if isinstance(function, dict) else None
    if not isinstance(response, dict):
        return as_text(part)
    return as_text(response["output"] if response.keys() == {"output"} else response)


def _left_out(place: str, message: Any) -> list[LeftOut]:
    """Thoughts, results for the screen, and the whole message if it is the program's."""
    if _role(message) is None:
        return [LeftOut(place, _NOTICE, as_text(message))]
    left_out: list[LeftOut] = []
    if message.get("thoughts"):
        left_out.append(LeftOut(f"{place}.thoughts", REASONING, as_text(message["thoughts"])))
    for n, call in enumerate(_calls(message)):
        if call.get("resultDisplay"):
            text = as_text(call["resultDisplay"])
            call_place = f"{place}.toolCalls[{n}].resultDisplay"
            left_out.append(LeftOut(call_place, _RESULT_ON_SCREEN, text))
    return left_out


# ---- checkpoints and the log of prompts ----------------------------------------------------------


def gemini_checkpoint(source: Any) -> list[Conversation]:
    """The conversation of a checkpoint: Gemini's `contents` under `clientHistory` or `history`.

    Raises `InputError` if it has no turns.
    """
    data = read_json(source)
    name = stem(source)
    key = "clientHistory" if "clientHistory" in data else "history"
    items = message_items(data, key, name)
    history = read_history((place, _with_texts(contents)) for place, contents in items)
    left_out: list[LeftOut] = []
    if key == "clientHistory" and data.get("history"):
        left_out.append(LeftOut(f"{name}.history", _SCREEN, as_text(data["history"])))
    return [conversation_of(name, history, left_out=left_out)]


def _with_texts(contents: Any) -> Any:
    """Contents whose parts are texts as a message with OpenAI's keys; any other as it is."""
    parts = contents.get("parts") if isinstance(contents, dict) else None
    if not isinstance(parts, list) or _content(parts) is parts:
        return contents
    return {"role": contents.get("role"), "content": _content(parts)}


def is_gemini_checkpoint(data: Any) -> bool:
    """True for an object with Gemini's contents under `clientHistory`, or under `history`."""
    if not isinstance(data, dict):
        return False
    contents = data.get("clientHistory", data.get("history"))
    objects = contents if isinstance(contents, list) else []
    return any(isinstance(item, dict) and item.keys() >= {"role", "parts"} for item in objects)


def gemini_log(source: Any) -> list[Conversation]:
    """The prompts of `logs.json`, a conversation for each session. Raises `InputError` if there
    are none.
    """
    name = stem(source)
    sessions: dict[str, list[tuple[str, Any]]] = {}
    for place, entry in list_items(read_json(source), name):
        fields = entry if isinstance(entry, dict) else {"message": as_text(entry)}
        message = {
            "role": "user" if fields.get("type") == "user" else "system",
            "content": fields.get("message"),
            "timestamp": fields.get("timestamp"),
        }
        sessions.setdefault(str(fields.get("sessionId")), []).append((place, message))
    return read_rows(sessions.items(), _session_of_log, name)


def _session_of_log(id: str, messages: list[tuple[str, Any]]) -> list[Conversation]:
    return [conversation_of(id, read_history(messages))]


def is_gemini_log(data: Any) -> bool:
    """True for a list of prompts, each with its session and number."""
    is_list = isinstance(data, list)
    return is_list and first_row(data).keys() >= {"sessionId", "messageId", "message"}
