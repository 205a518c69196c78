"""What is written of a turn: its body, exactly, and the short mark before it. Text only; no cells,
no pixels.

Marks vary from turn to turn: a label repeated hundreds of times ("User:") sends an optical decoder
into loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from optical_memory.turns import Attachment, Role, ToolCall, Turn

__all__ = ["SIGILS", "Heard", "body", "call_offset", "mark"]

SIGILS: Mapping[Role, str] = MappingProxyType(
    {"user": ">", "assistant": "<", "tool": "=", "system": "!"}
)

NAME_LIMIT = 24  # characters of a speaker's name in a mark


@dataclass(frozen=True, slots=True)
class Heard:
    """What the marks above on the page have already said: the last name of each role, the last date
    and time.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    time: str = ""


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


def mark(
    turn: Turn, ordinal: int, heard: Heard, *, resumed: bool = False, bare: bool = False
) -> tuple[str, Heard]:
    """The mark that stands before the turn's body, and what the page has said after it.

    `12> ` for turn 12 of the user, `13< Mel, 2023-05-08 13:56: ` where a name is new for its role
    on this page or the date or time has changed, `12>+ ` where the turn began on an earlier page.
    `bare` leaves name and time out.
    """
    head = f"{ordinal}{SIGILS[turn.role]}{'+' if resumed else ''} "
    if bare:
        return head, heard
    name = " ".join((turn.name or "").split())[:NAME_LIMIT]
    date, time = (
        (turn.when.strftime("%Y-%m-%d"), turn.when.strftime("%H:%M")) if turn.when else ("", "")
    )
    said = [name] if heard.names.get(turn.role, "") != name else []
    if date and date != heard.date:
        said.append(f"{date} {time}")
    elif date and time != heard.time:
        said.append(time)
    after = Heard({**heard.names, turn.role: name}, date or heard.date, time or heard.time)
    return head + (", ".join(filter(None, said)) + ": " if any(said) else ""), after


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def _call(call: ToolCall) -> str:
    return f"=> {call.name}({call.arguments})"


def _attachment(attachment: Attachment) -> str:
    caption = f"{attachment.caption} " if attachment.caption else ""
    return f"[{attachment.kind}: {caption}<{attachment.ref}>]"
