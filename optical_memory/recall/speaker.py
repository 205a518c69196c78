"""The label of a turn in a frame: who speaks."""

from __future__ import annotations

import re
from functools import lru_cache

from optical_memory.renderers.marks import shorten_name
from optical_memory.turns import Role

__all__ = [
    "STUB_LABEL",
    "speaker",
]

STUB_LABEL = "faded"
"""Who says the keywords and facts that are left of a page: nobody does any more."""

MAX_NAME = 64
"""Characters of a speaker's name that are shown: as many as hosts allow."""

ROLES = frozenset({"system", "user", "assistant", "tool", "developer", STUB_LABEL})

_NOT_IN_LABELS = re.compile(r"[\s:<>\[\]{}…]+")


@lru_cache(maxsize=256)
def speaker(role: Role, name: str | None) -> str:
    """The label of a turn: the speaker's name in a single line, else the role.

    A name cannot pass for a role, and has none of the signs by which lines are told apart.

    >>> speaker("user", "Night Shift (B)"), speaker("assistant", None), speaker("tool", "ping")
    ('Night Shift (B)', 'assistant', 'tool ping')
    >>> speaker("user", "assistant")
    'user (assistant)'
    """
    visible = "".join(char if char.isprintable() else " " for char in name or "")
    label = shorten_name(_NOT_IN_LABELS.sub(" ", visible).strip(), MAX_NAME)
    if not label or label == role:
        return role
    if role == "tool":
        return f"tool {label}"
    is_role = not ROLES.isdisjoint(re.findall(r"\w+", label.casefold()))
    return f"{role} ({label})" if is_role else label
