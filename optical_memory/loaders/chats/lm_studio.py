"""LM Studio's conversations: files that end in `.conversation.json`.

Each message has several versions of which one is selected. An answer is a list of steps: thoughts,
texts, calls of tools and their results.
"""

from __future__ import annotations

from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    readable,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.reading import (
    OTHER_VERSION,
    Reading,
    conversation_of,
    filled_conversations,
    in_segments,
    joined,
    known_role,
    read_message,
    read_stray,
    turn_words,
)
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.messages.content import words_in

__all__ = [
    "is_lm_studio",
    "lm_studio",
]

Parts = list[dict[str, Any]]

_REPORT = "a report of LM Studio about its work"


def is_lm_studio(data: Any) -> bool:
    """True if the data has messages with versions."""
    messages = objects_at(data, "messages")[:20]
    return any(isinstance(message.get("versions"), list) for message in messages)


def lm_studio(source: Any) -> list[Conversation]:
    """The conversation of a file, each message in its selected version.

    Raises `InputError` if there are no messages.
    """
    data = read_json(source)
    name = stem(source)
    instruction = text_at(data, "systemPrompt")
    readings = []
    if instruction.strip():
        message = {"role": "system", "content": instruction}
        readings.append(read_message(message, f"{name}.systemPrompt"))
    for n, message in enumerate(list_at(data, "messages")):
        readings.append(_read(message, f"{name}.messages[{n}]"))
    reading = joined(readings)
    meta = {
        "title": text_at(data, "name"),
        "model": text_at(object_at(data, "lastUsedModel"), "identifier"),
        "created": text_at(data, "createdAt"),
    }
    return filled_conversations([conversation_of(name, reading, meta)], name)


def _read(message: Any, place: str) -> Reading:
    versions = list_at(message, "versions")
    if not versions:
        return read_message({"role": "tool", "content": words_in(message)}, place)
    number = message.get("currentlySelected")
    if type(number) is not int or not 0 <= number < len(versions):
        number = len(versions) - 1
    readings = []
    for n, version in enumerate(versions):
        version_place = f"{place}.versions[{n}]"
        reading = _version(version, version_place)
        if n != number and reading.turns:
            words = turn_words(reading.turns)
            reading = Reading(left_out=(LeftOut(version_place, OTHER_VERSION, words),))
        readings.append(reading)
    return joined(readings)


def _version(version: Any, place: str) -> Reading:
    if not isinstance(version, dict):
        return read_stray(version, place)
    fields = {
        "role": known_role(text_at(version, "role")),
        "name": text_at(object_at(version, "senderInfo"), "senderName") or None,
        "created_at": time_of(version.get("createdAt")),
    }
    parts = _parts(list_at(version, "content"))
    left_out: list[LeftOut] = []
    for n, step in enumerate(list_at(version, "steps")):
        if text_at(step, "type") in ("contentBlock", ""):
            parts += _step(step)
        else:
            left_out.append(LeftOut(f"{place}.steps[{n}]", _REPORT, words_in(step)))
    if parts:
        reading = in_segments(fields, parts, place)
    else:
        reading = read_message({**fields, "content": words_in(version.get("content"))}, place)
    return joined([reading, Reading(left_out=tuple(left_out))])


def _step(step: Any) -> Parts:
    """The parts of a step. The text of a thinking step is a thought."""
    parts = _parts(list_at(step, "content")) or text_parts(text_at(step, "text"))
    if text_at(object_at(step, "style"), "type") != "thinking":
        return parts
    return [
        {"type": "thinking", "thinking": part["text"]} if part["type"] == "text" else part
        for part in parts
    ]


def _parts(content: list[Any]) -> Parts:
    parts: Parts = []
    for item in content:
        parts += _part(item)
    return parts


def _part(item: Any) -> Parts:
    kind = text_at(item, "type")
    call_id = first_text(item, "toolCallRequestId", "callId") or None
    if kind == "text":
        return [] if item.get("isStructural") is True else text_parts(text_at(item, "text"))
    if kind == "toolCallRequest":
        call = {"name": text_at(item, "name") or "tool", "input": item.get("parameters") or {}}
        return [{"type": "tool_use", "id": call_id, **call}]
    if kind == "toolCallResult":
        answer = text_parts(readable(item.get("content")))
        return [{"type": "tool_result", "tool_use_id": call_id, "content": answer}]
    name = first_text(item, "fileIdentifier", "identifier", "name")
    if kind in ("file", "image") and name:
        file_kind = "image" if "image" in (kind, text_at(item, "fileType")) else media_kind(name)
        return [attachment_part(file_kind, name, text_at(item, "name"))]
    return text_parts(readable(item))
