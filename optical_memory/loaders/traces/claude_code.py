"""Transcripts of Claude Code: a line of JSON for each event of a session.

Words of the user, answers, calls of tools and their results are turns. What subagents said, what
Claude Code wrote for itself, and summaries of earlier lines are left out.
"""

from __future__ import annotations

from typing import Any

from optical_memory.loaders.conversation import Conversation, conversation
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import Turn

__all__ = [
    "claude_code",
    "is_claude_code",
    "transcript_turns",
]

_KINDS = ("user", "assistant")
_LEFT_OUT = ("isSidechain", "isMeta", "isCompactSummary")


def claude_code(source: Any) -> list[Conversation]:
    """The conversation of a transcript. Raises `InputError` if it has no turns."""
    return [conversation(stem(source), transcript_turns(read_json(source)))]


def is_claude_code(data: Any) -> bool:
    """True if one of the lines is a message of a transcript."""
    return isinstance(data, list) and any(map(_is_message, data))


def transcript_turns(lines: list[Any]) -> list[Turn]:
    """The turns of the lines, each with the id and the time of its line.

    Raises `InputError` for a message that cannot be read.
    """
    turns: list[Turn] = []
    for n, line in enumerate(lines):
        if _is_message(line) and not any(line.get(key) for key in _LEFT_OUT):
            fields = {"id": line.get("uuid"), "timestamp": line.get("timestamp")}
            turns += message_turns({**line["message"], **fields}, f"line {n + 1}.message")
    return turns


def _is_message(line: Any) -> bool:
    if not isinstance(line, dict) or line.get("type") not in _KINDS:
        return False
    return isinstance(line.get("message"), dict) and "role" in line["message"]
