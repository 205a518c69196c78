"""Refusals: errors by which a provider says that a request is too long, or has pictures."""

from __future__ import annotations

from langchain_core.exceptions import ContextOverflowError

__all__ = [
    "is_overflow",
    "is_picture_refusal",
]

_STATUS = {400, 413, 422}

_OVERFLOW_WORDS = (
    "context length",
    "context_length",
    "context window",
    "maximum context",
    "input is too long",
    "input token",
    "prompt is too long",
    "reduce the length",
    "request too large",
    "request_too_large",
    "too many tokens",
)
"""As Anthropic, OpenAI, Google, Mistral, vLLM and Bedrock word it."""

_PICTURE_WORDS = ("image", "vision", "multimodal", "multi-modal")


def _status(error: BaseException) -> int | None:
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else None


def is_overflow(error: BaseException) -> bool:
    """True if the provider says that the request is too long for the model."""
    if isinstance(error, ContextOverflowError):
        return True
    text = str(error).lower()
    return _status(error) in _STATUS and any(words in text for words in _OVERFLOW_WORDS)


def is_picture_refusal(error: BaseException) -> bool:
    """True if the provider says that it takes no such picture, or not so many bytes."""
    status = _status(error)
    text = str(error).lower()
    is_about_pictures = any(words in text for words in _PICTURE_WORDS)
    return status == 413 or (status in (*_STATUS, 415, None) and is_about_pictures)
