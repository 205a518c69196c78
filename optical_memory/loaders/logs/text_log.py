"""Plain text and Markdown logs: lines that name a speaker begin a turn; a text that names none is
read by paragraphs.

The whole file decides which form of line names its speakers; other labels are text. A speaker's
time becomes the turn's time if it has a date. A bare clock time stays in the text, so that it is
not lost.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import Entry, log_conversation, paragraphs
from optical_memory.loaders.logs.fences import lines_outside_fences
from optical_memory.loaders.logs.markdown import marked_entries
from optical_memory.loaders.logs.marks import speaker_marks
from optical_memory.loaders.logs.speakers import is_log_level, is_name, is_nick, role_of

__all__ = ["text_log"]

_STAMP = (
    r"(?P<stamp>\d[\d/.:, T-]*\d(?:[ \u00a0\u202f]?[AaPp]\.?[Mm]\b\.?)?"
    r"(?:Z|[+-]\d\d:?\d\d| UTC)?)"
)
_NAME = r"(?P<name>[^\W\d_][\w .'’-]{0,39}?)"
_STAMPED = tuple(
    re.compile(pattern)
    for pattern in (
        # [12:01] <bob> IRC
        rf"\[?{_STAMP}\]?\s+<[@+%~& ]?(?P<name>[^<>\s]{{1,40}})> ?(?P<text>.*)",
        # [12:01] bob: chat clients
        rf"\[{_STAMP}\]\s+{_NAME}: ?(?P<text>.*)",
        # 31/12/2025, 14:05 - Alice: WhatsApp
        rf"{_STAMP} [-–] {_NAME}: ?(?P<text>.*)",
        # 2025-12-31 14:05 Alice: bots
        rf"(?=[^A-Za-z]*\d:\d\d|\d{{4}}-\d\d-\d\dT){_STAMP}\s+{_NAME}: (?P<text>.*)",
    )
)
_ANGLE = re.compile(r"(?P<stamp>)<[@+%~& ]?(?P<name>[^<>\s/]{1,40})> (?P<text>.*)")
"""<bob> IRC without times"""

_BOLD = re.compile(rf"(?P<stamp>)\*\*{_NAME}(?::\*\*|\*\*:) ?(?P<text>.*)")
"""**Alice**: and **Alice:** Markdown"""

_LABEL = re.compile(rf"(?P<stamp>){_NAME}(?:: ?(?!//)|：)(?P<text>.*)")
"""`Alice: hello`, a speaker only if the labels of the log look like speakers."""

_SHARE_OF_LINES = 1 / 3
"""So many lines begin with the time and the name in a log whose first line does not."""

_LEAST_SHARE = 1 / 20
"""So many lines at least begin with a name in a chat of people; in documents it is fewer."""

_MAX_PREFACE = 3
"""Lines before the first name of a chat: a title."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A line (0 is the first) that begins a turn."""

    line: int
    stamp: str
    name: str
    text: str


def text_log(source: Path | Document | str, day_first: bool | None = None) -> list[Conversation]:
    """One conversation from a log (a `Path`, a `Document`, or the text).

    Of two named speakers the first is the user and the second the assistant; of more, all are users
    by name. Every line that is not blank occurs in a turn. `day_first` says how to read 3/4/2024;
    by default the whole log decides. Raises `InputError` if all lines are blank.
    """
    text = text_of(source).replace("\r\n", "\n")
    entries = list(_entries(text.split("\n")))
    if not any(entry.has_words for entry in entries):
        entries = [Entry(n, "", "", part.strip("\n"), "user") for n, part in paragraphs(text)]
    return [log_conversation(stem(source), entries, day_first=day_first)]


def _entries(lines: Sequence[str]) -> Iterator[Entry]:
    """The turns of a text that names speakers, with the lines before the first; else nothing."""
    marks = speaker_marks(lines)
    starts = _starts(lines)
    if not marks and not starts:
        return
    first = min(series[0].line for series in (marks, starts) if series)
    preface = "\n".join(lines[:first])
    if preface.strip():
        yield Entry(1, "", "", preface, "user")
    if marks and marks[0].line == first:
        yield from marked_entries(lines, marks)
        return
    ends = [*(start.line for start in starts[1:]), len(lines)]
    for start, end in zip(starts, ends, strict=True):
        text = "\n".join([start.text, *lines[start.line + 1 : end]])
        yield Entry(start.line + 1, start.stamp, start.name, text)


