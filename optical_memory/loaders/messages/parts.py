"""The content of one message, a string or a list of parts, as text, attachments, tool calls and
tool results.

Knows the parts of OpenAI's two APIs, of Anthropic's and of LangChain's standard blocks. A part of
an unknown type is kept as its JSON, so that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from optical_memory.errors import InputError
from optical_memory.loaders.payloads import digest_ref, short_ref
from optical_memory.turns import Attachment, ToolCall

__all__ = [
    "Content",
    "arguments",
    "id_text",
    "join",
    "read_content",
    "text_content",
]

Media = Literal["image", "audio", "video", "file"]


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message. `results` are (tool call id, content) of answers of tools in it."""

    texts: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: tuple[tuple[str | None, Content], ...] = ()

    @property
    def text(self) -> str:
        """All texts, with a blank line between."""
        return "\n\n".join(text for text in self.texts if text)


def join(contents: Iterable[Content]) -> Content:
    """Several contents as one, in order."""
    contents = list(contents)
    return Content(
        tuple(chain.from_iterable(content.texts for content in contents)),
        tuple(chain.from_iterable(content.attachments for content in contents)),
        tuple(chain.from_iterable(content.calls for content in contents)),
        tuple(chain.from_iterable(content.results for content in contents)),
    )


def text_content(value: object) -> Content:
    """The content of a text; nothing if the value is no text."""
    return Content(texts=(value,)) if isinstance(value, str) else Content()


def read_content(content: Any, place: str) -> Content:
    """Content that is a string, a part, a list of them, or None.

    >>> read_content(["look:", {"type": "image", "url": "a.png"}], "message").attachments
    (Attachment(kind='image', ref='a.png', caption=None),)

    Raises `InputError` for anything else.
    """
    if content is None:
        return Content()
    parts = [content] if isinstance(content, str | dict) else content
    if not isinstance(parts, list):
        raise InputError(
            f"{place}: expected a string or a list of parts, found {type(content).__name__}"
        )
    return join(_read_part(part, f"{place}[{n}]") for n, part in enumerate(parts))


def _read_part(part: Any, place: str) -> Content:
    if isinstance(part, str):
        return text_content(part)
    if not isinstance(part, dict):
        raise InputError(
            f"{place}: expected a part (a string or an object), found {type(part).__name__}"
        )
    kind = str(part.get("type", "text" if "text" in part else ""))
    return _READERS.get(kind, _unknown)(part, place)


def arguments(value: Any) -> str:
    """A tool call's arguments as JSON text: as written if they are text, else as JSON of ours.

    Values that JSON has no form for, like a time, stand there as text.
    """
    if isinstance(value, str):
        return value
    return _json({} if value is None else value)


def id_text(value: Any) -> str | None:
    """An id as text: some programs number their messages and calls."""
    return value if value is None or isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    """The value as JSON; what JSON has no form for, like a date, as Python writes it."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # a key that is no text, or an object that holds itself
        return json.dumps(str(value), ensure_ascii=False)


# ---- readers of parts, by type -------------------------------------------------------------------

PartReader = Callable[[dict[str, Any], str], Content]


def _text_under(key: str) -> PartReader:
    def read(part: dict[str, Any], place: str) -> Content:
        if not isinstance(part.get(key), str):
            raise InputError(f"{place}.{key}: expected a string, found {part.get(key)!r}")
        return text_content(part[key])

    return read


def _attachment(media: Media) -> PartReader:
    def read(part: dict[str, Any], place: str) -> Content:
        inner = part.get(part.get("type", ""), part)
        fields = {**part, **(inner if isinstance(inner, dict) else {"url": inner})}
        source = fields.get("source")
        if isinstance(source, dict):  # Anthropic
            fields |= source
        ref = _reference(fields, media)
        if ref is None:
            raise InputError(
                f"{place}: a {part.get('type')} part without url, id or data; it has {sorted(part)}"
            )
        return Content(attachments=(Attachment(media, ref, _caption(fields)),))

    return read


def _reference(fields: dict[str, Any], media: Media) -> str | None:
    """The address of the thing, from whichever key this provider uses.

    A payload is replaced by its digest.
    """
    ref = _first_text(fields, ("url", "image_url", "file_url", "file_id", "id"))
    if ref is not None:
        return short_ref(ref)
    payload = _first_text(fields, ("file_data", "data", "base64"))
    if payload is None:
        return None
    if payload.startswith("data:"):
        return short_ref(payload)
    media_type = fields.get("media_type") or fields.get("mime_type")
    return digest_ref(media_type or f"{media}/{fields.get('format', '*')}", payload)


def _caption(fields: dict[str, Any]) -> str | None:
    return _first_text(fields, ("caption", "alt", "filename", "title"))


def _first_text(fields: dict[str, Any], keys: Iterable[str]) -> str | None:
    """The value of the first of the keys under which a text stands."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str):
            return value
    return None


def _tool_use(part: dict[str, Any], place: str) -> Content:
    call_arguments = arguments(part.get("input", part.get("args", {})))
    call = ToolCall(str(part.get("name", "")), call_arguments, id_text(part.get("id")))
    return Content(calls=(call,))


def _tool_result(part: dict[str, Any], place: str) -> Content:
    answer = read_content(part.get("content"), f"{place}.content")
    return Content(results=((id_text(part.get("tool_use_id")), answer),))


def _unknown(part: dict[str, Any], place: str) -> Content:
    return text_content(_json(part))


_READERS: dict[str, PartReader] = {
    "text": _text_under("text"),
    "input_text": _text_under("text"),
    "output_text": _text_under("text"),
    "refusal": _text_under("refusal"),
    "thinking": _text_under("thinking"),
    "image_url": _attachment("image"),
    "input_image": _attachment("image"),
    "image": _attachment("image"),
    "input_audio": _attachment("audio"),
    "audio": _attachment("audio"),
    "video": _attachment("video"),
    "video_url": _attachment("video"),
    "file": _attachment("file"),
    "input_file": _attachment("file"),
    "document": _attachment("file"),
    "tool_use": _tool_use,
    "tool_call": _tool_use,
    "tool_result": _tool_result,
}
