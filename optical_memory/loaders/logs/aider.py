"""aider's `.aider.chat.history.md`: `#### ` begins a line of the user, `> ` a line of the program,
the rest is the assistant's. Each start of aider is a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import Entry, log_conversation, place_of
from optical_memory.loaders.logs.fences import lines_outside_fences
from optical_memory.turns import Role

__all__ = [
    "aider",
    "is_aider",
]

_START = re.compile(r"# aider chat started at (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*")
_USER = "####"
_LINE_END = "  "
"""aider ends the lines of the user with two blanks; headings in answers have none."""


def is_aider(text: str) -> bool:
    """A line says when aider started, near the beginning."""
    return any(_START.fullmatch(line) for line in text[:2000].split("\n"))


def aider(source: Path | Document | str) -> list[Conversation]:
    """A conversation for each start of aider, from a `Path`, a `Document`, or the text.

    A start without any words is left out. Raises `InputError` if nobody says anything.
    """
    lines = text_of(source).replace("\r\n", "\n").split("\n")
    starts = [n for n, line in enumerate(lines) if _START.fullmatch(line)]
    bounds = [*starts, len(lines)] if starts[:1] == [0] else [0, *starts, len(lines)]
    name = stem(source)
    conversations: list[Conversation] = []
    left_out: list[LeftOut] = []
    for start, end in pairwise(bounds):
        heading = _START.fullmatch(lines[start])
        first_line = start + (heading is not None)
        stamp = heading["stamp"] if heading else ""
        entries = _entries(lines[first_line:end], first_line, stamp)
        if entries:
            id = f"{name}[{len(conversations)}]" if len(starts) > 1 else name
            meta = {"started": lines[start].strip("# ")} if heading else {}
            conversations.append(log_conversation(id, entries, meta=meta))
        elif heading:
            text = lines[start].strip()
            left_out.append(LeftOut(place_of(start + 1), "a start of aider without words", text))
    if not conversations:
        raise InputError(
            f"{name}: no turns in it; take a history with at least one line of the user"
        )
    first = conversations[0]
    return [replace(first, left_out=(*first.left_out, *left_out)), *conversations[1:]]


def _entries(lines: Sequence[str], n_before: int, stamp: str) -> list[Entry]:
    """The turns of a conversation; the first has the time at which aider started."""
    entries: list[Entry] = []
    rows = enumerate(_lines_with_roles(lines), n_before + 1)
    for role, group in groupby(rows, key=lambda pair: pair[1][0]):
        pairs = list(group)
        text = "\n".join(line for _, (_, line) in pairs).strip()
        if text:
            first_stamp = stamp if not entries else ""
            entries.append(Entry(pairs[0][0], first_stamp, "", text, role))
    return entries


def _lines_with_roles(lines: Sequence[str]) -> Iterator[tuple[Role, str]]:
    """Whose each line is, and its words. What stands before the first line of the user is the
    program's: its command may have many lines.
    """
    is_user = _user_line(lines)
    role: Role = "tool"
    unsigned_role: Role = "tool"  # who says lines without a sign
    for line, is_free in lines_outside_fences(lines):
        if is_free and is_user.match(line):
            role = "user"
            unsigned_role = "assistant"
            yield role, line.removeprefix(_USER).strip()
        elif is_free and re.match(r">(?: |$)", line):
            role = "tool"
            yield role, line[1:].strip()
        else:
            role = unsigned_role if line.strip() else role
            yield role, line


def _user_line(lines: Sequence[str]) -> re.Pattern[str]:
    """A line of the user, with the end that it has in this file."""
    has_ends = any(line.startswith(_USER) and line.endswith(_LINE_END) for line in lines)
    return re.compile(rf"{_USER}(?: .*)?{_LINE_END if has_ends else ''}$")
