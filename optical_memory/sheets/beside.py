"""Words that stand as text beside a sheet, because models misread their letters at this size."""

from __future__ import annotations

import re

from optical_memory.hosts.profile import Beside

__all__ = [
    "exact_words",
]

MIN_CHARS = 6
"""Shorter words are no identifiers, and are read well."""

_WORD = re.compile(r"(?<![\w-])(?=[\w-]{0,127}\d)[\w-]{6,128}(?![\w-])", re.ASCII)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|[\d-]{6,7}")
"""Days, and numbers of seven signs or less: figures are read exactly."""

_HEX = re.compile(r"[0-9a-f-]+|[0-9A-F-]+")

_SWITCHES = re.compile(r"[A-Za-z](?=\d)|\d(?=[A-Za-z])|[a-z](?=[A-Z])")


def exact_words(text: str, policy: Beside) -> tuple[str, ...]:
    """The words of a text that must stand beside its sheet, each once.

    With "lookalikes" these are identifiers that mix letters and digits: I, l and 1, O and 0, S and
    5 look alike there, and no word tells them apart. Numbers and hex have no such letters. With
    "identifiers" these are all words with digits, of six characters or more.

    >>> exact_words("Flight HAT062, code ZFA04Y, call 4417-2299-10", "lookalikes")
    ('ZFA04Y',)
    >>> exact_words("Flight HAT062 of 2024-05-16, code ZFA04Y, call 4417-2299-10", "identifiers")
    ('HAT062', 'ZFA04Y', '4417-2299-10')
    """
    words = [word for word in _WORD.findall(text) if not _DATE.fullmatch(word)]
    if policy == "lookalikes":
        words = [word for word in words if _has_lookalikes(word)]
    return tuple(dict.fromkeys(words))


def _has_lookalikes(word: str) -> bool:
    """True if letters and digits change twice or more, as they do in codes but not in "part12"."""
    if _HEX.fullmatch(word):
        return False
    return any(len(_SWITCHES.findall(part)) >= 2 for part in re.split("[_-]", word))
