"""References in place of payloads that are not kept."""

from __future__ import annotations

import hashlib

__all__ = [
    "digest_ref",
    "short_ref",
]


def short_ref(ref: str) -> str:
    """A reference as it is; of a `data:` URL its type, digest and size instead of the payload."""
    if not ref.startswith("data:"):
        return ref
    head, _, payload = ref.partition(",")
    media_type = head.removeprefix("data:").split(";")[0] or "text/plain"
    return digest_ref(media_type, payload)


def digest_ref(media_type: str, payload: str) -> str:
    """A reference in place of a payload that is not kept.

    >>> digest_ref("image/png", "QUJD")
    'data:image/png;sha256=d9cae0dbdbf078b2;chars=4'
    """
    digest = hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"data:{media_type};sha256={digest};chars={len(payload)}"
