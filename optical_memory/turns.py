"""One message of a conversation, as a value: who said what, when, with which tools and pictures.

Knows nothing of pages, stores or models. A turn's `id` is what edits, evidence and `forget(turn=…)`
refer to.
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
    "body",
    "call_offset",
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
    """One message. `Turn("user", "hello")` is enough; everything else is optional.

    `tool_call_id` on a `tool` turn names the call that it answers.
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
    """The turn's content as it is drawn: the text, a line for each tool call, a line for each
    attachment.

    Line ends are "\\n" ("\\r\\n" is normalised); nothing else is changed. Offsets into a turn are
    offsets into this.
    """
    parts = [turn.text] if turn.text else []
    parts += [_call(call) for call in turn.tool_calls] + [_attachment(a) for a in turn.attachments]
    return _unix("\n".join(parts))


def call_offset(turn: Turn) -> int:
    """Where the first tool call stands in `body(turn)`; its length where there is none."""
    if not turn.tool_calls:
        return len(body(turn))
    return len(_unix(turn.text)) + 1 if turn.text else 0


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _call(call: ToolCall) -> str:
    return f"=> {call.name}({call.arguments})"


def _attachment(attachment: Attachment) -> str:
    caption = f"{attachment.caption} " if attachment.caption else ""
    return f"[{attachment.kind}: {caption}<{attachment.ref}>]"
