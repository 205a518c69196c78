"""Plain text and Markdown logs: lines that name a speaker begin a turn; a text that names none is
read by paragraphs.

A speaker's time becomes the turn's time if it has a date. A bare clock time stays in the text, so
that it is not lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optical_memory.loaders.conversation import Conversation, conversation
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.times import parse_moment
from optical_memory.turns import Role, Turn

__all__ = ["text_log"]

_STAMP = r"(?P<stamp>\d[\d/.:, T-]*\d(?:\s?[AaPp][Mm]\b)?Z?)"
_NAME = r"(?P<name>[^\W\d_][\w .'’-]{0,39}?)"
_STRICT = tuple(
    re.compile(pattern)
    for pattern in (
        # [12:01] <bob> IRC
        rf"\[?{_STAMP}\]?\s+<[@+%~& ]?(?P<name>[^<>\s]{{1,40}})> ?(?P<text>.*)",
        # [12:01] bob: chat clients
        rf"\[{_STAMP}\]\s+{_NAME}: ?(?P<text>.*)",
        # 31/12/2025, 14:05 - Alice: WhatsApp
        rf"{_STAMP} - {_NAME}: ?(?P<text>.*)",
        # <bob> IRC without times
        r"(?P<stamp>)<(?P<name>[^<>\s/]{1,40})> (?P<text>.*)",
        # **Alice**: and **Alice:** Markdown
        rf"(?P<stamp>)\*\*{_NAME}(?::\*\*|\*\*:) ?(?P<text>.*)",
    )
)
"""Lines that name a speaker whoever it is."""

_LOOSE = re.compile(rf"(?P<stamp>){_NAME}: ?(?P<text>.*)")
"""`Alice: hello`, a speaker only if the labels of the log look like speakers."""

_HEADING = re.compile(r"(?P<stamp>)#{1,4} (?P<name>[A-Za-z]+):?(?P<text>)\s*")
"""`## User`, a speaker only if it names a role."""

_PROGRAMS = ("ai", "bot", "chatgpt", "claude", "gemini", "gpt")
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "me", "you", "question", "prompt"), "user"),
    **dict.fromkeys(("assistant", "agent", "model", "answer", *_PROGRAMS), "assistant"),
    "system": "system",
    "tool": "tool",
}
"""Speakers that are roles, in lower case."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """The lines of one turn, with the time and the name before them ("" if there are none)."""

    stamp: str
    speaker: str
    lines: tuple[str, ...]

    @property
    def is_turn(self) -> bool:
        return bool(self.speaker) or any(line.strip() for line in self.lines)


def text_log(source: Path | Document | str) -> list[Conversation]:
    """One conversation from a log (a `Path`, a `Document`, or the text).

    Of two named speakers the first is the user and the second the assistant; of more, all are users
    by name. Every line that is not blank occurs in a turn. Raises `InputError` if all are blank.
    """
    text = text_of(source).replace("\r\n", "\n")
    entries = list(_entries(text.split("\n")))
    speakers = [entry.speaker for entry in entries if entry.speaker]
    if speakers:
        roles = _roles(speakers)
        turns = [_turn(entry, roles) for entry in entries if entry.is_turn]
    else:
        paragraphs = re.split(r"\n[ \t]*\n+", text)
        turns = [Turn("user", part.strip("\n")) for part in paragraphs if part.strip()]
    return [conversation(stem(source), turns)]


def _entries(lines: list[str]) -> Iterator[_Entry]:
    """The lines by speaker; those before the first speaker have none."""
    speakers = _speakers(lines)
    stamp = ""
    speaker = ""
    texts: list[str] = []
    for line, may_name_speaker in _outside_fences(lines):
        match = _match(line, speakers) if may_name_speaker else None
        if match is None:
            texts.append(line)
            continue
        yield _Entry(stamp, speaker, tuple(texts))
        stamp = match["stamp"]
        speaker = match["name"].strip()
        texts = [match["text"]]
    yield _Entry(stamp, speaker, tuple(texts))


def _outside_fences(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it may name a speaker: not within a fenced block of code."""
    is_inside = False
    for line in lines:
        is_fence = line.lstrip().startswith("```") and line.count("```") == 1
        yield line, not (is_inside or is_fence)
        is_inside ^= is_fence


def _match(line: str, speakers: set[str]) -> re.Match[str] | None:
    """The name, time and text in a line that names a speaker."""
    for pattern in _STRICT:
        match = pattern.fullmatch(line)
        if match:
            return match
    heading = _HEADING.fullmatch(line)
    if heading and heading["name"].lower() in _ROLES:
        return heading
    loose = _LOOSE.fullmatch(line)
    return loose if loose and loose["name"] in speakers else None


def _speakers(lines: list[str]) -> set[str]:
    """Labels that are speakers, unlike "Note": roles and names that come again, in a log that
    starts with one of them.
    """
    free_lines = [line for line, is_free in _outside_fences(lines) if is_free]
    counts = Counter(filter(None, map(_label, free_lines)))
    speakers = {label for label, n in counts.items() if label.lower() in _ROLES or n > 1}
    first_line = next((line for line in lines if line.strip()), "")
    return speakers if len(speakers) > 1 and _label(first_line) in speakers else set()


def _label(line: str) -> str | None:
    """The word before the colon of a line such as `Alice: hello`."""
    match = _LOOSE.fullmatch(line)
    return match["name"] if match else None


def _roles(speakers: list[str]) -> dict[str, Role]:
    """The role of each speaker."""
    names = list(dict.fromkeys(speakers))
    # Two people, none of them called by a role: a chat, in which the first to speak is the user.
    if len(names) == 2 and not any(name.lower() in _ROLES for name in names):
        return {names[0]: "user", names[1]: "assistant"}
    return {name: _ROLES.get(name.lower(), "user") for name in names}


def _turn(entry: _Entry, roles: dict[str, Role]) -> Turn:
    time = parse_moment(entry.stamp) if entry.stamp else None
    clock = f"[{entry.stamp}] " if entry.stamp and time is None else ""
    is_role = entry.speaker.lower() in _ROLES
    name = entry.speaker if entry.speaker and not is_role else None
    text = clock + "\n".join(entry.lines).strip("\n")
    return Turn(roles.get(entry.speaker, "user"), text, name=name, when=time)
