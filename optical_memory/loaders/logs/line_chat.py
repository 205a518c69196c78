"""Chats as LINE exports them: a line for each day, then clock, name and words between tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import NOTICE, Entry, log_conversation, place_of
from optical_memory.loaders.written_times import written_time

__all__ = [
    "is_line_chat",
    "line_chat",
]

_HALF = "(?:上午|下午|午前|午後|오전|오후)"
_MESSAGE = re.compile(
    rf"(?P<clock>{_HALF}?\d{{1,2}}:\d\d(?: ?[AaPp][Mm])?)\t(?P<name>[^\t]*)(?:\t(?P<text>.*))?"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the file and the day on which it stands."""

    line: int
    day: str
    text: str


def is_line_chat(text: str) -> bool:
    """A line for a day, and messages between tabs, near the beginning."""
    lines = text[:8000].lstrip("\ufeff").split("\n")
    days = [n for n, line in enumerate(lines) if _is_day(line)]
    messages = [n for n, line in enumerate(lines) if _MESSAGE.fullmatch(line.rstrip("\r"))]
    return bool(days and messages) and days[0] <= 4 and days[0] < messages[0]


def line_chat(source: Path | Document | str, day_first: bool | None = None) -> list[Conversation]:
    """One conversation from LINE's text (a `Path`, a `Document`, or the text).

    Notices are left out. Raises `InputError` if nobody says anything.
    """
    lines = text_of(source).replace("\r\n", "\n").lstrip("\ufeff").split("\n")
    first_day = next((n for n, line in enumerate(lines) if _is_day(line)), 0)
    preface = "\n".join(lines[:first_day]).strip()
    meta = {"preface": preface} if preface else {}
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for row in _rows(lines, first_day):
        message = _MESSAGE.fullmatch(row.text.partition("\n")[0])
        if message is None or not message["name"] or message["text"] is None:
            left_out.append(LeftOut(place_of(row.line), NOTICE, row.text))
            continue
        text = message["text"] + row.text[message.end() :]
        if "\n" in text and text.startswith('"') and text.endswith('"'):  # as LINE quotes it
            text = text[1:-1]
        stamp = f"{row.day} {message['clock']}"
        entries.append(Entry(row.line, stamp, message["name"], text))
    return [
        log_conversation(
            stem(source),
            entries,
            meta=meta,
            left_out=left_out,
            day_first=day_first,
            are_people=True,
        )
    ]


def _is_day(line: str) -> bool:
    line = line.strip()
    return (
        line[:1] != "[" and "\t" not in line and ":" not in line and written_time(line) is not None
    )


def _rows(lines: list[str], first: int) -> Iterator[_Row]:
    """Messages and notices with the lines that go on with them."""
    day = ""
    row: _Row | None = None
    for n, line in enumerate(lines[first:], first + 1):
        if _is_day(line) and (n - 2 < first or not lines[n - 2].strip()):
            if row is not None:
                yield replace(row, text=row.text.rstrip("\n"))
            day = line.strip()
            row = None
        elif _MESSAGE.fullmatch(line):
            if row is not None:
                yield replace(row, text=row.text.rstrip("\n"))
            row = _Row(n, day, line)
        elif row is not None:
            row = replace(row, text=f"{row.text}\n{line}")
        elif line.strip():
            row = _Row(n, day, line)
    if row is not None:
        yield replace(row, text=row.text.rstrip("\n"))