def _starts(lines: Sequence[str]) -> list[_Start]:
    """The lines that begin turns: of the form that comes first."""
    free_lines = [
        (n, line) for n, (line, is_free) in enumerate(lines_outside_fences(lines)) if is_free
    ]
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    series = [_timed(_of_form(form, free_lines), first, _n_lines(lines)) for form in _STAMPED]
    series.append(_in_angles(_of_form(_ANGLE, free_lines), first))
    series.append(_bold(_of_form(_BOLD, free_lines), lines))
    series.append(_labelled(_of_form(_LABEL, free_lines), lines))
    return min(filter(None, series), key=lambda starts: starts[0].line, default=[])


def _of_form(form: re.Pattern[str], lines: Sequence[tuple[int, str]]) -> list[_Start]:
    starts = []
    for n, line in lines:
        match = form.fullmatch(line)
        if match:
            starts.append(_Start(n, match["stamp"], match["name"].strip(), match["text"]))
    return starts


def _timed(starts: list[_Start], first: int, n_lines: int) -> list[_Start]:
    """The starts if the first line is among them, or if they are many; none of a server's log."""
    is_log = starts and (starts[0].line == first or len(starts) >= _SHARE_OF_LINES * n_lines)
    has_levels = any(is_log_level(start.name) for start in starts)
    return starts if is_log and not has_levels else []


def _in_angles(starts: list[_Start], first: int) -> list[_Start]:
    """The starts if the first line is among them and none looks like HTML."""
    is_log = starts and starts[0].line == first
    return starts if is_log and not any("</" in start.text for start in starts) else []


def _bold(starts: list[_Start], lines: Sequence[str]) -> list[_Start]:
    """The starts whose names are roles or look like names.

    One name comes again, or each line is a turn: bold words begin paragraphs of documents too.
    """
    bold = [start for start in starts if _is_speaker(start.name)]
    if not bold or _n_lines(lines[: bold[0].line]) > _MAX_PREFACE:
        return []
    is_again = len({start.name for start in bold}) < len(bold)
    return bold if is_again or 1 < len(bold) == _n_lines(lines) else []


def _labelled(starts: list[_Start], lines: Sequence[str]) -> list[_Start]:
    """The starts whose labels are speakers, unlike `Note`; two or more, the first at the top."""
    if not starts or _n_lines(lines[: starts[0].line]) > _MAX_PREFACE:
        return []
    for names in (_speakers(starts, _is_speaker), _speakers(starts, is_nick)):
        labels = [start for start in starts if start.name in names]
        is_log = starts[0].name in names and len(names) > 1
        if is_log and _is_talk(labels, _n_lines(lines)):
            return labels
    return []


def _speakers(starts: Sequence[_Start], is_speaker: Callable[[str], bool]) -> set[str]:
    """The labels that are speakers: names that come again after the first speaker has spoken in
    between. A list inside of a message has its labels in one place.

    If there is no such name but the first, a role need not come again.
    """
    parts = _parts(starts)
    names = {name for name, places in parts.items() if len(places) > 1 and is_speaker(name)}
    if names - {starts[0].name}:
        return names
    roles = {name for name in parts if role_of(name)}
    return names | roles


def _is_talk(labels: Sequence[_Start], n_lines: int) -> bool:
    """Roles speak at any length. People say little at a time, and nicks say sentences too: settings
    in a file have labels in small letters, and values of a word.
    """
    names = {label.name for label in labels}
    if any(map(role_of, names)):
        return True
    if all(map(is_name, names)):
        return len(labels) >= _LEAST_SHARE * n_lines
    n_sentences = sum(label.text.strip().count(" ") > 1 for label in labels)
    return len(labels) >= n_lines / 2 and n_sentences >= len(labels) / 4


def _parts(starts: Sequence[_Start]) -> Mapping[str, set[int]]:
    """The parts of the log in which each name stands; a part begins with the first speaker."""
    parts: dict[str, set[int]] = defaultdict(set)
    part = 0
    for start in starts:
        part += start.name == starts[0].name
        parts[start.name].add(part)
    return parts


def _is_speaker(name: str) -> bool:
    return role_of(name) is not None or is_name(name)


def _n_lines(lines: Sequence[str]) -> int:
    """The number of lines that are not blank."""
    return sum(bool(line.strip()) for line in lines)
