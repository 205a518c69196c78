"""The transcript that a coding agent writes while it works: its turns, and which are in view.

Lines that cannot be read are passed over: a hook never breaks a session.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.traces.claude_code import transcript_turns
from optical_memory.turns import Turn, short_repr, valid_turn

__all__ = [
    "Transcript",
    "read_transcript",
]

MAX_BYTES = 64 * 2**20
"""A longer transcript is read from its end: reading takes about a second for so much."""


@short_repr
@dataclass(frozen=True, slots=True)
class Transcript:
    """The turns of a transcript; those before `n_hidden` went out of view at a compaction."""

    turns: tuple[Turn, ...] = ()
    n_hidden: int = 0

    @property
    def last_prompt(self) -> str:
        """The user's last words; empty without any."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")


def read_transcript(path: object) -> Transcript:
    """The transcript at a path; an empty one if there is no such file."""
    turns: list[Turn] = []
    n_hidden = 0
    for line in _lines(path):
        if _is_compaction(line):
            n_hidden = len(turns)
        turns += _turns(line)
    return Transcript(tuple(turns), n_hidden)


def _lines(path: object) -> list[Any]:
    """The lines of the file that are JSON."""
    if not isinstance(path, str) or not path:
        return []
    try:
        data = _end_of(Path(path).expanduser())
    except (OSError, ValueError, RuntimeError):  # no such file, a NUL in the path, no home
        return []
    values: list[Any] = []
    for line in data.split(b"\n"):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return values


def _end_of(path: Path) -> bytes:
    if not path.is_file():  # a pipe would block
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_BYTES))
        return file.read()


def _turns(line: Any) -> list[Turn]:
    try:
        return [valid_turn(turn) for turn in transcript_turns([line])]
    except InputError:
        return []


def _is_compaction(line: Any) -> bool:
    """True for the line that Claude Code writes when it has compacted."""
    if not isinstance(line, dict):
        return False
    return line.get("subtype") == "compact_boundary" or line.get("isCompactSummary") is True
