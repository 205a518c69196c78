"""Our marks of doubt and of loss, written by somebody else: a backslash tells them from ours."""

from __future__ import annotations

import re

from optical_memory.quoting.lookalikes import with_sign

__all__ = [
    "without_marks",
]

_MARKS = re.compile(r"(?<![\w\])])(?=\[(?:[ \t]?(?:\u2026|\.\.\.)[ \t]?|[^\s\[\]]{1,64}\?)\])")
"""`[…]` and `[word?]`; behind a word such brackets are an index, in code."""


def without_marks(text: str) -> str:
    r"""The text with a backslash before each word that looks like a mark of ours.

    >>> without_marks("so […] and [maybe?]")
    'so \\[…] and \\[maybe?]'
    """
    return with_sign(text, _MARKS, "\\")
