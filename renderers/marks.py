"""The short mark before a turn on a page: number, role, name and time. Text only; no cells, no
pixels.

Marks vary from turn to turn: a label repeated hundreds of times ("User:") sends an optical decoder
into loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from types import MappingProxyType

from optical_memory.turns import Role, Turn

__all__ = [
    "NAME_LIMIT",
    "SHORT_NAME_LIMIT",
    "SIGILS",
    "MarkState",
    "bare_mark",
    "mark",
    "shorten_name",
]

SIGILS: Mapping[Role, str] = MappingProxyType(
    {"user": ">", "assistant": "<", "tool": "=", "system": "!"}
)

NAME_LIMIT = 24
"""Characters of a speaker's name in a mark."""

SHORT_NAME_LIMIT = 8
"""Characters of a name in the mark of a line that has no room for more."""


@dataclass(frozen=True, slots=True)
class MarkState:
    """The marks so far on a page: the last speaker of each role, the last date, time and zone, and
    the name behind each name that was shortened or shown.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    time: str = ""
    zone: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def mark(
    turn: Turn,
    ordinal: int,
    state: MarkState,
    *,
    is_resumed: bool = False,
    name_limit: int = NAME_LIMIT,
    tells_time: bool = True,
) -> tuple[str, MarkState]:
    """The mark that stands before the turn's body, and the state of the page after it.

    >>> mark(Turn("user", "hello", name="Mel"), 12, MarkState())[0]
    '12> Mel: '

    `12> ` stands for turn 12, of the user. Name and time follow if the name is new for its role on
    this page, or if the date, time or zone has changed: `13< Mel, 2023-05-08 13:56: `. After a turn
    with a name, a turn without a name has its role for a name. Names of more than `name_limit`
    characters are shortened in the middle; two names never look the same on a page. `12>+ ` says
    that the turn began on an earlier page.
    """
    name = " ".join((turn.name or "").split())
    last_name = state.names.get(turn.role, "")
    labels = dict(state.labels)
    label = ""
    if name != last_name:
        label = _label(name, name_limit, labels) if name else turn.role
        labels[label] = name
    news = [label]
    if tells_time:
        time_news, state = _news_of_time(turn.when, state)
        news.append(time_news)
    names = {**state.names, turn.role: name}
    words = ", ".join(filter(None, news))
    text = bare_mark(turn, ordinal, is_resumed=is_resumed) + (f"{words}: " if words else "")
    return text, replace(state, names=names, labels=labels)


def bare_mark(turn: Turn, ordinal: int, *, is_resumed: bool = False) -> str:
    """The mark without name and time.

    >>> bare_mark(Turn("tool", "42"), 7, is_resumed=True)
    '7=+ '
    """
    return f"{ordinal}{SIGILS[turn.role]}{'+' if is_resumed else ''} "


def shorten_name(name: str, limit: int) -> str:
    """The name in at most `limit` characters, shortened in the middle.

    Beginning and end are kept: the names of agents and rooms often differ in their last word.

    >>> shorten_name("harbour_weather_service_north", 24)
    'harbour_wea~ervice_north'
    """
    if len(name) <= limit:
        return name
    n_end = limit // 2
    return f"{name[: limit - n_end - 1]}~{name[-n_end:]}"


def _label(name: str, limit: int, labels: Mapping[str, str]) -> str:
    """The shortened name; a number tells it from another name's label."""
    label = shorten_name(name, limit)
    n = 1
    numbered_label = label
    while labels.get(numbered_label, name) != name:
        n += 1
        numbered_label = f"{label}~{n}"
    return numbered_label


def _news_of_time(moment: datetime | None, state: MarkState) -> tuple[str, MarkState]:
    """Date, time and zone as far as they have changed, and the state after them."""
    if moment is None:
        return "", state
    date = moment.strftime("%Y-%m-%d")
    time = moment.strftime("%H:%M")
    zone = _zone(moment)
    words = []
    if date != state.date:
        words.append(date)
    if words or time != state.time or zone != state.zone:
        words.append(time)
    if zone != state.zone:
        words.append(zone)
    return " ".join(filter(None, words)), replace(state, date=date, time=time, zone=zone)


def _zone(moment: datetime) -> str:
    """`UTC`, or the offset from it, such as `+02:00`; "" without a zone."""
    offset = moment.utcoffset()
    if offset is None:
        return ""
    return str(timezone(offset)).removeprefix("UTC") or "UTC"
