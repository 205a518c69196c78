"""Parts that are a picture, a sound, a film or a file: kept by reference, never as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.messages.content import (
    NOTHING,
    Content,
    Fields,
    PartReader,
    ReadContent,
    attached,
    first_id,
    first_text,
    has_words,
    join,
    label,
    media_kind,
    readable,
    text_content,
)
from optical_memory.loaders.payloads import (
    ENCRYPTED,
    SIGNATURE,
    data_url,
    digest_ref,
    is_payload,
    short_ref,
)
from optical_memory.turns import Attachment, AttachmentKind

__all__ = [
    "OPAQUE_KEYS",
    "attachment",
    "bytes_content",
    "encrypted",
    "signatures",
]

_ADDRESSES = (
    "url",
    "image_url",
    "file_url",
    "uri",
    "fileUri",
    "file_uri",
    "s3Location",
    "file_id",
    "fileId",
    "asset_pointer",
    "id",
)
_PAYLOADS = ("file_data", "data", "base64", "bytes", "b64_json", "blob", "result", "image", "file")
_MEDIA_TYPES = ("media_type", "mediaType", "mime_type", "mimeType", "contentType", "format")
_NAMES = ("filename", "title", "name", "displayName", "display_name")
_DESCRIPTIONS = ("caption", "alt", "description", "context", "revised_prompt")
_INNER = (
    "source",
    "resource",
    "file",
    "image",
    "inlineData",
    "inline_data",
    "s3Location",
    "image_url",
)


def attachment(media: AttachmentKind) -> PartReader:
    """A reader of parts that point to a file or hold it, under any of the keys of providers.

    A document whose words stand in the part is text. A part without a file is kept as JSON.
    """

    def read(part: Fields, content_of: ReadContent) -> Content:
        fields = _flat(part)
        words = _document_words(fields, content_of)
        caption = _caption(fields)
        if words:
            return join([text_content(caption or first_text(fields, _ADDRESSES) or ""), words])
        ref = _reference(fields, media)
        if ref is not None:
            kind = media_kind(first_text(fields, _MEDIA_TYPES) or "", media)
            return Content(attachments=(attached(ref, kind, caption),))
        rest = {key: value for key, value in part.items() if key not in ("type", "detail")}
        return readable(dict(part)) if has_words(rest) else Content()

    return read


def _caption(fields: Fields) -> str | None:
    """The name of a file, and all that describes it."""
    texts = [first_text(fields, _NAMES), *(first_text(fields, (key,)) for key in _DESCRIPTIONS)]
    return ": ".join(dict.fromkeys(text for text in texts if text)) or None


def _flat(part: Fields) -> Fields:
    """The fields of a part and of the objects in it that describe the file."""
    fields = dict(part)
    kind = label(part.get("type"))
    for key in (kind, *_INNER):
        inner = fields.get(key)
        if isinstance(inner, Mapping) and not _is_buffer(inner):
            fields = {**fields, **inner}
        elif key == kind and isinstance(inner, str):
            fields["url"] = inner
    return fields


def _document_words(fields: Fields, content_of: ReadContent) -> Content:
    """The words of a document: plain text, or blocks of text (Anthropic, Bedrock, LangChain)."""
    source = fields.get("source")
    kind = label(source.get("type")) if isinstance(source, Mapping) else ""
    if kind == "text":
        return content_of(fields.get("data"))
    words = [fields.get("text")]
    if kind == "content" or isinstance(source, Mapping):
        words.append(fields.get("content"))
    return join(content_of(value) for value in words if has_words(value))


def _reference(fields: Fields, media: AttachmentKind) -> str | None:
    """The address of the file, or a digest in place of the file itself."""
    media_type = first_text(fields, _MEDIA_TYPES) or ""
    if "/" not in media_type:  # Bedrock and OpenAI's audio write "pdf" and "wav"
        family = "application" if media == "file" and media_type else media
        media_type = f"{family}/{media_type or '*'}"
    for key in _PAYLOADS:
        payload = _payload(fields.get(key))
        if payload is not None and key in fields:
            return _payload_ref(payload, media_type)
    address = first_id(fields, _ADDRESSES)
    return None if address is None else _address_ref(address, media_type)


def _payload(value: Any) -> str | bytes | None:
    """The file itself: base64, bytes, or bytes as JavaScript's `Buffer` writes them."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, Mapping) and _is_buffer(value):
        return bytes(value["data"])
    return value if isinstance(value, str) and value else None


def _is_buffer(value: Fields) -> bool:
    data = value.get("data")
    return value.get("type") == "Buffer" and isinstance(data, list) and _are_bytes(data)


def _are_bytes(values: list[Any]) -> bool:
    return all(isinstance(value, int) and 0 <= value < 256 for value in values)


def _payload_ref(payload: str | bytes, media_type: str) -> str:
    if isinstance(payload, bytes):
        return short_ref(data_url(payload, media_type))
    is_address = any(sign in payload[:200] for sign in ".:")  # base64 has neither
    return short_ref(payload) if is_address else digest_ref(media_type, payload)


def _address_ref(address: str, media_type: str) -> str:
    return digest_ref(media_type, address) if is_payload(address) else short_ref(address)


def bytes_content(value: bytes | bytearray) -> Content:
    """Bytes as text if they are UTF-8, else as an attachment.

    >>> bytes_content(b"hello").text
    'hello'
    """
    try:
        text = bytes(value).decode()
    except UnicodeDecodeError:
        return Content(attachments=(attached(data_url(bytes(value))),))
    if "\0" in text:
        return Content(attachments=(attached(data_url(bytes(value))),))
    return text_content(text)


# ---- blocks that only the provider can read ------------------------------------------------------


def encrypted(payload: Any, caption: str) -> Content:
    """An encrypted block, such as redacted thinking; nothing if there is none."""
    return Content(attachments=_opaque(payload, ENCRYPTED, caption))


_SIGNATURES = ("signature", "thoughtSignature", "thought_signature")
_ENCRYPTED = ("encrypted_content", "redactedContent", "redacted_content", "encrypted_index")

OPAQUE_KEYS = (*_SIGNATURES, *_ENCRYPTED)
"""Keys under which a signature or an encrypted block stands beside the words of a part."""


def signatures(part: Fields) -> Content:
    """The signatures and encrypted blocks that stand beside the words of a part."""
    if part.keys().isdisjoint(OPAQUE_KEYS):
        return NOTHING
    attachments: list[Attachment] = []
    for key in _SIGNATURES:
        attachments += _opaque(part.get(key), SIGNATURE, "signature")
    for key in _ENCRYPTED:
        attachments += _opaque(part.get(key), ENCRYPTED, "encrypted")
    return Content(attachments=tuple(attachments))


def _opaque(payload: Any, media_type: str, caption: str) -> tuple[Attachment, ...]:
    value = _payload(payload)
    if value is None:
        return ()
    return (attached(_payload_ref(value, media_type), "file", caption),)
