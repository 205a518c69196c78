"""Aligning two sequences of keys: which items of a new list are those of an old list."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

__all__ = [
    "align",
]

UNKNOWN = ""
"""The key of an item of which nobody knows if it is the same as another."""

Pair = tuple[int, int]
"""Positions of an item in the new list and in the old list."""


def align(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """The position in `old` of each item of `new` that is the same, both in the same order.

    >>> align(["a", "b", "c", "d"], ["b", "c", "x", "d"])
    {0: 1, 1: 2, 3: 3}

    Keys that occur once in both lists are the anchors, and equal neighbours of an anchor go with
    it. So of many equal items those are the same that stand beside the same others. Without any
    anchor, `new` is `old` with a different end, or with its beginning cut off.
    """
    pairs = _anchored(old, new, (0, 0), (len(new), len(old)))
    return dict(pairs or _overlap(old, new))


def _anchored(old: Sequence[str], new: Sequence[str], start: Pair, end: Pair) -> list[Pair]:
    """The pairs between two places, by anchors and their neighbours; then again in each gap."""
    pairs: list[Pair] = []
    low = start
    for anchor in _anchors(old, new, start, end):
        if anchor < low:
            continue  # it is a neighbour of the last anchor
        first, last = _run(old, new, anchor, low, end)
        if pairs:
            pairs += _anchored(old, new, low, first)
        pairs += [(first[0] + i, first[1] + i) for i in range(last[0] - first[0])]
        low = last
    return pairs


def _anchors(old: Sequence[str], new: Sequence[str], start: Pair, end: Pair) -> list[Pair]:
    """Pairs of keys that occur once on each side: the most of them that are in the same order."""
    old_keys = old[start[1] : end[1]]
    new_keys = new[start[0] : end[0]]
    old_counts = Counter(old_keys)
    new_counts = Counter(new_keys)
    places = {key: start[1] + i for i, key in enumerate(old_keys) if old_counts[key] == 1}
    pairs = [
        (start[0] + i, places[key])
        for i, key in enumerate(new_keys)
        if key != UNKNOWN and new_counts[key] == 1 and key in places
    ]
    return _increasing(pairs)


def _increasing(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest part of these pairs whose second positions increase."""
    tails: list[int] = []  # the least last position of a part of each length
    ends: list[int] = []  # the pair at the end of that part
    previous: list[int] = []
    for i, (_, place) in enumerate(pairs):
        length = bisect_left(tails, place)
        previous.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place]
        ends[length : length + 1] = [i]
    chain: list[Pair] = []
    i = ends[-1] if ends else -1
    while i >= 0:
        chain.append(pairs[i])
        i = previous[i]
    return chain[::-1]


def _run(
    old: Sequence[str], new: Sequence[str], anchor: Pair, low: Pair, high: Pair
) -> tuple[Pair, Pair]:
    """The ends of the run of equal keys around an anchor, between two places."""
    n_before = 0
    room = min(anchor[0] - low[0], anchor[1] - low[1])
    while n_before < room and _same(old, new, (anchor[0] - n_before - 1, anchor[1] - n_before - 1)):
        n_before += 1
    n_after = 0
    room = min(high[0] - anchor[0], high[1] - anchor[1])
    while n_after < room and _same(old, new, (anchor[0] + n_after, anchor[1] + n_after)):
        n_after += 1
    first = (anchor[0] - n_before, anchor[1] - n_before)
    return first, (anchor[0] + n_after, anchor[1] + n_after)


def _same(old: Sequence[str], new: Sequence[str], pair: Pair) -> bool:
    return new[pair[0]] == old[pair[1]] != UNKNOWN


def _overlap(old: Sequence[str], new: Sequence[str]) -> list[Pair]:
    """Pairs of the common beginning, or of the end of `old` that `new` begins with, if longer."""
    n_same = 0
    while n_same < min(len(old), len(new)) and _same(old, new, (n_same, n_same)):
        n_same += 1
    n_overlap = _longest_border(new, old)
    shift = len(old) - n_overlap if n_overlap >= n_same else 0
    return [(i, shift + i) for i in range(max(n_same, n_overlap))]


def _longest_border(new: Sequence[str], old: Sequence[str]) -> int:
    """The length of the longest beginning of `new` that is an end of `old`.

    By the borders of Knuth, Morris and Pratt, so that equal items cost no more than others.
    """
    borders = [0] * len(new)
    length = 0
    for i in range(1, len(new)):
        while length and new[i] != new[length]:
            length = borders[length - 1]
        length += new[i] == new[length]
        borders[i] = length
    length = 0
    for key in old:
        while length and (length == len(new) or key != new[length]):
            length = borders[length - 1]
        if new and key == new[length] != UNKNOWN:
            length += 1
    return length
