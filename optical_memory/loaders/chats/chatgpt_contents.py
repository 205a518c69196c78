"""The content of a message of ChatGPT, by its `content_type`, as parts of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    object_at,
    objects_at,
    readable,
    text_at,
    text_parts,
)
from optical_memory.turns import AttachmentKind

__all__ = [
    "content_parts",
    "file_parts",
    "with_references",
]

Parts = list[dict[str, Any]]

_PRIVATE_SIGN = "\ue200"
"""The sign with which ChatGPT begins a mark of a citation."""

_POINTERS: dict[str, AttachmentKind] = {
    "image_asset_pointer": "image",
    "audio_asset_pointer": "audio",
    "video_container_asset_pointer": "video",
    "video_asset_pointer": "video",
}


def content_parts(content: Any) -> Parts:
    """The parts of a content. A content of an unknown type is kept as the text of its keys."""
    if not isinstance(content, dict):
        return _text(readable(content))
    kind = text_at(content, "content_type")
    if isinstance(content.get("parts"), list):
        parts: Parts = []
        for part in list_at(content, "parts"):
            parts += _part(part)
        return parts
    return _READERS.get(kind, _other)(content)


def file_parts(attachments: list[dict[str, Any]], parts: Parts) -> Parts:
    """Files that a message names in its metadata. A file that is among the parts already gets its
    name there.
    """
    files: Parts = []
    for attachment in attachments:
        id = text_at(attachment, "id")
        name = text_at(attachment, "name")
        twin = next((part for part in parts if id and str(part.get("url", "")).endswith(id)), None)
        if twin is not None:
            twin["caption"] = twin["caption"] or name or None
        elif id or name:
            media_type = first_text(attachment, "mime_type", "mimeType")
            files.append(attachment_part(media_kind(media_type, name), id, name))
    return files


def with_references(parts: Parts, references: list[dict[str, Any]]) -> Parts:
    """The parts with marks of citations replaced by the words that ChatGPT shows for them.

    The marks are signs for private use, which no font draws.
    """
    for part in parts:
        for reference in references:
            mark = text_at(reference, "matched_text")
            if part["type"] == "text" and mark.startswith(_PRIVATE_SIGN):
                part["text"] = part["text"].replace(mark, text_at(reference, "alt"))
    return [part for part in parts if part.get("text", "words").strip()]


def _text(*texts: str) -> Parts:
    return text_parts("\n".join(filter(None, texts)))


# ---- parts of a list -----------------------------------------------------------------------------


def _part(part: Any) -> Parts:
    if not isinstance(part, dict):
        return _text(readable(part))
    kind = text_at(part, "content_type")
    if kind in _POINTERS:
        return _pointer(part, _POINTERS[kind])
    if kind == "real_time_user_audio_video_asset_pointer":
        return _recording(part)
    if kind == "audio_transcription":
        return _text(text_at(part, "text"))
    return _READERS.get(kind, _other)(part)


def _pointer(part: Any, kind: AttachmentKind) -> Parts:
    """A file by its pointer, with the words that a picture was made of or a recording says."""
    ref = text_at(part, "asset_pointer")
    if not ref:
        return _other(part) if isinstance(part, dict) else _text(readable(part))
    metadata = object_at(part, "metadata")
    prompt = text_at(object_at(metadata, "dalle"), "prompt")
    caption = prompt or text_at(metadata, "transcription")
    return [attachment_part(kind, ref, caption)]


def _recording(part: dict[str, Any]) -> Parts:
    """What a voice chat recorded: sound, perhaps a video and single pictures of it."""
    parts: Parts = []
    if part.get("audio_asset_pointer"):
        parts += _pointer(part["audio_asset_pointer"], "audio")
    if part.get("video_container_asset_pointer"):
        parts += _pointer(part["video_container_asset_pointer"], "video")
    for frame in objects_at(part, "frames_asset_pointers"):
        parts += _pointer(frame, "image")
    return parts


# ---- contents that are no list -------------------------------------------------------------------


def _text_under(*keys: str) -> Callable[[dict[str, Any]], Parts]:
    """The texts under the keys; all keys if these have none."""
    return lambda content: _text(*(text_at(content, key) for key in keys)) or _other(content)


def _thoughts(content: dict[str, Any]) -> Parts:
    parts = []
    for item in list_at(content, "thoughts"):
        if isinstance(item, dict):
            texts = [text_at(item, "summary"), text_at(item, "content")]
        else:
            texts = [readable(item)]
        text = "\n".join(filter(None, texts))
        if text:
            parts.append({"type": "thinking", "thinking": text})
    return parts


def _instructions(content: dict[str, Any]) -> Parts:
    keys = ("user_profile", "user_instructions", "model_set_context")
    return _text(*(text_at(content, key) for key in keys))


def _other(content: dict[str, Any]) -> Parts:
    """Any other content: a line for each of its keys."""
    return _text(readable({key: content[key] for key in content if key != "content_type"}))


_READERS: dict[str, Callable[[dict[str, Any]], Parts]] = {
    "": _text_under("text"),
    "text": _text_under("text"),
    "code": _text_under("text"),
    "execution_output": _text_under("text"),
    "system_error": _text_under("name", "text"),
    "tether_browsing_display": _text_under("result", "summary"),
    "tether_quote": _text_under("title", "url", "text"),
    "sonic_webpage": _text_under("title", "url", "text"),
    "thoughts": _thoughts,
    "user_editable_context": _instructions,
    "model_editable_context": _instructions,
}
