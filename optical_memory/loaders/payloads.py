"""Payloads (pictures, sound, documents, encrypted blocks) and the references in place of them.

A reference says the media type, a digest and the size. The payload itself is not kept.
"""

from __future__ import annotations

import base64
import hashlib
import re

__all__ = [
    "ENCRYPTED",
    "SIGNATURE",
    "data_url",
    "digest",
    "digest_ref",
    "is_payload",
    "payload_refs",
    "payload_size",
    "short_ref",
    "without_payloads",
]

ENCRYPTED = "application/x-encrypted"
"""Media type of blocks that only a provider can read, like redacted thinking."""

SIGNATURE = "application/x-signature"
"""Media type of the signature under a model's thinking."""

_BASE64 = r"[A-Za-z0-9+/]{512,}={0,2}"
"""Base64 that nothing announces. No word and no path without a dot is so long."""

_WHOLE = re.compile(_BASE64)
_QUOTED = re.compile(f'"({_BASE64})"')
_DATA_URL = re.compile(
    r"data:([\w.+-]{1,127}+/[\w.+*-]{1,127}+)?[^,\s\"'<>]{0,300}?;base64,"
    r"([A-Za-z0-9+/_-]{24,}={0,2})"
)
"""A `data:` URL in a text. The smallest picture has 35 bytes; shorter payloads are examples.

The names of a media type have at most 127 characters (RFC 6838). A limit for its parameters keeps
a text of many `data:` without payloads from being read again and again.
"""

_REF = re.compile(r"data:[^,;\s]{0,255};sha256=[0-9a-f]{16};chars=\d+")

_BEGINNINGS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
    "SUQz": "audio/mpeg",
    "T2dnUw": "audio/ogg",
    "AAAAIGZ0eX": "video/mp4",
    "AAAAHGZ0eX": "video/mp4",
}
"""How the base64 of common files begins: their signatures, as `file` knows them."""


def short_ref(ref: str) -> str:
    """A reference as it is; of a `data:` URL its type, digest and size instead of the payload."""
    if not ref.startswith("data:") or _REF.fullmatch(ref):
        return ref
    head, _, payload = ref.partition(",")
    media_type = head.removeprefix("data:").split(";")[0] or "text/plain"
    return digest_ref(media_type, payload)


def digest_ref(media_type: str, payload: str) -> str:
    """A reference in place of a payload that is not kept.

    >>> digest_ref("image/png", "QUJD")
    'data:image/png;sha256=d9cae0dbdbf078b2;chars=4'
    """
    return f"data:{media_type};sha256={digest(payload)};chars={len(payload)}"


def digest(payload: str) -> str:
    """The digest of a payload, as its reference has it."""
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def data_url(payload: bytes, media_type: str | None = None) -> str:
    """Bytes as a `data:` URL: a file has the same reference whether it came as bytes or base64."""
    text = base64.b64encode(payload).decode()
    return f"data:{media_type or _media_type_of(text)};base64,{text}"


def is_payload(text: str) -> bool:
    """True if a text is base64 that nothing announces: long, without blanks, with capitals."""
    if len(text) < 512 or text == text.lower():
        return False
    return _WHOLE.fullmatch(text) is not None


def _media_type_of(payload: str) -> str:
    """The media type of a file in base64, by its beginning."""
    for beginning, media_type in _BEGINNINGS.items():
        if payload.startswith(beginning):
            return media_type
    return "application/octet-stream"


def without_payloads(text: str) -> str:
    """The text with a reference in place of each payload: `data:` URLs, and base64 in quotes.

    >>> without_payloads("![plan](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEA)")
    '![plan](data:image/png;sha256=8bd5b0b133092b30;chars=28)'
    """
    if ";base64," in text:
        text = _DATA_URL.sub(_url_ref, text)
    if len(text) < 512:
        return text
    if is_payload(text):
        return digest_ref(_media_type_of(text), text)
    return _QUOTED.sub(_quoted_ref, text)


def _url_ref(match: re.Match[str]) -> str:
    return digest_ref(match[1] or "text/plain", match[2])


def _quoted_ref(match: re.Match[str]) -> str:
    payload = match[1]
    return f'"{digest_ref(_media_type_of(payload), payload)}"' if is_payload(payload) else match[0]


def payload_refs(text: str) -> list[str]:
    """The references in a text, as `without_payloads` writes them."""
    return _REF.findall(text) if ";sha256=" in text else []


def payload_size(ref: str) -> int | None:
    """The bytes of the payload behind a reference; None for an address, which does not say it."""
    head, _, size = ref.rpartition(";chars=")
    if not (head.startswith("data:") and size.isdigit()):
        return None
    return int(size) * 3 // 4  # base64 writes 3 bytes as 4 characters
