"""Pages of an asked compression: the rung at which full pages reach it, and how they are cut to it.

Compression is DeepSeek tokens of the text over tokens that the decoder receives. Rows stay whole,
so a cut page holds a little more than was asked. A page that holds less stays whole: whoever
reports it reports its true compression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optical_memory.counting import count_batch, count_tokens
from optical_memory.pages import Layout, Page, TurnSpan
from optical_memory.profiles import ReaderProfile, Rung

__all__ = [
    "cut",
    "finest_rung",
    "first_rows",
    "mean_tokens",
]


def mean_tokens(pages: Sequence[Page]) -> float:
    """Text tokens that the pages hold on average."""
    return sum(count_batch([page.text for page in pages])) / len(pages)


def finest_rung(compression: float, pages: Sequence[Page], profile: ReaderProfile) -> Rung:
    """The finest rung at which the pages hold `compression` text tokens a visual token.

    It is the coarsest rung if the pages reach that compression at none.
    """
    mean = mean_tokens(pages)
    for rung in profile.ladder:
        if mean >= compression * rung.n_tokens:
            return rung
    return profile.ladder[-1]


def cut(page: Page, n_tokens: float) -> Page:
    """The first rows of the page that hold at least `n_tokens` text tokens.

    It is the whole page if the page holds fewer.
    """
    low = 1
    high = len(page.lines)
    while low < high:
        middle = (low + high) // 2
        if count_tokens(first_rows(page, middle).text) >= n_tokens:
            high = middle
        else:
            low = middle + 1
    return first_rows(page, low)


def first_rows(page: Page, n_rows: int) -> Page:
    """The first `n_rows` rows of a page, each in its place."""
    rows = page.layout.rows[:n_rows]
    end = sum(row.chars + len(row.join) for row in rows)
    spans = tuple(_spans_until(end, page.layout.spans))
    return Page(Layout(page.layout.grid, rows, spans), page.lines[:n_rows])


def _spans_until(end: int, spans: Sequence[TurnSpan]) -> Iterator[TurnSpan]:
    """The spans before the character `end`; a span that goes on behind it is cut there."""
    for span in spans:
        if span.start >= end:
            return
        if span.end <= end:
            yield span
        else:
            yield replace(span, body=min(span.body, end), end=end, more=True)
