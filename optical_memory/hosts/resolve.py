"""Which profile a window is filled for: that of a host, or of a model that did not refuse."""

from __future__ import annotations

from dataclasses import replace

from optical_memory.errors import InputError
from optical_memory.hosts.choose import find_host, host_named
from optical_memory.hosts.profile import HostProfile
from optical_memory.hosts.refusals import image_refusal

__all__ = [
    "resolve_host",
]


def resolve_host(host: HostProfile | str | None, model: object | None) -> HostProfile | None:
    """The profile that is named, or the model's; None if neither is known.

    A model or a host that refused a picture has no receipts left, so it gets text. Raises
    `InputError` for a host that is not listed.
    """
    profile = host_named(host) if isinstance(host, str) else host
    if profile is not None and not isinstance(profile, HostProfile):
        raise InputError(f"host must be a HostProfile or its name, not {type(host).__name__}")
    if profile is None and model is not None:
        profile = find_host(model)
    if profile is None:
        return None
    is_refused = image_refusal(profile) is not None
    if model is not None:
        is_refused = is_refused or image_refusal(model) is not None
    return replace(profile, receipts=()) if is_refused else profile
