"""The short mark before a turn on a page: number, role, name and time. Text only; no cells, no
pixels.

Marks vary from turn to turn: a label repeated hundreds of times ("User:") sends an optical decoder
into loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from optical_memory.turns import Role, Turn

__all__ = [
    "SIGILS",
    "MarkState",
    "bare_mark",
    "mark",
]

SIGILS: Mapping[Role, str] = MappingProxyType(
    {"user": ">", "assistant": "<", "tool": "=", "system": "!"}
)

NAME_LIMIT = 24
"""Characters of a speaker's name in a mark."""


@dataclass(frozen=True, slots=True)
class MarkState:
    """The marks so far on a page: the last name of each role, the last date and time."""

    names: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    time: str = ""


def mark(
    turn: Turn, ordinal: int, state: MarkState, *, is_resumed: bool = False
) -> tuple[str, MarkState]:
    """The mark that stands before the turn's body, and the state of the page after it.

    >>> mark(Turn("user", "hello", name="Mel"), 12, MarkState())[0]
    '12> Mel: '

    `12> ` stands for turn 12, of the user. Name and time follow if the name is new for its role on
    this page, or if the date or time has changed: `13< Mel, 2023-05-08 13:56: `. `12>+ ` says that
    the turn began on an earlier page.
    """
    name = " ".join((turn.name or "").split())[:NAME_LIMIT]
    date = turn.when.strftime("%Y-%m-%d") if turn.when else ""
    time = turn.when.strftime("%H:%M") if turn.when else ""
    news = [
        name if name != state.names.get(turn.role, "") else "",
        _news_of_time(date, time, state),
    ]
    label = ", ".join(filter(None, news))
    names = {**state.names, turn.role: name}
    text = bare_mark(turn, ordinal, is_resumed=is_resumed) + (f"{label}: " if label else "")
    return text, MarkState(names, date or state.date, time or state.time)


def bare_mark(turn: Turn, ordinal: int, *, is_resumed: bool = False) -> str:
    """The mark without name and time.

    >>> bare_mark(Turn("tool", "42"), 7, is_resumed=True)
    '7=+ '
    """
    return f"{ordinal}{SIGILS[turn.role]}{'+' if is_resumed else ''} "


def _news_of_time(date: str, time: str, state: MarkState) -> str:
    if date != state.date and date:
        return f"{date} {time}"
    return time if time != state.time else ""
