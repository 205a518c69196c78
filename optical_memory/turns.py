"""One message of a conversation, as a value: who said what, when, with which tools and pictures.

Knows nothing of pages, stores or models. Edits, evidence and `forget(turn=…)` name a turn by its
`id`. `body` is the text of a turn that everything counts, draws and shows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal, TypeVar, get_args

from optical_memory.errors import InputError

__all__ = [
    "Attachment",
    "Role",
    "ToolCall",
    "Turn",
]

Class = TypeVar("Class", bound=type)
Part = TypeVar("Part", "ToolCall", "Attachment")

AttachmentKind = Literal["image", "audio", "video", "file"]
Role = Literal["system", "user", "assistant", "tool"]


_PICTURE_ADDRESS = re.compile(
    r"^([ \t]*\[image: .*\S) <(?=[^\s<>]*(?:[:/]|\.\w{2,5}>))[^\s<>]+>\]$", re.MULTILINE
)
"""As `attachment_text` writes it, alone in a line. An address has no blank, and a colon, a slash or
the ending of a file.
"""


# ---- how values are shown ------------------------------------------------------------------------
# A `repr` ends up in logs and tracebacks, also with the values of local variables, which error
# reporters send away. So it has no words of a conversation. A notebook shows a value whole: it asks
# for `_repr_pretty_`, for eyes and for no log.

SHOWN = frozenset(("id", "role", "kind", "key", "page", "rung", "status", "state", "turn"))
"""Fields that name a thing and say nothing of what was said."""


def short_repr(cls: Class) -> Class:
    """A class decorator for a dataclass or a named tuple: its `repr` has sizes in place of texts,
    bytes and other objects.

    It is for values of ours inside, which end up in tracebacks. Values that people hold, such as
    turns and recollections, show their words like any other value.
    """

    def values_of(self: Any) -> dict[str, object]:
        names = getattr(cls, "_fields", None) or [field.name for field in fields(cls)]
        return {name: getattr(self, name, None) for name in names}

    def shown(self: Any) -> str:
        return f"{cls.__name__}({', '.join(sizes_of(values_of(self)))})"

    def pretty(self: Any, printer: Any, cycle: bool) -> None:
        values = values_of(self)
        words = ", ".join(f"{name}={value!r}" for name, value in values.items())
        printer.text(f"{cls.__name__}({'…' if cycle else words})")

    for name, function in (("__repr__", shown), ("_repr_pretty_", pretty)):
        setattr(cls, name, function)
    return cls


def sizes_of(values: Mapping[str, object]) -> list[str]:
    """Each value that is not empty, as `name=value`; of texts, bytes and collections the size."""
    parts: list[str] = []
    for name, value in values.items():
        is_empty = value is None or (isinstance(value, Sized) and not len(value))
        if not is_empty:
            parts.append(f"{name}={_size(name, value)}")
    return parts


def _size(name: str, value: object) -> str:
    if isinstance(value, str):
        return repr(value) if name in SHOWN else f"<{len(value)} characters>"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Collection):
        return f"<{len(value)} items>"
    return repr(value) if isinstance(value, (int, float, date)) else f"<{type(value).__name__}>"


# ---- values --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request to run a tool: `arguments` is its JSON text exactly as the model wrote it."""

    name: str
    arguments: str = "{}"
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a file kept by reference (URL, path or provider id) with its caption."""

    kind: AttachmentKind
    ref: str
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. A role and a text are enough; everything else is optional.

    >>> Turn("user", "The gate code is 4K7Q2Z.", name="Mel", id="m1").text
    'The gate code is 4K7Q2Z.'

    OpenAI and LangChain call `text` the `content`. `when` is the time at which it was said; they
    call it `created_at`, mem0 calls it `timestamp`. `id` names the turn in its session.
    `tool_call_id` on a `tool` turn names the call that it answers.
    `optical_memory.loaders.turn_of` makes a turn of an OpenAI-style message.
    """

    role: Role
    text: str
    name: str | None = None
    when: datetime | None = None
    id: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    attachments: tuple[Attachment, ...] = ()


def body(turn: Turn) -> str:
    r"""The turn's content as it is drawn: the text, a line for each tool call, then for each
    attachment.

    >>> cats = Attachment("image", "a.png", "two cats")
    >>> body(Turn("user", "look", attachments=(cats,)))
    'look\n[image: two cats <a.png>]'

    "\r\n" becomes "\n"; nothing else is changed. Offsets into a turn are offsets into this text.
    """
    parts = [turn.text] if turn.text else []
    parts += [call_text(call) for call in turn.tool_calls]
    parts += [attachment_text(attachment) for attachment in turn.attachments]
    return _with_unix_line_ends("\n".join(parts))


