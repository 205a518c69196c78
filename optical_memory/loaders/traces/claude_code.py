"""Transcripts of Claude Code: a line of JSON for each event of a session.

Words of the user, answers, calls of tools and their results are turns. The words of subagents, of
Claude Code itself, of summaries and of branches that the user rewound are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import content_text, conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.loaders.traces.claude_attachments import (
    attachment_message,
    is_attached_file,
    is_queued_prompt,
)
from optical_memory.loaders.traces.rewinds import rewound_lines
from optical_memory.turns import Turn

__all__ = [
    "claude_code",
    "is_claude_code",
    "transcript_turns",
]

_N_LINES = 1000
"""Lines that tell a transcript: it may begin with titles and backups, seldom with a hundred."""

_KINDS = ("user", "assistant")

_SIDECHAIN = "words of a subagent"
_FLAGS = {
    "isSidechain": _SIDECHAIN,
    "parent_tool_use_id": _SIDECHAIN,  # as `claude -p --output-format stream-json` says it
    "isMeta": "Claude Code wrote it for the model, not the user",
    "isApiErrorMessage": "an error of the API, not words of the model",
    "isCompactSummary": "a summary of earlier lines",
}
_REWOUND = "a branch that the user rewound: the session went on from another"
_REPEATED_RESULT = "the result of a tool once more, as data"
_REPEATED_LINE = "a line that stands there twice"
_REASONS = {
    "summary": "the title of another session",
    "system": "a notice of Claude Code",
    "progress": "a notice of Claude Code",
    "attachment": "Claude Code added it for the model, not the user",
    "queue-operation": "the queue of prompts, which stand in lines of their own",
    "file-history-snapshot": "backups of files, for undo",
    "last-prompt": "the last prompt once more",
    "result": "the last answer once more",
}
_OTHER_LINE = "a line that is no message"
_TITLES = {"summary": "summary", "custom-title": "customTitle", "ai-title": "aiTitle"}
"""The key of the title in each kind of line with a title."""
_OUTPUT = re.compile(r"\s*<((?:local-command|bash)-std(?:out|err)|task-notification)>")
"""How a message begins that is the output of a program."""

_META = ("sessionId", "cwd", "gitBranch", "version")


def claude_code(source: Any) -> list[Conversation]:
    """The conversation of a transcript. A transcript of a subagent alone is a conversation too.

    Raises `InputError` if it has no turns.
    """
    lines = read_json(source)
    name = stem(source)
    if not isinstance(lines, list):
        raise InputError(f"{name}: expected lines of a transcript, found {type(lines).__name__}")
    reasons = _line_reasons(lines)
    numbers = [n for n, reason in enumerate(reasons) if reason is None]
    history = read_history((f"line {n + 1}.message", _message(lines[n])) for n in numbers)
    left_out = _left_out_lines(lines, reasons)
    left_out += _repeated_results(lines, numbers)
    return [conversation_of(name, history, _meta(lines), left_out)]


def is_claude_code(data: Any) -> bool:
    """True if any of the first lines is a message of a transcript."""
    return isinstance(data, list) and any(map(_is_message, data[:_N_LINES]))


def transcript_turns(lines: list[Any]) -> list[Turn]:
    """The turns of the lines, each with the id and the time of its line. Words of subagents and of
    Claude Code itself are left out.

    Raises `InputError` for a message that cannot be read.
    """
    turns: list[Turn] = []
    for n, line in enumerate(lines):
        if _is_spoken(line) and _flag_reason(line, tuple(_FLAGS)) is None:
            turns += message_turns(_message(line), f"line {n + 1}.message")
    return turns


# ---- lines ---------------------------------------------------------------------------------------


def _is_message(line: Any) -> bool:
    if not isinstance(line, dict) or line.get("type") not in _KINDS:
        return False
    message = line.get("message")
    return isinstance(message, dict) and bool(message.keys() & {"role", "content"})


def _is_spoken(line: Any) -> bool:
    return _is_message(line) or is_queued_prompt(line)


def _message(line: dict[str, Any]) -> dict[str, Any]:
    """The message of a line, with the id and the time of the line.

    Output of a program, which Claude Code gives in the role of the user, is the system's by name.
    """
    if _is_message(line):
        message = {"role": line["type"], **line["message"]}
    elif "attachment" in line:
        message = attachment_message(line)
    else:
        message = {"role": "user", "content": line.get("content")}
    content = message.get("content")
    mark = _OUTPUT.match(content) if isinstance(content, str) else None
    if mark is not None:
        message |= {"role": "system", "name": mark[1]}
    return {**message, "id": line.get("uuid"), "timestamp": line.get("timestamp")}


# ---- left out ------------------------------------------------------------------------------------


def _line_reasons(lines: Sequence[Any]) -> list[str | None]:
    """For each line the reason why it is left out; None for a line that is not."""
    flags = _flags(lines)
    reasons = [_line_reason(line, flags) for line in lines]
    numbers = {n for n, reason in enumerate(reasons) if reason is None}
    for n in rewound_lines(lines, numbers):
        reasons[n] = reasons[n] or _REWOUND
    for n in _repeated_lines(lines):
        reasons[n] = reasons[n] or _REPEATED_LINE
    for n in _steering_lines(lines):
        reasons[n] = None
    return reasons


def _steering_lines(lines: Sequence[Any]) -> list[int]:
    """The lines of the queue with words that went to Claude in the middle of its work, if they
    stand in no other line.
    """
    texts = {content_text(_message(line).get("content")) for line in lines if _is_spoken(line)}
    numbers: list[int] = []
    for n, line in enumerate(lines):
        is_queue = isinstance(line, dict) and line.get("type") == "queue-operation"
        text = line.get("content") if is_queue and line.get("operation") == "remove" else None
        if isinstance(text, str) and text.strip() not in texts and not _OUTPUT.match(text):
            texts.add(text.strip())
            numbers.append(n)
    return numbers


def _flags(lines: Sequence[Any]) -> list[str]:
    """The flags of lines that are left out. If all words are a subagent's, they are not."""
    is_subagent = all(line.get("isSidechain") for line in lines if _is_message(line))
    return [flag for flag in _FLAGS if not (is_subagent and _FLAGS[flag] == _SIDECHAIN)]


