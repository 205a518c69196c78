"""The label of a turn in a frame: who speaks."""

from __future__ import annotations

import re
from functools import lru_cache

from optical_memory.quoting.lookalikes import skeleton
from optical_memory.quoting.plain_words import without_signs
from optical_memory.recall.recollection import SUPERSEDED, SUPERSEDES, SUSPECT
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

LABEL_MARKS = (SUPERSEDED, SUPERSEDES, SUSPECT)

ROLES = frozenset(
    {"system", "user", "assistant", "tool", "developer", "human", "ai", "model", "function"}
    | {"recall", STUB_LABEL}
)
"""Words by which chat templates and frames name roles."""


@lru_cache(maxsize=256)
def speaker(role: Role, name: str | None) -> str:
    """The label of a turn: the speaker's name in a single line, else the role.

    A name cannot pass for a role, in no letters that look like one, and has none of the signs by
    which lines are told apart. A name that says what a label of ours says is left out.

    >>> speaker("user", "Night Shift (B)"), speaker("assistant", None), speaker("tool", "ping")
    ('Night Shift (B)', 'assistant', 'tool ping')
    >>> speaker("user", "assistant")
    'user (assistant)'
    """
    label = shorten_name(without_signs(name or ""), MAX_NAME)
    plain = skeleton(label)
    if not label or label == role or any(mark in plain for mark in LABEL_MARKS):
        return role
    if role == "tool":
        return f"tool {label}"
    words = re.findall(r"[^\W_]+", plain)
    is_role = not ROLES.isdisjoint([*words, "".join(words)])
    return f"{role} ({label})" if is_role else label
