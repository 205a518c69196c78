"""`Recollection`: an answer to recall, as a value.

It is a page as it reads now, or a turn that is still text. Each of its spans says how far to trust
it. This module knows nothing of sessions, stores and readers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from optical_memory.search.terms import key, terms, words
from optical_memory.spans import Span, Status

__all__ = [
    "DOUBT",
    "OPEN",
    "Recollection",
]

OPEN = "open"
"""The rung of a turn that is still text and stands on no page."""

DOUBT = 0.5
"""A reconstructed word whose probability is below this is more likely wrong: shown as `[word?]`."""

_WORDS = re.compile(r"\S+|\s+")  # and the blanks between them
_GAP = "\0"  # a forgotten character; many in a row become a single […]
_GAPS = re.compile(rf"{_GAP}(?:\s*{_GAP})*")

# The flags of a text: a letter for each character.
_KEPT = "k"
_DOUBTFUL = "d"
_FORGOTTEN = "f"

Match = tuple[int, int, set[str]]
"""A word of a text: its start, its end, and the keys of the query's terms in it."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """Page `page` as it reads now from `rung`; `spans` cover `text` without gaps.

    >>> text = "We spoke of the garden first. The gate code is 4417. Then we went home."
    >>> spans = (Span(0, len(text), "verified", 1.0),)
    >>> page = Recollection("p1", text, spans, "tiny", 2.5, 17, ("t1", "t2"), ordinal=3)
    >>> page.provenance
    '[page 4, read from tiny, 100 % verified]'
    >>> page.excerpt("gate code?", chars=24)
    '… first. The gate code is 4417. …'

    `rung` is None if the text was still there. A turn that stands on no page yet has the rung
    "open"; its `page` is `turn <id>`. `score` is the search score: higher is better.
    `n_tokens` is the cost of the text in a window (DeepSeek tokens). `turns` are the ids of the
    turns on the page. `ordinal` is the page's place in the session, 0 for the first page; open
    turns come after all pages.
    """

    page: str
    text: str
    spans: tuple[Span, ...]
    rung: str | None
    score: float
    n_tokens: int
    turns: tuple[str, ...]
    ordinal: int = 0

    @property
    def certainty(self) -> float:
        """Mean probability that a character is right, in 0..1; 0 for a page without text."""
        n_chars = sum(span.end - span.start for span in self.spans)
        n_right = sum(span.p * (span.end - span.start) for span in self.spans)
        return n_right / n_chars if n_chars else 0.0

    def share(self, *statuses: Status) -> float:
        """Share of the characters whose span has one of these statuses, in 0..1."""
        n_chars = sum(span.end - span.start for span in self.spans)
        n_matching = sum(span.end - span.start for span in self.spans if span.status in statuses)
        return n_matching / n_chars if n_chars else 0.0

    @property
    def provenance(self) -> str:
        """The mark that goes before the text in a window; pages are numbered from 1."""
        if self.rung == OPEN:
            return f"[{self.page}, original text]"
        page = f"page {self.ordinal + 1}"
        if self.rung is None:
            return f"[{page}, original text]"
        if self.rung == "stub":
            return f"[{page}, faded: only keywords and exact facts remain]"
        percent = int(100 * self.share("original", "verified"))
        return f"[{page}, read from {self.rung}, {percent} % verified]"

    def marked(self, start: int = 0, end: int | None = None) -> str:
        """The text[start:end], with forgotten passages as `[…]` and doubtful words as `[word?]`."""
        flags = self._flags()
        stop = len(self.text) if end is None else end
        pieces = [
            _marked(match[0], flags[match.start() : match.end()])
            for match in _WORDS.finditer(self.text, start, stop)
        ]
        return _GAPS.sub("[…]", "".join(pieces)).strip("\n")

    def _flags(self) -> str:
        """A letter for each character: kept, doubtful or forgotten."""
        flags = [_KEPT] * len(self.text)
        for span in self.spans:
            if span.status == "forgotten":
                flags[span.start : span.end] = _FORGOTTEN * (span.end - span.start)
            elif span.status == "reconstructed" and span.p < DOUBT:
                flags[span.start : span.end] = _DOUBTFUL * (span.end - span.start)
        return "".join(flags)

    def excerpt(self, query: str, chars: int = 400) -> str:
        """The passage of about `chars` characters that has most terms of the query, as `marked`.

        It starts and ends at whole words. If the page has none of the terms, the passage is its
        beginning.
        """
        start, end = _densest(self._matches(query), chars)
        margin = max(0, chars - (end - start)) // 2
        first = self.text.rfind(" ", 0, max(0, start - margin)) + 1
        stop = self.text.find(" ", max(end, first + chars))
        prefix = "… " if first else ""
        if stop < 0:
            return f"{prefix}{self.marked(first)}"
        return f"{prefix}{self.marked(first, stop)} …"

    def _matches(self, query: str) -> list[Match]:
        """The words of the text that share a term with the query."""
        query_keys = {key(term) for term in terms(query)}
        matches: list[Match] = []
        for start, end, word_terms in words(self.text):
            common = query_keys.intersection(map(key, word_terms))
            if common:
                matches.append((start, end, common))
        return matches


def _marked(word: str, flags: str) -> str:
    """A word, or the blanks between two, by the flags of its characters."""
    if _FORGOTTEN in flags:
        pairs = zip(word, flags, strict=True)
        return "".join(_GAP if flag == _FORGOTTEN else char for char, flag in pairs)
    return f"[{word}?]" if _DOUBTFUL in flags else word


def _densest(matches: list[Match], chars: int) -> tuple[int, int]:
    """(start, end) of the first passage of at most `chars` characters with most different terms.

    It is (0, 0) if there are no matches.
    """
    best = 0
    passage = (0, 0)
    for i, (start, _, _) in enumerate(matches):
        # A word has a character at least, so a passage holds no more than `chars` words.
        inside = [match for match in matches[i : i + chars] if match[1] <= start + chars]
        n_terms = len(set().union(*(match[2] for match in inside)))
        if n_terms > best:
            best = n_terms
            passage = (start, inside[-1][1])
    return passage
