"""Free text onto a page's layout: which part of what a decoder wrote stands in which row. Imports
no torch.

A language decoder gives text without places, and may break lines elsewhere than the page did. The
layout knows how many characters every row has and what joins it to the next. Rows are cut from the
text so that their lengths fit best overall, at white space where a row ends with a space or a line
break. Everything downstream (ledger, certificate, spans) then works on the page's own offsets.
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

__all__ = ["fit", "unread"]

MID_WORD = 4.0  # cost of ending a row inside a word where the layout has a space or line break, in characters
Floats = npt.NDArray[np.float32]


def unread(layout: Layout) -> Reading:
    """A page that was not read: U+FFFD everywhere but for joins, which the layout knows."""
    text = "".join(UNREAD * row.chars + row.join for row in layout.rows)
    return Reading(text, np.array([char != UNREAD for char in text], np.float32))


def fit(transcript: Transcript, layout: Layout) -> Reading:
    """The transcript as a reading of exactly the layout's characters.

    Where a row's part is too long, its least sure characters are left out; where it is too short,
    U+FFFD stands before the least sure ones. Since that is a guess, all characters of such a row
    are below `CONFIDENT`.
    """
    text, p = _one_line(transcript)
    ends = _cuts(text, layout.rows)
    read: list[str] = []
    sure: list[Floats] = []
    start = 0
    for row, end in zip(layout.rows, ends, strict=True):
        part, q = _trimmed(text[start:end], p[start:end], row)
        read.append(part + row.join)
        sure += [q, np.ones(len(row.join), np.float32)]
        start = end
    joined = "".join(read)
    confidence = np.concatenate(sure) if sure else np.zeros(0, np.float32)
    confidence[[i for i, char in enumerate(joined) if char == UNREAD]] = 0
    return Reading(joined, confidence)


def _one_line(transcript: Transcript) -> tuple[str, Floats]:
    """The text with every run of line breaks as one "\\n", none at its ends, and its confidence."""
    kept: list[int] = []
    for match in re.finditer(r"\s*\n\s*|[^\n]", transcript.text.strip()):
        kept.append(match.start() if "\n" not in match[0] else -1 - match.start())
    first = len(transcript.text) - len(transcript.text.lstrip())
    text = "".join("\n" if i < 0 else transcript.text[first + i] for i in kept)
    places = [first + (i if i >= 0 else -1 - i) for i in kept]
    return text, transcript.confidence[places].astype(np.float32)


def _cuts(text: str, rows: Sequence[RowBox]) -> list[int]:
    """Where each row ends in `text`: the cuts with the least sum of length errors, found row by row
    (dynamic programming over all places of the text).
    """
    blank = np.array(
        [True, *(char.isspace() for char in text)]
    )  # of the character before each place
    broken = np.array([True, *(char == "\n" for char in text)])
    best = np.full(len(text) + 1, np.inf, np.float32)
    best[0] = 0
    chosen: list[npt.NDArray[np.int64]] = []
    for i, row in enumerate(rows):
        last = i == len(rows) - 1
        inside = np.float32(MID_WORD if row.join and not last else 0)
        within, from_within = _next_row(best, row.chars)
        parted, from_parted = _next_row(best, row.chars + 1)  # with the white space after it
        parted = (
            np.where(blank if row.join else broken, parted, np.inf) + (row.join == "\n") * ~broken
        )
        best = np.minimum(within + inside, parted).astype(np.float32)
        chosen.append(np.where(parted <= within + inside, from_parted, from_within))
    at, ends = len(text), []
    for came_from in reversed(chosen):
        ends.append(at)
        at = int(came_from[at])
    return ends[::-1]


def _next_row(best: Floats, chars: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Least cost of a row of about `chars` ending at each place, and where it then began: any
    length from none to twice as many costs its difference.
    """
    n = len(best)
    cost = np.full(n, np.inf, np.float32)
    origin = np.zeros(n, np.int64)
    for length in range(min(n - 1, 2 * chars + 8) + 1):
        tried = best[: n - length] + np.float32(abs(length - chars))
        better = tried < cost[length:]
        cost[length:][better] = tried[better]
        origin[length:][better] = np.flatnonzero(better)
    return cost, origin


def _trimmed(part: str, p: Floats, row: RowBox) -> tuple[str, Floats]:
    """One row's characters without the white space at its ends that its join stands for."""
    if part[-1:] == "\n" or (part[-1:].isspace() and row.join):
        part, p = part[:-1], p[:-1]
    if part[:1] == "\n" or (part[:1].isspace() and len(part) > row.chars):
        part, p = part[1:], p[1:]
    part = part.replace("\n", " ")
    if len(part) == row.chars - 1 and row.join == "\n" and p.min(initial=1) >= CONFIDENT:
        return part + " ", np.append(
            p, p.min(initial=1)
        )  # a blank before the line's end, which nobody can see
    if len(part) == row.chars:
        return part, p
    doubtful = np.argsort(p, kind="stable")[: abs(len(part) - row.chars)]
    if len(part) > row.chars:
        keep = np.setdiff1d(np.arange(len(part)), doubtful)
        return "".join(part[i] for i in keep), np.minimum(p[keep], np.float32(CONFIDENT / 2))
    gaps = np.sort(np.resize(doubtful if len(doubtful) else [0], row.chars - len(part)))
    starts = [0, *gaps.tolist()]
    chars = UNREAD.join(part[a:b] for a, b in pairwise([*starts, len(part)]))
    return chars, np.insert(np.minimum(p, np.float32(CONFIDENT / 2)), gaps, np.float32(0))
