"""Units: the pieces of a turn that are found. Whole sentences, as many as fit `UNIT_CHARS`."""

from __future__ import annotations

import re

__all__ = [
    "UNIT_CHARS",
    "cut_units",
]

UNIT_CHARS = 400
"""The longest unit, in characters: the best length of those tried on the development data."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]{0,3}\s+|(?<=[。！？])|\n+")


def cut_units(text: str) -> list[tuple[int, int]]:
    """(start, end) of the units of a text, in order. A text without words has none.

    >>> cut_units("The gate code is 4417. It is new.")
    [(0, 33)]

    A text of at most `UNIT_CHARS` is a unit by itself. A longer text is cut at ends of sentences
    and lines. A sentence that is too long is cut between words, or, without blanks, anywhere.
    """
    if len(text) <= UNIT_CHARS:
        return [(0, len(text))] if text.strip() else []
    units: list[tuple[int, int]] = []
    start = 0
    end = 0  # of the last sentence that fits the unit
    for stop in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        if stop - start > UNIT_CHARS and end > start:
            units.append((start, end))
            start = end
        while stop - start > UNIT_CHARS:
            end = _cut_sentence(text, start)
            units.append((start, end))
            start = end
        end = stop
    if end > start:
        units.append((start, end))
    return [(start, end) for start, end in units if text[start:end].strip()]


def _cut_sentence(text: str, start: int) -> int:
    """The end of a unit inside of a sentence that begins at `start` and is too long."""
    limit = start + UNIT_CHARS
    blank = text.rfind(" ", start + 1, limit)
    return blank + 1 if blank > 0 else limit
