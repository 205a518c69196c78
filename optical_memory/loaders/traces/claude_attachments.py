"""Lines of Claude Code that carry something with a prompt: words that the user wrote while Claude
worked, and the files that went with a prompt.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "attachment_message",
    "is_attached_file",
    "is_queued_prompt",
]

_FILES = ("file", "new_file", "directory", "selected_lines_in_ide", "edited_text_file")
_NAMES = ("displayPath", "filename", "path")


def is_queued_prompt(line: Any) -> bool:
    """True for words that the user wrote while Claude worked: they stand in no other line."""
    attachment = _attachment(line)
    if attachment.get("type") != "queued_command":
        return False
    origin = attachment.get("origin")
    is_human = not isinstance(origin, dict) or origin.get("kind") == "human"
    return is_human and attachment.get("commandMode", "prompt") == "prompt"


def is_attached_file(line: Any) -> bool:
    """True for the text of a file, or of lines of it, that went with a prompt."""
    attachment = _attachment(line)
    return attachment.get("type") in _FILES and bool(_file_text(attachment))


def attachment_message(line: dict[str, Any]) -> dict[str, Any]:
    """The message of a queued prompt, or of an attached file as a tool gives it."""
    attachment = _attachment(line)
    if is_queued_prompt(line):
        return {"role": "user", "content": attachment.get("prompt")}
    names = [attachment[key] for key in _NAMES if isinstance(attachment.get(key), str)]
    text = "\n".join([*names[:1], _file_text(attachment)])
    return {"role": "tool", "name": attachment["type"], "content": text}


def _attachment(line: Any) -> dict[str, Any]:
    attachment = line.get("attachment") if isinstance(line, dict) else None
    return attachment if isinstance(attachment, dict) else {}


def _file_text(attachment: dict[str, Any]) -> str:
    """The text of a file: alone, or inside of its description."""
    content = attachment.get("content", attachment.get("snippet"))
    if isinstance(content, dict) and isinstance(content.get("file"), dict):
        content = content["file"].get("content")
    return content if isinstance(content, str) else ""