def _line_reason(line: Any, flags: Sequence[str]) -> str | None:
    if _is_spoken(line) or is_attached_file(line):
        return _flag_reason(line, flags)
    kind = line.get("type") if isinstance(line, dict) else None
    return _REASONS.get(kind, _OTHER_LINE) if isinstance(kind, str) else _OTHER_LINE


def _flag_reason(line: dict[str, Any], flags: Sequence[str]) -> str | None:
    return next((_FLAGS[flag] for flag in flags if line.get(flag)), None)


def _repeated_lines(lines: Sequence[Any]) -> list[int]:
    """The lines that are equal to an earlier line of the same id."""
    numbers: list[int] = []
    first_lines: dict[str, Any] = {}
    for n, line in enumerate(lines):
        id = line.get("uuid") if isinstance(line, dict) else None
        if not isinstance(id, str):
            continue
        first = first_lines.setdefault(id, line)
        if first is not line and first.get("message") == line.get("message"):
            numbers.append(n)
    return numbers


def _left_out_lines(lines: Sequence[Any], reasons: Sequence[str | None]) -> list[LeftOut]:
    title_lines = [id(line) for line, _ in _titles(lines)]
    left_out: list[LeftOut] = []
    for n, reason in enumerate(reasons):
        if reason is not None and id(lines[n]) not in title_lines[-1:]:
            left_out.append(LeftOut(f"line {n + 1}", reason, _line_text(lines[n])))
    return left_out


def _line_text(line: Any) -> str:
    """The words of the message in a line; of any other line all of it."""
    message = line.get("message") if isinstance(line, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return as_text(content) if content else as_text(line)


def _repeated_results(lines: Sequence[Any], numbers: Sequence[int]) -> list[LeftOut]:
    left_out: list[LeftOut] = []
    for n in numbers:
        result = lines[n].get("toolUseResult")
        if result:
            place = f"line {n + 1}.toolUseResult"
            left_out.append(LeftOut(place, _REPEATED_RESULT, as_text(result)))
    return left_out


# ---- meta ----------------------------------------------------------------------------------------


def _meta(lines: Sequence[Any]) -> dict[str, str]:
    """The last title, and the session, folder, branch and version of the first message."""
    first: dict[str, Any] = next((line for line in lines if _is_message(line)), {})
    meta = {key: first[key] for key in _META if isinstance(first.get(key), str)}
    titles = [title for _, title in _titles(lines)]
    return {**meta, "title": titles[-1]} if titles else meta


def _titles(lines: Sequence[Any]) -> list[tuple[Any, str]]:
    titles: list[tuple[Any, str]] = []
    for line in lines:
        kind = line.get("type") if isinstance(line, dict) else None
        title = line.get(_TITLES[kind]) if isinstance(kind, str) and kind in _TITLES else None
        if isinstance(title, str) and title:
            titles.append((line, title))
    return titles
