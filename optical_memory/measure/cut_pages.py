"""Pages of an asked compression: the rung at which full pages reach it, and the rows that hold so
many tokens.

Compression is DeepSeek tokens of the text over tokens that the decoder receives. Rows are whole, so
that a cut page holds a little more than was asked. A page that holds less stays whole: whoever
reports it says its true compression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optical_memory.counting import count_batch, count_tokens
from optical_memory.pages import Layout, Page, TurnSpan
from optical_memory.profiles import ReaderProfile, Rung

__all__ = ["cut", "finest", "first_rows"]


def finest(ratio: float, pages: Sequence[Page], profile: ReaderProfile) -> Rung:
    """The finest rung at which the pages hold `ratio` text tokens a visual token; the coarsest if
    none does.
    """
    mean = sum(count_batch([page.text for page in pages])) / len(pages)
    return next(
        (rung for rung in profile.ladder if mean >= ratio * rung.n_tokens), profile.ladder[-1]
    )


def cut(page: Page, tokens: float) -> Page:
    """The first rows of the page that hold at least `tokens` text tokens; the whole page if it
    holds fewer.
    """
    low, high = 1, len(page.lines)
    while low < high:
        middle = (low + high) // 2
        if count_tokens(first_rows(page, middle).text) >= tokens:
            high = middle
        else:
            low = middle + 1
    return first_rows(page, low)


def first_rows(page: Page, rows: int) -> Page:
    """The first `rows` rows of a page, where they stand."""
    layout = page.layout
    end = sum(row.chars + len(row.join) for row in layout.rows[:rows])
    return Page(
        Layout(layout.grid, layout.rows[:rows], tuple(_clipped(layout.spans, end))),
        page.lines[:rows],
    )


def _clipped(spans: Sequence[TurnSpan], end: int) -> Iterator[TurnSpan]:
    for span in spans:
        if span.start < end:
            yield (
                span
                if span.end <= end
                else replace(span, body=min(span.body, end), end=end, more=True)
            )
