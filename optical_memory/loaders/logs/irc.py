"""Logs of IRC as irssi, WeeChat, ZNC and HexChat write them, with the day that they tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import NOTICE, Entry, log_conversation, place_of
from optical_memory.loaders.written_times import written_time

__all__ = [
    "irc_log",
    "is_irc_log",
]

_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?"
_STAMP = rf"\[?(?P<stamp>(?:\d{{4}}-\d\d-\d\d[T ])?{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?)\]?"
_NICK = r"[^\s<>:*]{1,40}"
_MESSAGE = re.compile(rf"{_STAMP}\s+<(?P<sign>[@+%~&! ]?)(?P<name>{_NICK})> ?(?P<text>.*)")
_ACTION = re.compile(rf"{_STAMP} +\* (?P<text>(?P<name>{_NICK}) .*)")
_WEECHAT = re.compile(
    rf"(?P<stamp>\d{{4}}-\d\d-\d\d {_CLOCK})\t(?P<name>[^\t]{{0,40}})\t(?P<text>.*)"
)
_NOTICE = re.compile(
    rf"{_STAMP}\s+(?:-!-|\*{{3}}|-->|<--|--|={{3}}|\*\t).*|={{3}} .*|--- .*|\*{{4}} .*"
)
_DAY = re.compile(
    r"(?:--- (?:Log opened|Day changed|Log closed)|\*{4} (?:BEGIN|ENDING) LOGGING AT) (?P<day>.+)"
)
_WEECHAT_NOTICES = frozenset({"-->", "<--", "--", "=!=", "", "*", "ℹ"})


def is_irc_log(text: str) -> bool:
    """Half of the first lines or more are messages or notices of IRC, and the first is."""
    lines = [line.rstrip() for line in text[:8000].split("\n") if line.strip()][:50]
    if not lines or not _is_irc(lines[0]):
        return False
    has_messages = any(_MESSAGE.fullmatch(line) or _WEECHAT.fullmatch(line) for line in lines)
    return has_messages and 2 * sum(map(_is_irc, lines)) >= len(lines)


def irc_log(source: Path | Document | str) -> list[Conversation]:
    """One conversation from a log of a channel (a `Path`, a `Document`, or the text).

    Who joins and leaves is left out. Raises `InputError` if nobody says anything.
    """
    lines = text_of(source).replace("\r\n", "\n").split("\n")
    left_out = [
        LeftOut(place_of(n), NOTICE, line.strip())
        for n, line in enumerate(lines, 1)
        if line.strip() and _is_notice(line)
    ]
    entries = list(_entries(lines))
    if not entries:
        raise InputError(
            f"{stem(source)}: no turns in it; take a log with at least one <nick> and words"
        )
    return [log_conversation(stem(source), entries, left_out=left_out, are_people=True)]


def _is_irc(line: str) -> bool:
    return _message(line) is not None or _is_notice(line)


def _is_notice(line: str) -> bool:
    weechat = _WEECHAT.fullmatch(line)
    if weechat:
        return _nick(weechat["name"]) in _WEECHAT_NOTICES and _action(weechat) is None
    return _message(line) is None and _NOTICE.fullmatch(line) is not None


def _message(line: str) -> tuple[str, str, str] | None:
    """The time, the name and the words of a message or an action (`* Ana waves`)."""
    weechat = _WEECHAT.fullmatch(line)
    if weechat and _nick(weechat["name"]) not in _WEECHAT_NOTICES:
        return weechat["stamp"], _nick(weechat["name"]), weechat["text"]
    if weechat:
        return _action(weechat)
    match = _MESSAGE.fullmatch(line)
    if match:
        return match["stamp"], match["name"], match["text"]
    match = _ACTION.fullmatch(line)
    return (match["stamp"], match["name"], f"* {match['text']}") if match else None


def _action(weechat: re.Match[str]) -> tuple[str, str, str] | None:
    if weechat["name"].strip() != "*":
        return None
    return weechat["stamp"], weechat["text"].partition(" ")[0], f"* {weechat['text']}"


def _nick(name: str) -> str:
    return name.strip().lstrip("@+%~&")


def _entries(lines: Sequence[str]) -> Iterator[Entry]:
    day = ""
    entry: Entry | None = None
    for n, line in enumerate(lines, 1):
        opening = _DAY.fullmatch(line)
        message = _message(line)
        if message is None and not _is_notice(line):
            if entry is not None:
                entry = replace(entry, text=f"{entry.text}\n{line}")
            elif line.strip():
                entry = Entry(n, "", "", line)
            continue
        if entry is not None:
            yield entry
            entry = None
        if message is not None:
            stamp, name, text = message
            entry = Entry(n, f"{day} {stamp}".strip(), name, text)
        elif opening is not None:
            day = _day(opening["day"])
    if entry is not None:
        yield entry


def _day(text: str) -> str:
    """The date of a line such as `--- Day changed Fri Aug 13 2021`, as ISO writes it."""
    parts = written_time(text)
    time = None if parts is None else parts.moment()
    return "" if time is None else time.date().isoformat()
