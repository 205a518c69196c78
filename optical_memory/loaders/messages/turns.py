"""The turns of messages, in any of the forms that providers and frameworks write.

Extra keys are read if they are there: `id`, and `created_at`, `timestamp` or `time` for the time
at which a message was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import LeftOut
from optical_memory.loaders.messages.beside import contents_of
from optical_memory.loaders.messages.calls import CALL_IDS, failed
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    Result,
    first_id,
    join,
    json_text,
    label,
    text_content,
)
from optical_memory.loaders.messages.envelopes import ROLES, messages_of, role_of
from optical_memory.loaders.payloads import without_payloads
from optical_memory.loaders.times import moment_or_none
from optical_memory.turns import Role, Turn, short_repr

__all__ = [
    "Transcript",
    "message_turns",
    "transcript_of",
    "turn_of",
    "turns_of",
]

EMPTY = "the message is empty"
"""Why a message has no turn."""

_ERROR_MARK = "[error]"
"""How the turn of a tool says that the call failed."""

_NO_OUTPUT = "[no output]"
"""The text of an answer without a word: hosts take no call without its answer."""


@short_repr
class Transcript(NamedTuple):
    """The turns of messages, and the messages that have none."""

    turns: list[Turn]
    left_out: list[LeftOut]


def turn_of(message: Mapping[str, Any]) -> Turn:
    """The turn of one message, a mapping with `role` and `content`.

    >>> turn_of({"role": "user", "content": "hello", "id": "m1"}).text
    'hello'

    Raises `InputError` if the message cannot be read, is empty, or holds several turns: answers of
    tools inside a message are turns of their own. `openai_messages` reads those.
    """
    turns = message_turns(message, "message")
    if not turns:
        raise InputError("message.content: it is empty; give it a text, a part or a tool call")
    if len(turns) != 1:
        raise InputError(
            f"message: {len(turns)} turns in it; "
            "read it with optical_memory.loaders.openai_messages([message])"
        )
    return turns[0]


def message_turns(message: Any, place: str) -> list[Turn]:
    """The turns of a message of any form: a mapping, an SDK's object, or JSON as bytes.

    >>> message_turns({"from": "human", "value": "hello"}, "messages[0]")[0].role
    'user'

    An empty message has no turns. Answers of tools inside a message are turns of their own. Raises
    `InputError` with the place if it is no message, or is nested too deep.
    """
    turn = _plain_turn(message)
    if turn is not None:
        return [turn]
    try:
        turns: list[Turn] = []
        for fields in messages_of(message, place):
            turns += _message_turns(fields, place)
    except RecursionError as error:
        raise InputError(f"{place}: it is nested too deep to be read") from error
    return turns


def turns_of(messages: Iterable[Any], place: str) -> list[Turn]:
    """The turns of messages. Raises as `transcript_of`."""
    return transcript_of(messages, place).turns


def transcript_of(messages: Iterable[Any], place: str) -> Transcript:
    """The turns of messages of any form, and the messages without a word.

    A value between messages that is none is kept as a turn of a tool, with its JSON as the text.
    Raises `InputError` with the place of the first value if no value is a message.
    """
    turns: list[Turn] = []
    left_out: list[LeftOut] = []
    errors: list[InputError] = []
    n_values = 0
    for message in messages:
        n_values += 1
        plain_turn = _plain_turn(message)
        if plain_turn is not None:
            turns.append(plain_turn)
            continue
        message_place = f"{place}[{n_values - 1}]"
        try:
            new_turns = message_turns(message, message_place)
        except InputError as error:
            errors.append(error)
            new_turns = [_odd_turn(message, error)]
        turns += new_turns
        if not new_turns:
            left_out.append(LeftOut(message_place, EMPTY, ""))
    if errors and len(errors) == n_values:
        raise errors[0]
    return Transcript(turns, left_out)


def _odd_turn(message: Any, error: InputError) -> Turn:
    """The turn for a value that is no message. Raises the error if it is nested too deep."""
    try:
        text = message if isinstance(message, str) and message.strip() else json_text(message)
    except RecursionError:
        raise error from None
    content = text_content(text)
    return Turn("tool", content.text, name="unknown", attachments=content.attachments)


# ---- the turns of a message ----------------------------------------------------------------------

_TIME_KEYS = ("created_at", "timestamp", "time", "createdAt", "create_time")
_PLAIN_KEYS = frozenset(("role", "content", "id", "name", *_TIME_KEYS))


def _plain_turn(message: Any) -> Turn | None:
    """The turn of a message that is a role and a text, which most are; None of any other."""
    if type(message) is not dict or not message.keys() <= _PLAIN_KEYS:
        return None
    text = _plain_text(message.get("content"))
    role = message.get("role")
    if text is None or type(role) is not str or role not in ROLES:
        return None
    if len(message) == 2:
        return Turn(ROLES[role], text)
    id = first_id(message, ("id",))
    return Turn(ROLES[role], text, _name(message), _time(message), id)


def _plain_text(text: Any) -> str | None:
    """The text if it has words and no payloads; None of any other value."""
    if type(text) is not str or not text or text.isspace():
        return None
    is_short = len(text) < 512 and ";base64," not in text
    return text if is_short or without_payloads(text) == text else None


def _message_turns(message: Fields, place: str) -> list[Turn]:
    role, name = _speaker(message, place)
    time = _time(message)
    id = first_id(message, ("id", "uuid"))
    contents = contents_of(message)
    has_results = any(content.results for content in contents)
    call_id = None if has_results else _answered_call(message, role)
    turns: list[Turn] = []
    for content in _segments(contents, role):
        turn = Turn(
            role,
            _text(content, call_id, is_error=role == "tool" and failed(message)),
            name=name,
            when=time,
            id=id,
            tool_calls=content.calls,
            tool_call_id=call_id,
            attachments=content.attachments,
        )
        if turn.text.strip() or turn.tool_calls or turn.attachments:
            turns.append(turn)
            id = None  # the rest of the message has no id of its own
        turns += [_answer(answer, time) for answer in content.results]
    if not turns:
        _check_role(message, place)
    return turns


def _check_role(message: Fields, place: str) -> None:
    """Raises `InputError` for an empty message of an unknown role: that may be no message."""
    role = role_of(message, place)
    if role.strip().lower() not in ROLES:
        raise InputError(f"{place}.role: {role!r} is not one of {sorted(ROLES)}")


def _speaker(message: Fields, place: str) -> tuple[Role, str | None]:
    """The role and the name of who speaks. An unknown role is a tool's name.

    So nobody gets the authority of the user or of the assistant by a role of their own.
    """
    role = role_of(message, place)
    known_role = ROLES.get(role.strip().lower())
    if known_role is not None:
        return known_role, _name(message)
    return "tool", _name(message) or role


def _name(message: Fields) -> str | None:
    """The speaker's name, or of a tool's answer the name of the tool."""
    for key in ("name", "tool_name", "toolName"):
        name = message.get(key)
        if name is not None and name != "":
            return label(name) or str(name)
    return None


def _answered_call(message: Fields, role: Role) -> str | None:
    """The id of the call that a tool's message answers."""
    return first_id(message, CALL_IDS) if role == "tool" else None


