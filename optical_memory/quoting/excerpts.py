"""Excerpts: the passage of a text that has most of the terms that were asked for."""

from __future__ import annotations

from collections import Counter

__all__ = [
    "Match",
    "densest",
]

Match = tuple[int, int, set[str]]
"""A word of a text: its start, its end, and the keys of the query's terms in it."""


def densest(matches: list[Match], chars: int) -> tuple[int, int]:
    """(start, end) of the first passage of at most `chars` characters with most different terms.

    It is (0, 0) if there are no matches.
    """
    best = 0
    passage = (0, 0)
    counts: Counter[str] = Counter()
    stop = 0
    for start, _, match_keys in matches:
        while stop < len(matches) and matches[stop][1] <= start + chars:
            counts.update(matches[stop][2])
            stop += 1
        if len(counts) > best:
            best = len(counts)
            passage = (start, matches[stop - 1][1])
        counts.subtract(match_keys)
        counts += Counter()
    return passage
