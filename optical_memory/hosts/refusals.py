"""Refusals: models that did not take a picture, remembered so that they get text from then on."""

from __future__ import annotations

from threading import Lock

from optical_memory.hosts.choose import model_id
from optical_memory.hosts.profile import HostProfile

__all__ = [
    "accept_images",
    "image_refusal",
    "refuse_images",
]

_LOCK = Lock()
_REASONS: dict[str, str] = {}


def _key(model: object) -> str:
    return f"host {model.name}" if isinstance(model, HostProfile) else model_id(model)


def refuse_images(model: object, reason: str = "refused") -> None:
    """Remember that a model, or all models of a profile, refused or failed on a picture.

    Agent code calls it when a request with sheets fails, and sends `Context.as_text()`. From then
    on `context` gives this model text, until the process ends or `accept_images` is called.

    >>> refuse_images("gpt-6-mini", "400: images are not supported")
    >>> image_refusal("openai:gpt-6-mini")
    '400: images are not supported'
    >>> accept_images("gpt-6-mini")
    """
    with _LOCK:
        _REASONS[_key(model)] = reason


def accept_images(model: object) -> None:
    """Forget that a model refused pictures."""
    with _LOCK:
        _REASONS.pop(_key(model), None)


def image_refusal(model: object) -> str | None:
    """Why a model gets no pictures; None if it never refused any."""
    with _LOCK:
        return _REASONS.get(_key(model))
