"""The turns of one message of an export, and what of it is in none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple, get_args

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import readable
from optical_memory.loaders.messages.content import words_in
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.loaders.times import FileTimes
from optical_memory.turns import Role, Turn, body

__all__ = [
    "OTHER_VERSION",
    "SERVICE",
    "Reading",
    "conversation_of",
    "filled_conversations",
    "in_segments",
    "joined",
    "known_role",
    "read_message",
    "read_stray",
    "turn_words",
    "unclear_times",
]

EMPTY = "an empty message"
SERVICE = "a note by the service, no message"
OTHER_VERSION = "a version of a message that is not the shown one"
UNKNOWN_TIME = "a time that we do not know how to read"


class Reading(NamedTuple):
    """The turns of a message, or of several."""

    turns: tuple[Turn, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def read_message(message: dict[str, Any], place: str) -> Reading:
    """The turns of a message with OpenAI's keys.

    Contents that cannot be read become text. A message without words has no turn.
    """
    try:
        turns = message_turns(message, place)
    except InputError:
        turns = message_turns(_plain(message), place)
    turns_with_words = tuple(turn for turn in turns if _has_words(turn))
    if turns_with_words:
        return Reading(turns_with_words)
    return Reading(left_out=(LeftOut(place, EMPTY, words_in(message.get("content"))),))


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """The message with all that it holds as text."""
    texts = [readable(message.get("content")), readable(message.get("tool_calls"))]
    fields = {key: message.get(key) for key in ("role", "name", "id", "created_at")}
    return {**fields, "content": "\n".join(filter(None, texts))}


def _has_words(turn: Turn) -> bool:
    return bool(turn.text.strip() or turn.tool_calls or turn.attachments)


def read_stray(value: object, place: str) -> Reading:
    """The turn of a value that is no message: its text, of a tool, which has no authority."""
    return read_message({"role": "tool", "content": readable(value)}, place)


def known_role(word: str) -> str:
    """The word if it is a role; "tool" for any other word, which gains no authority."""
    return word if word in get_args(Role) else "tool"


def joined(readings: Iterable[Reading]) -> Reading:
    """Several readings as one, in order."""
    readings = list(readings)
    return Reading(
        tuple(chain.from_iterable(reading.turns for reading in readings)),
        tuple(chain.from_iterable(reading.left_out for reading in readings)),
    )


def in_segments(message: dict[str, Any], parts: Sequence[dict[str, Any]], place: str) -> Reading:
    """The turns of a message whose parts may be answers of tools, in the order of the parts.

    Parts before and after an answer are turns of their own. The first turn has the message's id,
    the others the id with a number.
    """
    segments: list[list[dict[str, Any]]] = [[]]
    for part in parts:
        is_answer = part.get("type") == "tool_result"
        was_answer = bool(segments[-1]) and segments[-1][-1].get("type") == "tool_result"
        if segments[-1] and (is_answer or was_answer):
            segments.append([])
        segments[-1].append(part)
    reading = joined(
        read_message({**message, "content": segment}, place) for segment in segments if segment
    )
    return reading._replace(turns=_numbered(reading.turns, message.get("id")))


def _numbered(turns: tuple[Turn, ...], id: str | None) -> tuple[Turn, ...]:
    if id is None:
        return turns
    ids = [id, *(f"{id}#{n}" for n in range(2, len(turns) + 1))]
    return tuple(replace(turn, id=turn_id) for turn, turn_id in zip(turns, ids, strict=False))


def turn_words(turns: Iterable[Turn]) -> str:
    """All words of the turns, as `LeftOut` keeps them."""
    return "\n".join(body(turn) for turn in turns)


def unclear_times(stamps: Iterable[tuple[str, str]], times: FileTimes) -> list[LeftOut]:
    """Times of a file that were not read, and an order of day and month that was guessed.

    `stamps` has the place and the words of each time; words that are "" are no time.
    """
    left_out: list[LeftOut] = []
    doubts = set(times.unclear[:1]) if times.order.is_guess else set()
    if times.order.order is None:
        doubts = set(times.unclear)
    for i, ((place, words), time) in enumerate(zip(stamps, times.times, strict=True)):
        if i in doubts:
            left_out.append(LeftOut(place, times.order.reason, words))
        elif words and time is None:
            left_out.append(LeftOut(place, UNKNOWN_TIME, words))
    return left_out


def conversation_of(
    id: str, reading: Reading, meta: Mapping[str, Any], left_out: Iterable[LeftOut] = ()
) -> Conversation:
    """The conversation of a reading; it may have no turns. Of `meta`, what is not empty is kept."""
    texts = {key: str(value) for key, value in meta.items() if value not in (None, "")}
    return Conversation(id, reading.turns, texts, (*left_out, *reading.left_out))


def filled_conversations(
    conversations: Iterable[Conversation], name: str, left_out: Iterable[LeftOut] = ()
) -> list[Conversation]:
    """The conversations that have turns; the first of them tells of the others, and of what else
    of the file was left out.

    Raises `InputError` if none has turns.
    """
    conversations = list(conversations)
    full = [conversation for conversation in conversations if conversation.turns]
    if not full:
        raise InputError(
            f"{name}: no messages in it; take a file of the export that has conversations"
        )
    left_out = [*full[0].left_out, *left_out]
    for conversation in conversations:
        if not conversation.turns:
            title = conversation.meta.get("title", "")
            left_out.append(LeftOut(conversation.id, "a conversation without messages", title))
            left_out += conversation.left_out
    full[0] = replace(full[0], left_out=tuple(left_out))
    return full
