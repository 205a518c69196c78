"""Gemini's `MyActivity.html` of Google's Takeout: the same activities as in `MyActivity.json`, as
cells of a page.

A cell says what the person did, then the time in a line of its own, then the answer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from optical_memory.loaders.chats.gemini_takeout import gemini_takeout
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.exports.markup import html_text
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.times import parse_moment

__all__ = [
    "is_takeout_page",
    "takeout_page",
]

_CELL = re.compile(r'<div class="outer-cell[^<>]*>(.*?)(?=<div class="outer-cell|\Z)', re.DOTALL)
_BODY = re.compile(r'<div class="content-cell[^"]*mdl-typography--body-1">')
_BODY_END = re.compile(r'</div>\s*(?=<div class="content-cell)')
_TIME_LINE = re.compile(r"(?=.{8,60}\Z)(?=.*\b\d{4}\b).*\b\d{1,2}:\d\d(?::\d\d)?\b.*")
"""A line with a year and a clock, and little else."""

_ZONE_NAME = re.compile(r" [A-Z]{3,5}\Z")


def is_takeout_page(text: str) -> bool:
    """True if the page has cells of activities of Gemini, or of Bard as it was called."""
    beginning = text[:200_000]
    return 'class="outer-cell' in beginning and bool(re.search(r">\s*(Gemini|Bard)\b", beginning))


def takeout_page(source: Path | Document | str) -> list[Conversation]:
    """The conversation of all activities, the oldest first.

    Raises `InputError` if there are no questions.
    """
    activities = [_activity(cell[1]) for cell in _CELL.finditer(text_of(source))]
    path = Path(f"{stem(source)}.html")
    return gemini_takeout(Document(path, "", activities))


def _activity(cell: str) -> dict[str, Any]:
    """A cell as an item of `MyActivity.json`."""
    body = _BODY.search(cell)
    end = _BODY_END.search(cell, body.end()) if body else None
    text = html_text(cell[body.end() : end.start()] if body and end else cell)
    lines = text.replace("\u202f", " ").replace("\xa0", " ").split("\n")
    n = next((n for n, line in enumerate(lines) if n and _TIME_LINE.fullmatch(line)), len(lines))
    files = [line.lstrip("- ") for line in lines[:n] if line.startswith("- ")]
    title = [line for line in lines[:n] if not line.startswith("- ")]
    answer = "\n".join(lines[n + 1 :]).strip()
    return {
        "title": "\n".join(title),
        "time": _time(lines[n]) if n < len(lines) else None,
        "attachedFiles": files,
        "answer": answer,
    }


def _time(line: str) -> str | None:
    """The time of a line as ISO 8601; None if it is written in a way that we do not know.

    A name that several zones have, such as CST, is passed over: no zone is known.
    """
    time = parse_moment(line) or parse_moment(_ZONE_NAME.sub("", line))
    return time.isoformat() if time else None
