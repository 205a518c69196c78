"""From a model to its profile: by its id, or by the chat model itself."""

from __future__ import annotations

import re
from typing import Any

from optical_memory.errors import InputError
from optical_memory.hosts.profile import HostProfile
from optical_memory.hosts.published import HOSTS
from optical_memory.hosts.receipts import user_receipts
from optical_memory.telemetry.event_table import RECEIPTS_UNREADABLE
from optical_memory.telemetry.events import emit

__all__ = [
    "find_host",
    "host_named",
    "model_id",
]

ID_FIELDS = ("model_name", "model", "model_id")
"""Attributes that chat models of LangChain keep their id in."""

_PREFIXES = re.compile(
    r"^(?:(?:us|eu|apac|global|jp|au)\.)?(?:(?:anthropic|openai|google|xai|x-ai|qwen|deepseek)\.)?"
)
"""A region and a vendor, as Bedrock has them."""


def model_id(model: object) -> str:
    """The id of a model without its provider, in small letters; empty if it has none.

    >>> model_id("anthropic:claude-opus-5-5"), model_id("openrouter/google/Gemini-3.7-Flash")
    ('claude-opus-5-5', 'gemini-3.7-flash')
    """
    if not isinstance(model, str):
        model = _field(model)
    name = model.strip().lower().rsplit("/", 1)[-1]
    head, colon, tail = name.partition(":")
    if colon and not re.match(r"\d|free$|beta$|thinking$|latest$", tail):
        name = tail  # "anthropic:claude-…" names a provider, "…-v1:0" a version
    elif colon:
        name = head
    return _PREFIXES.sub("", name)


def _field(model: Any) -> str:
    for field in ID_FIELDS:
        value = getattr(model, field, None)
        if isinstance(value, str) and value:
            return value
    return ""


def find_host(model: object) -> HostProfile | None:
    """The profile of a model, an id or a chat model of LangChain; None if nobody knows it.

    It has the user's own receipts of exactly this model. If the file of receipts is damaged, it is
    passed over with a warning in the log: an agent's turn goes on.

    >>> host = find_host("claude-opus-5-5-20261001")
    >>> host.name, host.is_open
    ('claude-5', True)
    >>> find_host("somebody/new-model-1") is None
    True
    """
    id = model_id(model)
    profile = next((host for host in HOSTS if id and host.matches(id)), None)
    if profile is None:
        return None
    try:
        own_receipts = user_receipts()
    except InputError as error:
        emit(RECEIPTS_UNREADABLE, error=error)
        return profile
    return profile.with_receipts(r for r in own_receipts if model_id(r.model) == id)


def host_named(name: str) -> HostProfile:
    """The published profile of this name. Raises `InputError` if there is none."""
    for host in HOSTS:
        if host.name == name:
            return host
    names = ", ".join(host.name for host in HOSTS)
    raise InputError(f"no host {name!r}; there are {names}")
