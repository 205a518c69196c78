"""Chats and transcripts in which a line of its own has the speaker and the time, above the words.

Messages copied out of Telegram and Discord, text of DiscordChatExporter, transcripts of Otter,
captions of Zoom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import EXPORTERS_LINE, Entry, log_conversation, place_of
from optical_memory.loaders.written_times import written_time

__all__ = [
    "headed_chat",
    "is_headed_chat",
]

_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?(?:[ \u202f][AaPp][Mm])?"
_HEADS = (
    re.compile(r"(?P<name>[^\n\[\]]{1,60}), \[(?P<stamp>[^\[\]\n]{8,40})\]:?"),  # Telegram
    re.compile(r"(?P<name>[^\n]{1,60}?) [—–] (?P<stamp>[^\n]{4,40})"),  # Discord
    re.compile(r"\[(?P<stamp>[^\[\]\n]{8,40})\] (?P<name>[^:\n]{1,60})"),  # DiscordChatExporter
    re.compile(rf"\[(?P<name>[^\[\]\n]{{1,60}})\] (?P<stamp>{_CLOCK})"),  # captions of Zoom
    re.compile(rf"(?P<name>[^\n]{{1,60}}?)  +(?P<stamp>{_CLOCK}) *"),  # Otter
)
_RELATIVE = re.compile(rf"(?:today|yesterday)(?: at|,)? {_CLOCK}|{_CLOCK}", re.IGNORECASE)
_RULE = re.compile(r"={5,}")
_FOOTER = re.compile(r"Transcribed by https?://\S+|Exported \d[\d,.]* message\(s\)")


def is_headed_chat(text: str) -> bool:
    """The first line that is not blank, after a block between rules, has a speaker and a time, and
    words follow it.
    """
    lines = text[:20_000].split("\n")
    first = _first_line(lines)
    form = _form(lines[first]) if first < len(lines) else None
    if form is None or not any(line.strip() for line in lines[first + 1 :]):
        return False
    n_heads = sum(_head(form, line) is not None for line in lines[first:])
    return n_heads > 1 or form is _HEADS[0]


def headed_chat(source: Path | Document | str, day_first: bool | None = None) -> list[Conversation]:
    """One conversation from copied messages or a transcript (a `Path`, a `Document`, or the text).

    `day_first` says how to read 3/4/2024; by default the whole file decides. Raises `InputError`
    if the first line does not name a speaker and a time.
    """
    lines = text_of(source).replace("\r\n", "\n").split("\n")
    first = _first_line(lines)
    form = _form(lines[first]) if first < len(lines) else None
    if form is None:
        raise InputError(
            f"{stem(source)}: its first line names no speaker and time; "
            "write `Ana, [09.02.2024 12:05]` above each message"
        )
    words = [line for line in lines[:first] if line.strip() and not _RULE.fullmatch(line)]
    meta = {"preface": "\n".join(words)} if words else {}
    left_out = [
        LeftOut(place_of(n), EXPORTERS_LINE, line.strip())
        for n, line in enumerate(lines, 1)
        if _FOOTER.fullmatch(line.strip())
    ]
    entries = list(_entries(lines, first, form))
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


def _first_line(lines: Sequence[str]) -> int:
    """The first line that is not blank and stands in no block between two rules of `=`."""
    is_inside = False
    for n, line in enumerate(lines):
        if _RULE.fullmatch(line.strip()):
            is_inside = not is_inside
        elif line.strip() and not is_inside:
            return n
    return len(lines)


def _form(line: str) -> re.Pattern[str] | None:
    return next((form for form in _HEADS if _head(form, line)), None)


def _head(form: re.Pattern[str], line: str) -> re.Match[str] | None:
    match = form.fullmatch(line.rstrip())
    if match is None or not match["name"].strip():
        return None
    stamp = match["stamp"].strip()
    has_clock = ":" in stamp  # `Version 2 - 9 May 2026` is the heading of a document
    is_time = _RELATIVE.fullmatch(stamp) or written_time(stamp)
    return match if has_clock and is_time else None


def _entries(lines: Sequence[str], first: int, form: re.Pattern[str]) -> Iterator[Entry]:
    head: re.Match[str] | None = None
    start = first
    body: list[str] = []
    for n, line in enumerate(lines[first:], first):
        match = _head(form, line)
        if match is None:
            is_text = not (_FOOTER.fullmatch(line.strip()) or _RULE.fullmatch(line.strip()))
            body += [line] if is_text else []
            continue
        if head is not None:
            yield _entry(start, head, body)
        head = match
        start = n
        body = []
    if head is not None:
        yield _entry(start, head, body)


def _entry(start: int, head: re.Match[str], body: Sequence[str]) -> Entry:
    text = "\n".join(body).strip("\n")
    return Entry(start + 1, head["stamp"].strip(), head["name"].strip(), text)
