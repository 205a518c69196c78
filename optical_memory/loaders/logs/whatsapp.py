"""Chats as WhatsApp exports them on iPhones and on Android, in the forms of all languages.

A line with a time begins a message; lines without a time go on. On iPhones a sign of direction
(U+200E) stands before words that WhatsApp itself wrote.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import NOTICE, Entry, log_conversation, place_of
from optical_memory.loaders.logs.speakers import is_log_level
from optical_memory.loaders.logs.whatsapp_notices import (
    DELETED,
    EDITED,
    FILE_ADDED,
    NOTICES,
    OMITTED,
)
from optical_memory.loaders.time_words import HALF
from optical_memory.turns import Attachment, AttachmentKind

__all__ = [
    "is_whatsapp",
    "whatsapp",
]

_MARK = "\u200e"
_MARKS = "[\u200e\u200f\u202a-\u202e\ufeff]*"
_BLANK = "[ \u00a0\u202f]"
_DATE = r"\d{1,4}\.?[./\-年]" + _BLANK + r"?\d{1,2}[./\-月]" + _BLANK + r"?\d{1,4}[.日]?"
_TIME = rf"(?:{HALF}{_BLANK}?)?\d{{1,2}}[:.]\d\d(?:[:.]\d\d)?(?:{_BLANK}?{HALF})?"
_LINK = rf"(?:[,،]?{_BLANK}(?:klo|às|um|at|kl\.?|de|a las|à){_BLANK}|[,،]?{_BLANK})"
_STAMP = rf"(?P<stamp>{_DATE}{_LINK}{_TIME})"
_FORMS = (
    re.compile(rf"{_MARKS}\[{_STAMP}\]{_BLANK}(?P<words>.*)"),  # iPhone
    re.compile(rf"{_MARKS}{_STAMP}{_BLANK}[-–]{_BLANK}(?P<words>.*)"),  # Android
)
_NAMED = re.compile(rf"{_MARKS}+(?P<name>[^:\n]{{1,80}}?){_MARKS}:(?: (?P<text>.*)|)", re.DOTALL)
_NUMBER = "[\u2068\u2069\u202a\u202c\u200e]|^~[ \u202f\u00a0]?"
"""Signs around a number, and the sign before the name of somebody who is not in the contacts."""

_LONG_NAME = 20
"""Longer names are looked at: `Ana changed the subject to "Trip` is none."""

_LONG_SENTENCE = 60
"""Characters. Shorter words about encryption may be a person's, and longer words are no mark of
WhatsApp's without a sign before them.
"""

_IPHONE_FILE = re.compile("\u200e?<(?P<words>[^<>:\n]{2,25}): ?(?P<file>[^<>\n]+\\.\\w{1,5})>")
_ANDROID_FILE = re.compile(
    rf"{_MARKS}(?P<file>[^\n]{{1,200}}\.\w{{1,5}}) \((?P<words>[^()\n]{{4,30}})\)(?=\n|$)"
)
_CAMERA_FILE = re.compile(r"(?:IMG|VID|PTT|AUD|STK|DOC|PHOTO|GIF)-\d{8}-WA\d+\.\w+")
_KINDS: dict[str, AttachmentKind] = {
    **dict.fromkeys(["jpg", "jpeg", "png", "gif", "webp", "heic"], "image"),
    **dict.fromkeys(["opus", "ogg", "mp3", "m4a", "aac", "wav", "amr"], "audio"),
    **dict.fromkeys(["mp4", "mov", "3gp", "mkv", "webm"], "video"),
}
"""Not by `mimetypes`: it takes 3gp for sound, and knows m4a, amr and mkv on some machines only."""

_OMITTED = "a file that was not exported with the chat"
_DELETED = "a message that was deleted or never came"
_AROUND = "the program's words around the names of files; told once"
_EDITED = "the program's note that a message was edited"


@dataclass(frozen=True, slots=True)
class _Message:
    """Lines from one time to the next; `name` is None for a line that names nobody."""

    line: int
    stamp: str
    name: str | None
    text: str

    @property
    def is_marked(self) -> bool:
        """WhatsApp wrote the text, on an iPhone."""
        return self.text.startswith(_MARK)


def is_whatsapp(text: str) -> bool:
    """The first line that is not blank begins a message or a notice of WhatsApp."""
    first_line = next((line for line in text[:4000].split("\n") if line.strip()), "")
    if _start(first_line) is None:
        return False
    messages = _messages(text[:20_000].split("\n"))
    names = {message.name for message in messages if message.name is not None}
    return bool(names) and not any(map(is_log_level, names))


def whatsapp(source: Path | Document | str, day_first: bool | None = None) -> list[Conversation]:
    """One conversation from a chat (a `Path`, a `Document`, or the text).

    `day_first` says how to read 3/4/2024; by default the whole chat decides. Files are attachments.
    Notices, marks of files that were not exported and deleted messages are left out. Raises
    `InputError` if nobody says anything.
    """
    text = text_of(source).replace("\r\n", "\n")
    messages = list(_messages(text.split("\n")))
    notices = _notices(messages)
    entries: list[Entry] = []
    left_out = _words_around_files(messages)
    for i, message in enumerate(messages):
        if i in notices:
            left_out.append(_left_out(message, NOTICE, _whole(message)))
            continue
        entry, rest = _entry(message)
        left_out += rest
        if entry.has_words or not rest:
            entries.append(entry)
    return [
        log_conversation(
            stem(source), entries, left_out=left_out, day_first=day_first, are_people=True
        )
    ]


def _start(line: str) -> re.Match[str] | None:
    matches = (form.fullmatch(line) for form in _FORMS)
    return next(filter(None, matches), None)


def _sign(start: re.Match[str]) -> tuple[re.Pattern[str], str]:
    """The form of a line, and the sign in its date: a chat has one form, a quoted log another."""
    return start.re, re.sub(r"[\d\s]", "", start["stamp"])[:1]


def _messages(lines: Sequence[str]) -> Iterator[_Message]:
    message: _Message | None = None
    more_lines: list[str] = []
    sign = None
    for n, line in enumerate(lines, 1):
        start = _start(line)
        if start is not None and sign in {None, _sign(start)}:
            sign = _sign(start)
            if message is not None:
                yield _with_lines(message, more_lines)
            message = _message(n, start)
            more_lines = []
        elif message is not None:
            more_lines.append(line)
        elif line.strip():
            yield _Message(n, "", None, line)
    if message is not None:
        yield _with_lines(message, more_lines)


def _with_lines(message: _Message, lines: Sequence[str]) -> _Message:
    return replace(message, text="\n".join([message.text, *lines]))


def _message(n: int, start: re.Match[str]) -> _Message:
    words = start["words"]
    match = _NAMED.fullmatch(words)
    is_notice = match and len(match["name"]) > _LONG_NAME and NOTICES.search(match["name"])
    if match is None or is_notice:
        return _Message(n, start["stamp"], None, words)
    name = re.sub(_NUMBER, "", match["name"]).strip()
    return _Message(n, start["stamp"], name or match["name"], match["text"] or "")


def _notices(messages: Sequence[_Message]) -> set[int]:
    """The positions of messages that nobody said.

    On iPhones notices stand under the name of the group, all of whose messages are marked, and the
    first of a chat, about encryption, under the name of the other person.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    notices = set()
    for i, message in enumerate(messages):
        if message.name is None:
            notices.add(i)
        else:
            by_name[message.name].append(i)
    for positions in by_name.values():
        if all(_is_notice(messages[i]) for i in positions):
            notices.update(positions)
        elif _is_notice(messages[positions[0]]) and NOTICES.search(messages[positions[0]].text):
            notices.add(positions[0])
    return notices


