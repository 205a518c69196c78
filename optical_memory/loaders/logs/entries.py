"""Entries of a log: who, when, the words. All loaders of text make turns of them in one way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from optical_memory.loaders.conversation import Conversation, LeftOut, conversation
from optical_memory.loaders.logs.speakers import role_of, roles_of_speakers
from optical_memory.loaders.times import FileTimes, file_times
from optical_memory.turns import Attachment, Role, Turn, short_repr

__all__ = [
    "EXPORTERS_LINE",
    "NOTICE",
    "Entry",
    "is_rule",
    "log_conversation",
    "paragraphs",
    "place_of",
]

NOTICE = "a notice of the program, said by nobody"
"""Why lines such as `Ana left` are in no turn."""

EXPORTERS_LINE = "a line of the exporter, said by nobody"
"""Why lines such as `Exported 2 message(s)` are in no turn."""

_NO_TIME = "a time that cannot be read; it stays in the text"
_CLOCK = re.compile(r"(?:\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:[.,]\d+)?\s?(?:[AaPp]\.?[Mm]\.?)?)")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,}|(?:\* ){2,}\*)\s*")


@short_repr
@dataclass(frozen=True, slots=True)
class Entry:
    """A turn as a log writes it, from line `line` on (the first is 1).

    `stamp` is the time as written and `speaker` the name, "" if there is none. `role` is None if
    the loader leaves it to the names.
    """

    line: int
    stamp: str
    speaker: str
    text: str
    role: Role | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def has_words(self) -> bool:
        return bool(self.text.strip() or self.attachments)


def log_conversation(
    id: str,
    entries: Sequence[Entry],
    *,
    meta: Mapping[str, str] | None = None,
    left_out: Sequence[LeftOut] = (),
    day_first: bool | None = None,
    are_people: bool = False,
) -> Conversation:
    """The conversation of a log's entries. Raises `InputError` if it has no turns.

    `meta` gets the labels that are roles, such as `ChatGPT`, as `speakers`. A message without words
    is left out. Times are read in one order of day and month; a time that cannot be read stays in
    the text. `are_people` says that names such as `Claude` are names, not roles.
    """
    rest = [entry for entry in entries if not entry.has_words]
    entries = [entry for entry in entries if entry.has_words]
    times = file_times([entry.stamp for entry in entries], day_first)
    names = {} if are_people else _labels(entries)
    return conversation(
        id,
        _turns(entries, times, are_people=are_people),
        {**names, **(meta or {})},
        [*left_out, *_empty(rest), *_doubts(entries, times)],
    )


def _turns(entries: Sequence[Entry], times: FileTimes, *, are_people: bool) -> list[Turn]:
    speakers = [entry.speaker for entry in entries if entry.speaker]
    roles = roles_of_speakers(speakers, are_people=are_people)
    turns = []
    for entry, time in zip(entries, times.times, strict=True):
        role = entry.role or roles.get(entry.speaker, "user")
        has_name = are_people or not _names_role(entry)
        turns.append(_turn(entry, role, entry.speaker if has_name else "", time))
    return turns


def _labels(entries: Sequence[Entry]) -> dict[str, str]:
    """The labels that are roles, and so are in no turn, for `meta`."""
    labels = dict.fromkeys(entry.speaker for entry in entries if _names_role(entry))
    words = ", ".join(filter(None, labels))
    return {"speakers": words} if words else {}


def _names_role(entry: Entry) -> bool:
    return entry.role is not None or role_of(entry.speaker) is not None


def _empty(entries: Sequence[Entry]) -> Iterator[LeftOut]:
    """Messages without words, told by who wrote them."""
    for entry in entries:
        words = " ".join(filter(None, [entry.stamp, entry.speaker]))
        if words:
            yield LeftOut(place_of(entry.line), "a message without words", words)


def place_of(line: int) -> str:
    """The place of a line, for the report of what was left out."""
    return f"line {line}"


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """The parts of a text between blank lines, each after the number of its first line."""
    line = 1
    for part in re.split(r"(\n[ \t]*\n+)", text):
        if part.strip():
            yield line, part
        line += part.count("\n")


def is_rule(line: str) -> bool:
    """The line is a rule of Markdown, such as `---`."""
    return _RULE.fullmatch(line) is not None


def _turn(entry: Entry, role: Role, name: str, time: datetime | None) -> Turn:
    clock = f"[{entry.stamp}] " if entry.stamp and time is None else ""
    text = clock + entry.text.strip("\n")
    return Turn(role, text, name=name or None, when=time, attachments=entry.attachments)


def _doubts(entries: Sequence[Entry], times: FileTimes) -> Iterator[LeftOut]:
    """Times that were not read, and an order of day and month that was guessed."""
    unclear = set(times.unclear)
    for i, entry in enumerate(entries):
        is_lost = times.times[i] is None and entry.stamp and i not in unclear
        if is_lost and not _CLOCK.fullmatch(entry.stamp):
            yield LeftOut(place_of(entry.line), _NO_TIME, entry.stamp)
    if times.unclear and (times.order.is_guess or times.order.order is None):
        entry = entries[times.unclear[0]]
        yield LeftOut(place_of(entry.line), times.order.reason, entry.stamp)
