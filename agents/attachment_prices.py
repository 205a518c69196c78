"""Tokens that a host bills for a picture, a file, a recording or a film in a message.

A message does not tell pages or seconds, so they are estimated by the size of the payload. An
address does not tell a size either: it costs one page, or one minute.
"""

from __future__ import annotations

import math

from optical_memory.counting import image_tokens
from optical_memory.loaders.payloads import ENCRYPTED, SIGNATURE, payload_size
from optical_memory.turns import Attachment

__all__ = [
    "PICTURE_TOKENS",
    "attachment_tokens",
]

PICTURE_TOKENS = image_tokens(1024, "openai")
"""The price of every picture in a message, as of 1024 px: messages do not tell the size."""

_PAGE_TOKENS = 2_350
"""A page of a PDF. Claude bills 1,500 to 3,000 for its text, and its picture; 2,347 for a page of
prose was measured on Claude 5.5 (JOHNISKING/pdf-token-cost, October 2026). Gemini bills 258 to 560.
"""

_PAGE_BYTES = 50_000
"""Bytes of a page: a page of text in a PDF with its fonts, as a round number of ours."""

_AUDIO_TOKENS = 32
"""A second of sound: Gemini's guide to tokens. OpenAI bills 10 (a token for each 100 ms)."""

_AUDIO_BYTES = 16_000
"""Bytes of a second of sound: MP3 at 128 kbit/s. WAV has two to ten times as many."""

_VIDEO_TOKENS = 263
"""A second of film: Gemini's guide to tokens (a frame of 258 each second, and marks)."""

_VIDEO_BYTES = 250_000
"""Bytes of a second of film: MP4 at 2 Mbit/s, as web pages show it."""

_MINUTE = 60

_OPAQUE_TOKENS = 1_024
"""The most that an encrypted block or a signature costs: the smallest budget for thinking that
Anthropic takes. Hosts bill no more than the thinking itself, and do not tell how much that was.
"""


def attachment_tokens(attachment: Attachment) -> int:
    """Tokens for an attachment in a message, whatever the host.

    >>> attachment_tokens(Attachment("image", "https://example.org/a.png"))
    765
    >>> attachment_tokens(Attachment("file", "plan.pdf"))
    2350
    """
    n_bytes = payload_size(attachment.ref)
    if attachment.kind == "image":
        return PICTURE_TOKENS
    if attachment.kind == "audio":
        return _AUDIO_TOKENS * _units(n_bytes, _AUDIO_BYTES, _MINUTE)
    if attachment.kind == "video":
        return _VIDEO_TOKENS * _units(n_bytes, _VIDEO_BYTES, _MINUTE)
    if attachment.ref.startswith((f"data:{ENCRYPTED};", f"data:{SIGNATURE};")):
        return min(_OPAQUE_TOKENS, _units(n_bytes, 4, _OPAQUE_TOKENS))  # 4 bytes a token of text
    return _PAGE_TOKENS * _units(n_bytes, _PAGE_BYTES, 1)


def _units(n_bytes: int | None, unit_bytes: int, default: int) -> int:
    """How many started units are in so many bytes; the default if nothing tells the bytes."""
    return default if n_bytes is None else max(1, math.ceil(n_bytes / unit_bytes))
