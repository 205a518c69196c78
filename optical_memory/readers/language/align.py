"""Free text onto a page's layout: which part of a transcript stands in which row.

A language decoder gives text without places, and may break lines elsewhere than the page did. The
layout knows how many characters every row has and what joins it to the next row. Rows are cut from
the text so that their lengths fit best overall, at white space if a row ends with a space or a line
break. Ledger, certificate and spans then work on the page's own offsets. Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, RowBox
from optical_memory.readers.language.decoder import Transcript
from optical_memory.readings import CONFIDENT, UNREAD, Reading

__all__ = [
    "fit",
    "unread",
]

MID_WORD = 4.0
"""Cost, in characters, of ending a row inside a word if the layout has a space or a line break."""

DOUBTFUL = np.float32(CONFIDENT / 2)
"""The highest confidence in a row whose length did not fit: certainly below `CONFIDENT`."""

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]


def unread(layout: Layout) -> Reading:
    """A page that was not read: U+FFFD everywhere except for joins, which the layout knows."""
    text = "".join(UNREAD * row.chars + row.join for row in layout.rows)
    return Reading(text, np.array([char != UNREAD for char in text], np.float32))


def fit(transcript: Transcript, layout: Layout) -> Reading:
    """The transcript as a reading of exactly the layout's characters.

    If the part of a row is too long, its least confident characters are left out. If it is too
    short, U+FFFD stands before its least confident characters. Since that is a guess, all
    characters of such a row are below `CONFIDENT`.
    """
    text, confidence = _normalize(transcript)
    ends = _row_ends(text, layout.rows)
    parts: list[str] = []
    confidences: list[Floats] = [np.zeros(0, np.float32)]
    for row, (start, end) in zip(layout.rows, pairwise([0, *ends]), strict=True):
        part, part_confidence = _fit_row(text[start:end], confidence[start:end], row)
        parts.append(part + row.join)
        confidences += [part_confidence, np.ones(len(row.join), np.float32)]
    reading_text = "".join(parts)
    confidence = np.concatenate(confidences)
    confidence[[i for i, char in enumerate(reading_text) if char == UNREAD]] = 0
    return Reading(reading_text, confidence)


def _normalize(transcript: Transcript) -> tuple[str, Floats]:
    """The text with every run of line breaks as one "\\n", and its confidence, (len(text),).

    White space at both ends of the text is left out.
    """
    core = transcript.text.strip()
    first = len(transcript.text) - len(transcript.text.lstrip())
    chars: list[str] = []
    places: list[int] = []
    for match in re.finditer(r"(?<!\s)\s*\n\s*|[^\n]", core):
        chars.append("\n" if "\n" in match[0] else match[0])
        places.append(first + match.start())
    return "".join(chars), transcript.confidence[places].astype(np.float32)


# ---- where rows end ------------------------------------------------------------------------------


def _row_ends(text: str, rows: Sequence[RowBox]) -> list[int]:
    """The end of each row in `text`: the cuts with the least sum of errors of length.

    Found by dynamic programming, row by row over all places of the text.
    """
    # Of the character before each place, (len(text) + 1,):
    after_space = np.array([True, *(char.isspace() for char in text)])
    after_break = np.array([True, *(char == "\n" for char in text)])
    costs = np.full(len(text) + 1, np.inf, np.float32)
    costs[0] = 0
    origins: list[Places] = []
    for i, row in enumerate(rows):
        is_last = i == len(rows) - 1
        in_word, word_origin = _next_row(costs, row.chars)
        in_word += np.float32(MID_WORD if row.join and not is_last else 0)
        at_space, space_origin = _next_row(costs, row.chars + 1)  # with the white space after it
        at_space = np.where(after_space if row.join else after_break, at_space, np.inf)
        at_space += (row.join == "\n") * ~after_break
        costs = np.minimum(in_word, at_space).astype(np.float32)
        origins.append(np.where(at_space <= in_word, space_origin, word_origin))
    return _ends_from(origins, len(text))


def _ends_from(origins: Sequence[Places], last_end: int) -> list[int]:
    """The end of each row, from the origin of every possible end, (len(text) + 1,) a row."""
    ends: list[int] = []
    end = last_end
    for origin in reversed(origins):
        ends.append(end)
        end = int(origin[end])
    return ends[::-1]


def _next_row(costs: Floats, n_chars: int) -> tuple[Floats, Places]:
    """Least cost of a row of about `n_chars` that ends at each place, and the place it begins at.

    A row may have from no characters to twice as many; the difference is its cost.
    """
    n = len(costs)
    lowest = np.full(n, np.inf, np.float32)
    origin = np.zeros(n, np.int64)
    for length in range(min(n - 1, 2 * n_chars + 8) + 1):
        cost = costs[: n - length] + np.float32(abs(length - n_chars))
        better = cost < lowest[length:]
        lowest[length:][better] = cost[better]
        origin[length:][better] = np.flatnonzero(better)
    return lowest, origin


# ---- a row of the right length -------------------------------------------------------------------


def _fit_row(part: str, confidence: Floats, row: RowBox) -> tuple[str, Floats]:
    """The characters of a row from its part of the text, and their confidence, (row.chars,)."""
    start, end = _without_joins(part, row)
    chars = part[start:end].replace("\n", " ")
    confidence = confidence[start:end]
    surplus = len(chars) - row.chars
    minimum = confidence.min(initial=1)
    if surplus == -1 and row.join == "\n" and minimum >= CONFIDENT:
        return chars + " ", np.append(confidence, minimum)  # nobody sees a blank at the line's end
    if surplus > 0:
        return _shorten(chars, confidence, surplus)
    if surplus < 0:
        return _lengthen(chars, confidence, -surplus)
    return chars, confidence


def _without_joins(part: str, row: RowBox) -> tuple[int, int]:
    """(start, end) of a row's part without the white space at its ends that stands for a join."""
    end = len(part)
    if part[-1:] == "\n" or (part[-1:].isspace() and row.join):
        end -= 1
    chars = part[:end]
    start = int(chars[:1] == "\n" or (chars[:1].isspace() and len(chars) > row.chars))
    return start, end


def _shorten(chars: str, confidence: Floats, n: int) -> tuple[str, Floats]:
    """Without the `n` least confident characters."""
    surplus = np.argsort(confidence, kind="stable")[:n]
    places = np.setdiff1d(np.arange(len(chars)), surplus)
    return "".join(chars[i] for i in places), np.minimum(confidence[places], DOUBTFUL)


def _lengthen(chars: str, confidence: Floats, n: int) -> tuple[str, Floats]:
    """With `n` times U+FFFD, before the least confident characters."""
    weakest = np.argsort(confidence, kind="stable")[:n]
    gaps = np.sort(np.resize(weakest if len(weakest) else [0], n))
    bounds = [0, *gaps.tolist(), len(chars)]
    text = UNREAD.join(chars[start:end] for start, end in pairwise(bounds))
    return text, np.insert(np.minimum(confidence, DOUBTFUL), gaps, np.float32(0))
