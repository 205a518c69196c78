"""One message of a conversation, as a value: who said what, when, with which tools and pictures.

Knows nothing of pages, stores or models. Edits, evidence and `forget(turn=…)` name a turn by its
`id`. `body` is the text of a turn that everything counts, draws and shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

__all__ = [
    "Attachment",
    "Role",
    "ToolCall",
    "Turn",
]

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request to run a tool: `arguments` is its JSON text exactly as the model wrote it."""

    name: str
    arguments: str = "{}"
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a file kept by reference (URL, path or provider id) with its caption."""

    kind: Literal["image", "audio", "video", "file"]
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
