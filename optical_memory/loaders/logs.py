"""Plain text and Markdown logs: lines that name a speaker begin a turn; a text that names none is
read by paragraphs.

A speaker's time becomes the turn's time if it has a date; a bare clock time stays in the text, so
that it is not lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from optical_memory.loaders.base import Conversation, conversation, parse_moment, read_text, stem
from optical_memory.turns import Role, Turn

__all__ = ["text_log"]

_STAMP = r"(?P<stamp>\d[\d/.:, T-]*\d(?:\s?[AaPp][Mm]\b)?Z?)"
_NAME = r"(?P<name>[^\W\d_][\w .'’-]{0,39}?)"
_STRICT = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\[?{_STAMP}\]?\s+<[@+%~& ]?(?P<name>[^<>\s]{{1,40}})> ?(?P<text>.*)",  # [12:01] <bob> IRC
        rf"\[{_STAMP}\]\s+{_NAME}: ?(?P<text>.*)",  # [12:01] bob: chat clients
        rf"{_STAMP} - {_NAME}: ?(?P<text>.*)",  # 31/12/2025, 14:05 - Alice: WhatsApp
        r"(?P<stamp>)<(?P<name>[^<>\s/]{1,40})> (?P<text>.*)",  # <bob> IRC without times
        rf"(?P<stamp>)\*\*{_NAME}(?::\*\*|\*\*:) ?(?P<text>.*)",  # **Alice**: and **Alice:** Markdown
    )
)
_LOOSE = re.compile(
    rf"(?P<stamp>){_NAME}: ?(?P<text>.*)"
)  # Alice: only if the labels look like speakers
_HEADING = re.compile(
    r"(?P<stamp>)#{1,4} (?P<name>[A-Za-z]+):?(?P<text>)\s*"
)  # ## User, if it names a role
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "me", "you", "question", "prompt"), "user"),
    **dict.fromkeys(
        (
            "assistant",
            "ai",
            "bot",
            "gpt",
            "chatgpt",
            "claude",
            "gemini",
            "agent",
            "model",
            "answer",
        ),
        "assistant",
    ),
    "system": "system",
    "tool": "tool",
}


def text_log(source: Path | str) -> list[Conversation]:
    """One conversation from a log (a `Path`, or its text).

    Of two named speakers the first is the user and the second the assistant; of more, all are users
    by name. Every line that is not blank occurs in a turn. Raises `InputError` if there is none.
    """
    text = (read_text(source) if isinstance(source, Path) else source).replace("\r\n", "\n")
    entries = list(_entries(text.split("\n")))
    if not any(who for _, who, _ in entries):
        turns = [
            Turn("user", part.strip("\n"))
            for part in re.split(r"\n[ \t]*\n+", text)
            if part.strip()
        ]
        return [conversation(stem(source), turns)]
    roles = _cast([who for _, who, _ in entries if who])
    turns = [
        _turn(stamp, who, lines, roles)
        for stamp, who, lines in entries
        if who or any(map(str.strip, lines))
    ]
    return [conversation(stem(source), turns)]


def _entries(lines: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """(stamp, speaker, lines) of every turn; what stands before the first speaker has none."""
    speakers = _speakers(lines)
    stamp, who, said = "", "", list[str]()
    for line in _outside_fences(lines):
        if found := _match(line[0], speakers) if line[1] else None:
            yield stamp, who, said
            stamp, who, said = found["stamp"], found["name"].strip(), [found["text"]]
        else:
            said.append(line[0])
    yield stamp, who, said


def _outside_fences(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Every line, and whether it may name a speaker: not within a fenced block of code."""
    inside = False
    for line in lines:
        fence = line.lstrip().startswith("```") and line.count("```") == 1
        yield line, not (inside or fence)
        inside ^= fence


def _match(line: str, speakers: set[str]) -> re.Match[str] | None:
    for pattern in _STRICT:
        if found := pattern.fullmatch(line):
            return found
    if (heading := _HEADING.fullmatch(line)) and heading["name"].lower() in _ROLES:
        return heading
    loose = _LOOSE.fullmatch(line)
    return loose if loose and loose["name"] in speakers else None


def _speakers(lines: list[str]) -> set[str]:
    """Labels that are speakers, unlike "Note": roles and names that come again, in a log that
    starts with one.
    """
    labels = [
        found["name"]
        for line, free in _outside_fences(lines)
        if free and (found := _LOOSE.fullmatch(line))
    ]
    counts = Counter(labels)
    speakers = {label for label in counts if label.lower() in _ROLES or counts[label] > 1}
    first = next((line for line in lines if line.strip()), "")
    opening = _LOOSE.fullmatch(first)
    return speakers if opening and opening["name"] in speakers and len(speakers) > 1 else set()


def _cast(names: list[str]) -> dict[str, Role]:
    order = list(dict.fromkeys(names))
    if len(order) == 2 and not any(name.lower() in _ROLES for name in order):
        return {order[0]: "user", order[1]: "assistant"}
    return {name: _ROLES.get(name.lower(), "user") for name in order}


def _turn(stamp: str, who: str, lines: list[str], roles: dict[str, Role]) -> Turn:
    when = parse_moment(stamp) if stamp else None
    clock = f"[{stamp}] " if stamp and when is None else ""
    name = None if not who or who.lower() in _ROLES else who
    return Turn(roles.get(who, "user"), clock + "\n".join(lines).strip("\n"), name=name, when=when)
