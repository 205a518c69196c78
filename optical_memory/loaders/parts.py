"""The content of one message, a string or a list of parts, as text, attachments, tool calls and
tool results.

Knows the parts of OpenAI's two APIs, of Anthropic's and of LangChain's standard blocks. A part of
an unknown type is kept as its JSON, so that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from optical_memory.errors import InputError
from optical_memory.loaders.base import digest_ref, short_ref
from optical_memory.turns import Attachment, ToolCall

__all__ = ["Content", "arguments", "read_content"]

Media = Literal["image", "audio", "video", "file"]


@dataclass
class Content:
    """What a message holds, gathered part by part. `results` are (tool call id, content) of answers
    inside it.
    """

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[tuple[str | None, Content]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(text for text in self.texts if text)


def read_content(content: Any, where: str) -> Content:
    """Content as strings, parts or nothing. Raises `InputError` for anything else."""
    found = Content()
    if content is None:
        return found
    if isinstance(content, str):
        content = [content]
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise InputError(
            f"{where}: expected a string or a list of parts, found {type(content).__name__}"
        )
    for n, part in enumerate(content):
        _add(found, part, f"{where}[{n}]")
    return found


def _add(found: Content, part: Any, where: str) -> None:
    if isinstance(part, str):
        found.texts.append(part)
        return
    if not isinstance(part, dict):
        raise InputError(
            f"{where}: expected a part (a string or an object), found {type(part).__name__}"
        )
    kind = str(part.get("type", "text" if "text" in part else ""))
    _PARTS.get(kind, _unknown)(found, part, where)


def _text_under(key: str) -> Callable[[Content, dict[str, Any], str], None]:
    def add(found: Content, part: dict[str, Any], where: str) -> None:
        if not isinstance(part.get(key), str):
            raise InputError(f"{where}.{key}: expected a string, found {part.get(key)!r}")
        found.texts.append(part[key])

    return add


def _attach(media: Media) -> Callable[[Content, dict[str, Any], str], None]:
    def add(found: Content, part: dict[str, Any], where: str) -> None:
        inner = part.get(part.get("type", ""), part)
        ref, caption = _reference(inner if isinstance(inner, dict) else {"url": inner}, media, part)
        if ref is None:
            raise InputError(
                f"{where}: a {part.get('type')} part without url, id or data; it has {sorted(part)}"
            )
        found.attachments.append(Attachment(media, ref, caption))

    return add


def _reference(
    inner: dict[str, Any], media: Media, part: dict[str, Any]
) -> tuple[str | None, str | None]:
    """Where the thing is and what it is called, from whichever keys this provider uses."""
    fields = {**part, **inner}
    if isinstance(fields.get("source"), dict):  # Anthropic
        fields |= fields["source"]
    caption = next(
        (
            fields[k]
            for k in ("caption", "alt", "filename", "title")
            if isinstance(fields.get(k), str)
        ),
        None,
    )
    for key in ("url", "image_url", "file_url", "file_id", "id"):
        if isinstance(fields.get(key), str):
            return short_ref(fields[key]), caption
    for key in ("file_data", "data", "base64"):
        if isinstance(fields.get(key), str):
            mime = (
                fields.get("media_type")
                or fields.get("mime_type")
                or f"{media}/{fields.get('format', '*')}"
            )
            payload = fields[key]
            return (
                short_ref(payload) if payload.startswith("data:") else digest_ref(mime, payload)
            ), caption
    return None, caption


def _tool_use(found: Content, part: dict[str, Any], where: str) -> None:
    given = part.get("input", part.get("args", {}))
    found.calls.append(ToolCall(str(part.get("name", "")), arguments(given), part.get("id")))


def _tool_result(found: Content, part: dict[str, Any], where: str) -> None:
    found.results.append(
        (part.get("tool_use_id"), read_content(part.get("content"), f"{where}.content"))
    )


def _unknown(found: Content, part: dict[str, Any], where: str) -> None:
    found.texts.append(json.dumps(part, ensure_ascii=False))


def arguments(given: Any) -> str:
    """A tool call's arguments as JSON text: as written if they are text, else as compact JSON."""
    return (
        given
        if isinstance(given, str)
        else json.dumps(given if given is not None else {}, ensure_ascii=False)
    )


_PARTS: dict[str, Callable[[Content, dict[str, Any], str], None]] = {
    "text": _text_under("text"),
    "input_text": _text_under("text"),
    "output_text": _text_under("text"),
    "refusal": _text_under("refusal"),
    "thinking": _text_under("thinking"),
    "image_url": _attach("image"),
    "input_image": _attach("image"),
    "image": _attach("image"),
    "input_audio": _attach("audio"),
    "audio": _attach("audio"),
    "video": _attach("video"),
    "video_url": _attach("video"),
    "file": _attach("file"),
    "input_file": _attach("file"),
    "document": _attach("file"),
    "tool_use": _tool_use,
    "tool_call": _tool_use,
    "tool_result": _tool_result,
}
