"""What is written of a turn: its body, exactly, and the short mark before it. Text only; no cells,
no pixels.

Marks vary from turn to turn: a label repeated hundreds of times ("User:") sends an optical decoder
into loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from optical_memory.turns import Role, Turn

__all__ = ["SIGILS", "Heard", "mark"]

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