def _segments(contents: list[Content], role: Role) -> list[Content]:
    """The contents of a message, each with the results after it.

    Results in a message of the user answer the calls before it, so they come first. In an
    assistant's message words may follow the result of a tool that the host ran.
    """
    if role != "assistant":
        content = join(contents)
        words = Content(content.texts, content.attachments, content.calls)
        if not content.results:
            return [words]
        return [Content(results=content.results), *filter(None, [words])]
    segments: list[list[Content]] = [[]]
    for content in filter(None, contents):
        has_results = any(part.results for part in segments[-1])
        is_result = not (content.text or content.attachments or content.calls)
        if has_results and not is_result:
            segments.append([])
        segments[-1].append(content)
    return [join(segment) for segment in segments]


def _answer(answer: Result, time: datetime | None) -> Turn:
    return Turn(
        "tool",
        _text(answer.content, "", answer.is_error),
        name=answer.name,
        when=time,
        id=answer.id,
        tool_call_id=answer.call_id,
        attachments=answer.content.attachments,
    )


def _text(content: Content, call_id: str | None, is_error: bool) -> str:
    """The text of a turn. That of a tool's answer says if the call failed, or gave nothing."""
    if is_error:
        return f"{_ERROR_MARK} {content.text}".rstrip()
    has_output = content.text.strip() or content.attachments or content.calls
    return content.text if has_output or call_id is None else _NO_OUTPUT


def _time(message: Fields) -> datetime | None:
    """The time of the message; None without a time, and if it is no time that we know."""
    for key in _TIME_KEYS:
        if message.get(key):
            return moment_or_none(message[key])
    return None