def _is_notice(message: _Message) -> bool:
    is_encryption = "end-to-end encrypted" in message.text and len(message.text) > _LONG_SENTENCE
    if not message.is_marked:
        return is_encryption
    is_file = _IPHONE_FILE.search(message.text) or _ANDROID_FILE.match(message.text)
    return not (is_file or OMITTED.search(message.text))


def _entry(message: _Message) -> tuple[Entry, list[LeftOut]]:
    """A person's message without the words that WhatsApp added, and those words."""
    text = message.text.rstrip("\n")
    left_out = []
    is_short = len(text) < _LONG_SENTENCE
    has_marks = "<" in text or _MARK in text
    for pattern, reason in ((EDITED, _EDITED), (OMITTED, _OMITTED)):
        match = pattern.search(text) if has_marks else is_short and pattern.fullmatch(text)
        if match and _is_apart(text, match):
            left_out.append(_left_out(message, reason, match[0].strip(f" {_MARK}")))
            text = f"{text[: match.start()]}{text[match.end() :]}"
    if is_short and DELETED.fullmatch(text.strip(f" \n{_MARK}")):
        left_out.append(_left_out(message, _DELETED, text.strip(f" \n{_MARK}")))
        text = ""
    text, attachments = _files(text)
    text = text.replace(_MARK, "").strip("\n")
    return Entry(
        message.line, message.stamp, message.name or "", text, attachments=attachments
    ), left_out


def _is_apart(text: str, match: re.Match[str]) -> bool:
    """WhatsApp wrote the words: they are marked, in pointed brackets, or the whole line."""
    line_end = text.find("\n", match.end())
    rest = text[match.end() : len(text) if line_end < 0 else line_end]
    start = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    is_bracket = match[0].strip().strip(_MARK).startswith("<")
    return is_bracket or start.endswith(_MARK) or not (rest.strip() or start.strip())


def _files(text: str) -> tuple[str, tuple[Attachment, ...]]:
    """The text without the names of files, and the files."""
    names = [file["file"].strip() for file in _IPHONE_FILE.finditer(text)]
    text = _IPHONE_FILE.sub("", text)
    match = _ANDROID_FILE.match(text)
    if match and _is_file(match):
        names.append(match["file"].strip())
        text = text[match.end() :]
    return text, tuple(Attachment(_kind(name), name) for name in names)


def _words_around_files(messages: Sequence[_Message]) -> list[LeftOut]:
    """What stands beside the names of files, such as `attached`: each word once."""
    left_out: dict[str, LeftOut] = {}
    for message in messages:
        for match in _IPHONE_FILE.finditer(message.text):
            left_out.setdefault(match["words"], _left_out(message, _AROUND, match["words"]))
        android = _ANDROID_FILE.match(message.text)
        if android and _is_file(android):
            left_out.setdefault(android["words"], _left_out(message, _AROUND, android["words"]))
    return list(left_out.values())


def _is_file(match: re.Match[str]) -> bool:
    return bool(_CAMERA_FILE.fullmatch(match["file"]) or FILE_ADDED.search(match["words"]))


def _kind(name: str) -> AttachmentKind:
    return _KINDS.get(name.rpartition(".")[2].lower(), "file")


def _whole(message: _Message) -> str:
    name = "" if message.name is None else f"{message.name}: "
    return f"{name}{message.text}".replace(_MARK, "")


def _left_out(message: _Message, reason: str, text: str) -> LeftOut:
    return LeftOut(place_of(message.line), reason, text)
