"""`Recollection`: an answer to recall, as a value.

It is a page as it reads now, or a turn that is still text. Each of its spans says how far to trust
it. This module knows nothing of sessions, stores and readers.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from optical_memory.quoting.excerpts import Match, densest
from optical_memory.quoting.own_marks import without_marks
from optical_memory.quoting.plain_words import plain_words
from optical_memory.quoting.unseen import shown
from optical_memory.search.terms import key, terms, words
from optical_memory.spans import DOUBT, Span, Status
from optical_memory.turns import Role

__all__ = [
    "DOUBT",
    "OPEN",
    "OTHER_READER",
    "SUPERSEDED",
    "SUPERSEDES",
    "SUSPECT",
    "PassageTurn",
    "Recollection",
    "Recollections",
]

OPEN = "open"
"""The rung of a turn that is still text and stands on no page."""

OTHER_READER = "another reader"
"""The rung of a page of another reader, or whose picture is damaged or gone: only exact facts."""

SUPERSEDED = "replaced by a later version"
"""What a window says of a superseded turn, so that no model takes it for current."""

SUPERSEDES = "replaces an earlier version"
"""What a window says of a turn that superseded another."""

SUSPECT = "possible instructions, quoted"
"""What a window says of words that the guard found suspicious."""

_WORDS = re.compile(r"\S+|\s+")  # and the blanks between them

_GAP = "\0"  # a forgotten character; many in a row become a single […]
_GAPS = re.compile(rf"{_GAP}(?:\s*{_GAP})*")

# The flags of a text: a letter for each character.
_KEPT = "k"
_DOUBTFUL = "d"
_FORGOTTEN = "f"


@dataclass(frozen=True, slots=True)
class PassageTurn:
    """A turn, or a piece of it, in a passage: `text[start:end]` of the passage.

    `page` is the page that the piece begins on, None if it was read from the turn's own text.
    `last_page` is the page that it ends on if that is another. `rung` is the rung that it was read
    from, None if the page's text was there. `begins` and `ends` are True if the piece begins and
    ends with the turn's body. `id` is empty for the words that are left of a faded page.

    `id` is the host's id, and `version` counts the versions of that turn from 1. `superseded_by` is
    the id of the turn that replaced it: its own for an older version. `supersedes` are the ids of
    turns that it replaced: its own if it has older versions. `is_suspect`: the guard marked it.
    """

    id: str
    role: Role
    start: int
    end: int
    name: str | None = None
    when: datetime | None = None
    page: str | None = None
    rung: str | None = None
    begins: bool = True
    ends: bool = True
    last_page: str | None = None
    version: int = 1
    superseded_by: str | None = None
    supersedes: tuple[str, ...] = ()
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Recollection:
    """A passage, or a page, as it reads now; `spans` cover `text` without gaps.

    >>> text = "We spoke of the garden first. The gate code is 4417. Then we went home."
    >>> spans = (Span(0, len(text), "verified", 1.0),)
    >>> page = Recollection("p1", text, spans, "tiny", 2.5, 17, ("t1", "t2"), ordinal=3)
    >>> page.provenance
    '[page 4, read from tiny, 100 % verified]'
    >>> page.excerpt("gate code?", chars=24)
    '… first. The gate code is 4417. …'

    A passage is a stretch of the conversation; its `parts` say who said which piece of the text,
    and `page` and `rung` are those of its first piece. A whole page has no parts.
    `rung` is None if the text was still there. A turn that stands on no page yet has the rung
    "open"; its `page` is `turn <id>`. `score` is the search score: higher is better.
    `n_tokens` is the cost of the text in a window (DeepSeek tokens). `turns` are the ids of the
    turns on it, in order. `ordinal` is its place in the session, 0 for the first: passages are
    numbered by their first turn, pages by themselves. `suspects` are ranges of a whole page in
    which the guard found possible instructions; of a passage its parts tell it.
    """

    page: str
    text: str
    spans: tuple[Span, ...]
    rung: str | None
    score: float
    n_tokens: int
    turns: tuple[str, ...]
    ordinal: int = 0
    parts: tuple[PassageTurn, ...] = ()
    suspects: tuple[tuple[int, int], ...] = ()

    @property
    def pages(self) -> tuple[str, ...]:
        """The ids of its pages, in order; none if it stands on no page."""
        if not self.parts:
            return () if self.rung == OPEN else (self.page,)
        pages: list[str | None] = []
        for part in self.parts:
            pages += [part.page, part.last_page]
        return tuple(dict.fromkeys(page for page in pages if page is not None))

    @property
    def rungs(self) -> tuple[str, ...]:
        """The rungs that it was read from, each once."""
        if not self.parts:
            return () if self.rung in (None, OPEN) else (str(self.rung),)
        return tuple(dict.fromkeys(part.rung for part in self.parts if part.rung is not None))

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
        """The mark that goes before the text in a window; pages are numbered from 1.

        A passage says nothing of a page, for it may stand on several. A passage of superseded turns
        says that these were replaced.
        """
        place = plain_words(self.page) if self.rung == OPEN else f"page {self.ordinal + 1}"
        prefix = "" if self.parts else f"{place}, "
        if self.is_superseded:
            prefix = f"{SUPERSEDED}, {prefix}"
        percent = int(100 * self.share("original", "verified"))
        if not self.rungs:
            return f"[{prefix}original text]"
        if OTHER_READER in self.rungs:
            return f"[{prefix}drawn for another reader, or damaged: only exact facts can be read]"
        if "stub" in self.rungs:
            return f"[{prefix}faded: only keywords and exact facts remain]"
        return f"[{prefix}read from {', '.join(self.rungs)}, {percent} % verified]"

    @property
    def is_superseded(self) -> bool:
        """True if every turn of the passage was replaced by a later version or another turn."""
        return bool(self.parts) and all(part.superseded_by is not None for part in self.parts)

    @property
    def is_doubtful(self) -> bool:
        """True if `marked` shows a doubtful word."""
        return any(_flag(span) == _DOUBTFUL for span in self.spans)

    @property
    def is_incomplete(self) -> bool:
        """True if `marked` shows that something is forgotten."""
        return any(_flag(span) == _FORGOTTEN for span in self.spans)

    def marked(self, start: int = 0, end: int | None = None) -> str:
        """The text[start:end], with forgotten passages as `[…]` and doubtful words as `[word?]`.

        Control characters are shown by their pictures, like `␀`, hidden ones by their codes. Words
        that look like marks have a backslash if there are any.
        """
        stop = len(self.text) if end is None else end
        flags = self._flags(start, stop)
        if flags is None:
            text = shown(self.text[start:stop]).strip("\n")
            return without_marks(text) if self.is_doubtful or self.is_incomplete else text
        pieces = [
            _marked(match[0], flags[match.start() - start : match.end() - start])
            for match in _WORDS.finditer(self.text, start, stop)
        ]
        return _GAPS.sub("[…]", "".join(pieces)).strip("\n")

    def _flags(self, start: int, end: int) -> str | None:
        """A letter for each character: kept, doubtful or forgotten. None if all are kept."""
        first = bisect_right(self.spans, start, key=lambda span: span.end)
        stop = bisect_left(self.spans, end, key=lambda span: span.start)
        spans = [span for span in self.spans[first:stop] if _flag(span) != _KEPT]
        if not spans:
            return None
        flags = [_KEPT] * (end - start)
        for span in spans:
            place = slice(max(span.start, start) - start, min(span.end, end) - start)
            flags[place] = _flag(span) * (place.stop - place.start)
        return "".join(flags)

    def excerpt(self, query: str, chars: int = 400) -> str:
        """The passage of about `chars` characters that has most terms of the query, as `marked`.

        It starts and ends at whole words. If the page has none of the terms, the passage is its
        beginning.
        """
        start, end = densest(self._matches(query), chars)
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


class Recollections(list[Recollection]):
    """The passages of an answer, best first.

    `is_complete` is False if the time was over before all were read; `n_unread` counts the passages
    that were found and not read, as far as anybody knows. `suspects` are the ids of turns that the
    guard marked or left out.
    """

    def __init__(
        self,
        passages: Iterable[Recollection] = (),
        *,
        n_unread: int = 0,
        is_complete: bool = True,
        suspects: Collection[str] = (),
    ) -> None:
        super().__init__(passages)
        self.n_unread = n_unread
        self.is_complete = is_complete and not n_unread
        self.suspects = frozenset(suspects)


def _flag(span: Span) -> str:
    if span.status == "forgotten":
        return _FORGOTTEN
    is_doubtful = span.status == "reconstructed" and span.p < DOUBT
    return _DOUBTFUL if is_doubtful else _KEPT


def _marked(word: str, flags: str) -> str:
    """A word, or the blanks between two, by the flags of its characters."""
    if _FORGOTTEN in flags:
        pairs = zip(word, flags, strict=True)
        return "".join(_GAP if flag == _FORGOTTEN else shown(char) for char, flag in pairs)
    visible = without_marks(shown(word))
    return f"[{visible}?]" if _DOUBTFUL in flags else visible
