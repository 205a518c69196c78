"""An answer to recall, as a value: a page as it reads now, with every span saying how far to trust
it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from optical_memory.search import key, terms, words
from optical_memory.spans import Span, Status

__all__ = ["DOUBT", "OPEN", "Recollection"]

OPEN = "open"
"""The rung of a turn that is still text and on no page."""

DOUBT = 0.5
"""Words with a reconstructed span surer than this are shown as they are, others as `[word?]`."""


@dataclass(frozen=True, slots=True)
class Recollection:
    """Page `page` as read now, from `rung` (None: still text). `spans` cover `text` without gaps.

    A turn that stands on no page yet has the rung "open" and is called `turn <id>` in place of a
    page.

    `score` is the search score (higher is better), `n_tokens` what the text costs in the window
    (DeepSeek tokens), `turns` the ids of the turns on the page, `ordinal` its place in the session,
    the first page being 0.
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
        """Mean probability that a character is right, in 0..1; a page without text is certain of
        nothing.
        """
        length = sum(span.end - span.start for span in self.spans)
        return (
            sum(span.p * (span.end - span.start) for span in self.spans) / length if length else 0.0
        )

    def share(self, *statuses: Status) -> float:
        """Share of the characters whose span has one of these statuses, in 0..1."""
        length = sum(span.end - span.start for span in self.spans)
        wanted = sum(span.end - span.start for span in self.spans if span.status in statuses)
        return wanted / length if length else 0.0

    @property
    def provenance(self) -> str:
        """The mark that goes before the text in a window: `[page 3, read from tiny, 97 %
        verified]`.
        """
        if self.rung == OPEN:
            return f"[{self.page}, original text]"
        head = f"page {self.ordinal + 1}"
        if self.rung is None:
            return f"[{head}, original text]"
        if self.rung == "stub":
            return f"[{head}, faded: only keywords and exact facts remain]"
        return f"[{head}, read from {self.rung}, {int(100 * self.share('original', 'verified'))} % verified]"

    def marked(self, start: int = 0, end: int | None = None) -> str:
        """The text (or a part) with forgotten passages as `[…]` and doubtful words as `[word?]`."""
        trust = self._trust()
        end = len(self.text) if end is None else end

        def mark(word: re.Match[str]) -> str:
            flags = trust[word.start() : word.end()]
            if "f" in flags:
                return "".join(
                    "\0" if flag == "f" else char for char, flag in zip(word[0], flags, strict=True)
                )
            return f"[{word[0]}?]" if "d" in flags else word[0]

        marked = "".join(
            mark(word) for word in re.compile(r"\S+|\s+").finditer(self.text, start, end)
        )
        return re.sub(r"\0(?:\s*\0)*", "[…]", marked).strip("\n")

    def _trust(self) -> str:
        """One letter a character: forgotten, doubtful or kept."""
        flags = ["k"] * len(self.text)
        for span in self.spans:
            if span.status == "forgotten" or (span.status == "reconstructed" and span.p < DOUBT):
                flags[span.start : span.end] = span.status[0].replace("r", "d") * (
                    span.end - span.start
                )
        return "".join(flags)

    def excerpt(self, query: str, chars: int = 400) -> str:
        """The passage of at most about `chars` characters where most of the query's terms meet,
        marked like `marked`.

        It starts and ends at whole words; where no term is found it is the beginning of the page.
        """
        asked = {key(term) for term in terms(query)}
        hits = [(a, b, asked & {key(term) for term in found}) for a, b, found in words(self.text)]
        start, end = _densest([hit for hit in hits if hit[2]], chars)
        spare = max(0, chars - (end - start))
        first = self.text.rfind(" ", 0, max(0, start - spare // 2)) + 1 if start > spare // 2 else 0
        stop = self.text.find(" ", max(end, first + chars))
        stop = len(self.text) if stop < 0 or len(self.text) <= first + chars else stop
        cut = self.marked(first, stop)
        return f"{'… ' if first else ''}{cut}{' …' if stop < len(self.text) else ''}"


def _densest(hits: list[tuple[int, int, set[str]]], chars: int) -> tuple[int, int]:
    """(start, end) of the window of `chars` characters with most different terms, the first of
    equals.
    """
    best, place = 0, (0, 0)
    for i, (start, _, _) in enumerate(hits):
        inside = [hit for hit in hits[i : i + chars] if hit[1] <= start + chars]
        found = len(set().union(*(hit[2] for hit in inside)))
        if found > best:
            best, place = found, (start, inside[-1][1])
    return place