def call_text(call: ToolCall) -> str:
    """A tool call as it stands in `body`, but for line ends.

    >>> call_text(ToolCall("find", '{"q": 1}'))
    '=> find({"q": 1})'
    """
    return f"=> {call.name}({call.arguments})"


def attachment_text(attachment: Attachment) -> str:
    """An attachment as it stands in `body`, but for line ends.

    >>> attachment_text(Attachment("file", "plan.pdf"))
    '[file: <plan.pdf>]'
    """
    caption = f"{attachment.caption} " if attachment.caption else ""
    return f"[{attachment.kind}: {caption}<{attachment.ref}>]"


def without_addresses(text: str) -> str:
    r"""The text of a body without the addresses of pictures that have a caption.

    A model reads the caption, and an address costs more tokens than it tells.

    >>> without_addresses("look\n[image: two cats <https://a.io/8o28nf.jpg>]\n[image: <b.png>]")
    'look\n[image: two cats]\n[image: <b.png>]'
    """
    return _PICTURE_ADDRESS.sub(r"\1]", text) if "[image: " in text else text


def call_offset(turn: Turn) -> int:
    """The offset of the first tool call in `body(turn)`; the length of the body without calls.

    >>> call_offset(Turn("assistant", "I will look.", tool_calls=(ToolCall("find"),)))
    13
    """
    if not turn.tool_calls:
        return len(body(turn))
    # With its line break: "\r" at the end of the text becomes part of it.
    return len(_with_unix_line_ends(f"{turn.text}\n")) if turn.text else 0


def _with_unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


# ---- fields of the right type --------------------------------------------------------------------
# Dataclasses take any value for a field, and a store must give back the turn that it was given.


def valid_turn(turn: Turn) -> Turn:
    """The turn, as UTF-8 can write it: a lone surrogate becomes a visible escape.

    Raises `InputError` if a field has another type than it says. The message names the field and
    the type, never the value, which may be private.
    """
    return Turn(
        role=turn.role,
        text=_text_or_none("text", turn.text) or "",
        name=_text_or_none("name", turn.name),
        when=_time("when", turn.when),
        id=_text_or_none("id", turn.id),
        tool_calls=_tool_calls(turn),
        tool_call_id=_text_or_none("tool_call_id", turn.tool_call_id),
        attachments=_attachments(turn),
    )


def _tool_calls(turn: Turn) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    for i, call in enumerate(_parts("tool_calls", turn.tool_calls, ToolCall)):
        place = f"tool_calls.{i}"
        calls.append(
            ToolCall(
                name=valid_text(f"{place}.name", call.name),
                arguments=valid_text(f"{place}.arguments", call.arguments),
                id=_text_or_none(f"{place}.id", call.id),
            )
        )
    return tuple(calls)


def _attachments(turn: Turn) -> tuple[Attachment, ...]:
    attachments: list[Attachment] = []
    for i, item in enumerate(_parts("attachments", turn.attachments, Attachment)):
        place = f"attachments.{i}"
        if item.kind not in get_args(AttachmentKind):
            raise _refusal(f"{place}.kind", " or ".join(get_args(AttachmentKind)), item.kind)
        attachments.append(
            Attachment(
                kind=item.kind,
                ref=valid_text(f"{place}.ref", item.ref),
                caption=_text_or_none(f"{place}.caption", item.caption),
            )
        )
    return tuple(attachments)


def _parts(place: str, values: object, kind: type[Part]) -> Sequence[Part]:
    if not isinstance(values, (list, tuple)):
        raise _refusal(place, f"a tuple of {kind.__name__}s", values)
    for i, value in enumerate(values):
        if not isinstance(value, kind):
            raise _refusal(f"{place}.{i}", f"a {kind.__name__}", value)
    return values


def valid_text(place: str, value: object) -> str:
    """The text as UTF-8 can write it: a lone surrogate becomes a visible escape."""
    if not isinstance(value, str):
        raise _refusal(place, "text", value)
    if value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _text_or_none(place: str, value: object) -> str | None:
    return None if value is None else valid_text(place, value)


def _time(place: str, value: object) -> datetime | None:
    if value is not None and not isinstance(value, datetime):
        raise _refusal(place, "a datetime", value)
    return value


def _refusal(place: str, expectation: str, value: object) -> InputError:
    """Names the type only: the value may be private."""
    return InputError(
        f"a turn cannot be kept: {place} must be {expectation}, not {type(value).__name__}"
    )
