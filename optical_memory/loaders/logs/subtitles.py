"""Transcripts of meetings as subtitles: WebVTT, as Zoom and Teams write it, and SRT."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import Entry, log_conversation, paragraphs, place_of
from optical_memory.loaders.logs.speakers import is_name

__all__ = [
    "is_subtitles",
    "subtitles",
]

_CLOCK = r"(?:\d{1,3}:)?\d\d:\d\d[.,]\d{3}"
_TIMES = re.compile(rf"\s*(?P<start>{_CLOCK})\s+-->\s+{_CLOCK}(?P<settings>\s.*)?")
_VOICE = re.compile(
    r"<v(?:\.[^\s<>]*)?\s+(?P<name>[^<>\n]{1,100})>(?P<text>.*?)(?:</v>|(?=<v[.\s])|\Z)", re.DOTALL
)
_LABEL = re.compile(r"(?P<name>[^:\n]{1,60}): (?P<text>.+)", re.DOTALL)
_NOTE = "a note of the file, said by nobody"
_SETTING = "the place of lines on the screen; told once"
_TAG = re.compile(r"</?(?:[bciuv]|font|lang|rt|ruby)(?:[.\s][^<>]*)?>|<\d\d:[\d:.]+>")


@dataclass(frozen=True, slots=True)
class _Cue:
    line: int
    start: str
    name: str
    text: str


def is_subtitles(text: str) -> bool:
    """The text says that it is WebVTT, or begins as SRT: a number, then two times."""
    start = text.lstrip("\ufeff\n ")
    first, _, rest = start.partition("\n")
    if re.match(r"WEBVTT(?:\s|$)", first):
        return True
    return first.strip().isdecimal() and _TIMES.fullmatch(rest.partition("\n")[0]) is not None


def subtitles(source: Path | Document | str) -> list[Conversation]:
    """One conversation from WebVTT or SRT (a `Path`, a `Document`, or the text).

    Lines of a speaker that follow each other are one turn, which begins with its time in the
    recording. Raises `InputError` if nobody says anything.
    """
    text = text_of(source).replace("\r\n", "\n").lstrip("\ufeff")
    cues: list[_Cue] = []
    left_out = list(_settings(text.split("\n")))
    for line, block in paragraphs(text):
        rows = block.split("\n")
        times = next((i for i, row in enumerate(rows) if _TIMES.fullmatch(row)), None)
        note = "\n".join(rows[:times]).strip()
        if note and not note.isdecimal():
            left_out.append(LeftOut(place_of(line), _NOTE, note))
        if times is not None:
            cues += _cues(line, rows[times], "\n".join(rows[times + 1 :]))
    entries = list(_entries(cues))
    if not entries:
        raise InputError(
            f"{stem(source)}: no turns in it; take a file with at least one line below a time"
        )
    return [log_conversation(stem(source), entries, left_out=left_out, are_people=True)]


def _settings(lines: Sequence[str]) -> Iterator[LeftOut]:
    """Where on the screen lines stand: each setting once."""
    settings = set()
    for n, line in enumerate(lines, 1):
        match = _TIMES.fullmatch(line)
        words = (match["settings"] or "").strip() if match else ""
        if words and words not in settings:
            settings.add(words)
            yield LeftOut(place_of(n), _SETTING, words)


def _cues(line: int, times: str, text: str) -> Iterator[_Cue]:
    match = _TIMES.fullmatch(times)
    start = match["start"].partition(".")[0].partition(",")[0] if match else ""
    position = 0
    for voice in _VOICE.finditer(text):
        yield _Cue(line, start, "", _plain(text[position : voice.start()]))
        yield _Cue(line, start, html.unescape(voice["name"]).strip(), _plain(voice["text"]))
        position = voice.end()
    yield _Cue(line, start, "", _plain(text[position:]))


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()


def _entries(cues: list[_Cue]) -> Iterator[Entry]:
    """The turns. A line without a name is nobody's: it may be anybody's."""
    for name, group in groupby(_named_cues(cues), key=lambda cue: cue.name):
        turn = list(group)
        text = "\n".join(cue.text for cue in turn)
        yield Entry(turn[0].line, turn[0].start, name, text)


def _named_cues(cues: list[_Cue]) -> Iterator[_Cue]:
    """The cues with words; labels that look like names, or come again, are their names."""
    labels = Counter(label["name"] for label in map(_label, cues) if label)
    names = {label for label, n in labels.items() if is_name(label) or (n > 1 and " " in label)}
    for cue in cues:
        label = _label(cue)
        if label and label["name"] in names:
            yield _Cue(cue.line, cue.start, label["name"].strip(), label["text"].strip())
        elif cue.text:
            yield cue


def _label(cue: _Cue) -> re.Match[str] | None:
    """`Ana Li: hello` in a line without a voice, as Zoom writes it."""
    return None if cue.name else _LABEL.fullmatch(cue.text)
