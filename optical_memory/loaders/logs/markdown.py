"""Conversations that exporters write as Markdown: lines such as `## Prompt:` or `**Cursor**` name
who speaks.

`marks` decides by the whole file which lines do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.logs.entries import (
    EXPORTERS_LINE,
    Entry,
    is_rule,
    log_conversation,
    place_of,
)
from optical_memory.loaders.logs.marks import SpeakerMark, speaker_marks
from optical_memory.loaders.written_times import written_time

__all__ = [
    "is_markdown_chat",
    "markdown_chat",
    "marked_entries",
]

_EXPORTER = re.compile(
    r"_?(?:Powered by|Exported (?:with|by|from|using)|Generated (?:with|by)) .{0,200}",
    re.IGNORECASE,
)


def is_markdown_chat(text: str) -> bool:
    """Headings or bold words of one form name the user and the assistant."""
    return bool(_marks(text.split("\n")))


def _marks(lines: Sequence[str]) -> list[SpeakerMark]:
    marks = speaker_marks(lines)
    return marks if marks and marks[0].kind != "label" else []


def markdown_chat(
    source: Path | Document | str, day_first: bool | None = None
) -> list[Conversation]:
    """One conversation from an export in Markdown (a `Path`, a `Document`, or the text).

    Lines before the first mark are the preface, in `meta`. Raises `InputError` if no lines name a
    user and an assistant.
    """
    lines = text_of(source).replace("\r\n", "\n").split("\n")
    marks = _marks(lines)
    if not marks:
        raise InputError(
            f"{stem(source)}: no lines name the speakers; write `## User` and `## Assistant`"
        )
    n_lines = _end(lines)
    entries = list(marked_entries(lines[:n_lines], marks))
    left_out = [
        LeftOut(place_of(n), EXPORTERS_LINE, line.strip())
        for n, line in enumerate(lines[n_lines:], n_lines + 1)
        if line.strip() and not is_rule(line)
    ]
    meta = _meta(lines[: marks[0].line])
    return [
        log_conversation(stem(source), entries, meta=meta, left_out=left_out, day_first=day_first)
    ]


def _meta(preface: Sequence[str]) -> dict[str, str]:
    text = "\n".join(line for line in preface if not is_rule(line)).strip()
    title = re.match(r"#+ +(.*)", text)
    meta = {"title": title[1].strip()} if title else {}
    if text:
        meta["preface"] = text
    return meta


def _end(lines: Sequence[str]) -> int:
    """The number of lines without the exporter's last line and the rule before it."""
    rest = [n for n, line in enumerate(lines) if line.strip()]
    if rest and _EXPORTER.fullmatch(lines[rest[-1]].strip()):
        return rest[-2] if len(rest) > 1 and is_rule(lines[rest[-2]]) else rest[-1]
    return len(lines)


def marked_entries(lines: Sequence[str], marks: Sequence[SpeakerMark]) -> Iterator[Entry]:
    """The turns that the marks begin.

    If a line with nothing but a time follows each mark, it is the time of the turn.
    """
    ends = [*(mark.line for mark in marks[1:]), len(lines)]
    bodies = []
    for mark, end in zip(marks, ends, strict=True):
        rows = [mark.text, *lines[mark.line + 1 : end]]
        text = "\n".join(rows if end == len(lines) else _without_last_rule(rows))
        bodies.append(text.strip("\n"))
    have_stamps = all(_stamp_and_rest(body) for body in bodies if body.strip())
    for mark, body in zip(marks, bodies, strict=True):
        stamp, text = (have_stamps and _stamp_and_rest(body)) or (mark.stamp, body)
        model = f"[{mark.model}]\n" if mark.model else ""
        yield Entry(mark.line + 1, stamp, mark.label, model + text, mark.role)


def _stamp_and_rest(body: str) -> tuple[str, str] | None:
    """The time in the first line, and the other lines; None if either is not there."""
    first, _, rest = body.strip("\n").partition("\n")
    stamp = first.strip().strip("_*<>")
    return (stamp, rest.strip("\n")) if rest.strip() and written_time(stamp) else None


def _without_last_rule(body: Sequence[str]) -> list[str]:
    """The lines without a rule at their end, which parts turns."""
    n_lines = len(body)
    while n_lines and not body[n_lines - 1].strip():
        n_lines -= 1
    if n_lines and is_rule(body[n_lines - 1]):
        n_lines -= 1
    return list(body[:n_lines])
