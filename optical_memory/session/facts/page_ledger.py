"""The ledger of a page: chosen at certification, while the text and a reading of every rung are in
hand.

A reader that reads cell by cell names every character that it misreads or is not sure of. These
are kept, and nothing else is needed: every other character reads right at every rung. Of any other
reader nobody knows that, so all exact facts are kept. The page's own marks (turn numbers, arrows,
times) are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from optical_memory.counting import count_tokens
from optical_memory.ledger import (
    UNREADABLE,
    UNSURE,
    Ledger,
    LedgerScope,
    LedgerSpan,
    StubFact,
    extract,
)
from optical_memory.pages import Layout, Page
from optical_memory.profiles import ReaderProfile
from optical_memory.readings import CONFIDENT, UNREAD, Reading, codepoints, runs
from optical_memory.search.terms import spelling, words
from optical_memory.search.word_forms import is_run

__all__ = [
    "BULKY",
    "SURE",
    "mark_ranges",
    "page_facts",
    "page_ledger",
]

SURE = CONFIDENT
"""A character that any rung reads with less confidence is kept: other arithmetic may misread it."""

MERGED_GAP = 2
"""Spans with at most so many characters between them become one: a line of its own costs more."""

BULKY = ("code", UNREADABLE)
"""Kinds of facts that a stub keeps last: they are long and say little of the page."""

CONTEXT_CHARS = 60
_BEFORE = re.compile(r"(?:\S{1,20} +){0,4}\S{0,20}\Z")
_AFTER = re.compile(r"\S{0,20}(?: +\S{1,20}){0,2}")
"""The words around a fact that a stub keeps: "so the gate code is 4417# since May"."""

CANDIDATES = 2
"""Facts for a stub are kept up to so many times its tokens: which of them are rare in the session
is known only when the page fades.
"""

_PLAIN_WORDS = re.compile(r"[^\W\d_]+")

KINDS = (None, UNSURE, UNREADABLE)
NOT_KEPT, IS_UNSURE, IS_UNREADABLE = range(3)  # indices into `KINDS`

Range = tuple[int, int]  # start, end
Flags = npt.NDArray[np.bool_]  # (n_chars,)


def page_ledger(
    page: Page,
    readings: Mapping[str, Reading],
    profile: ReaderProfile,
    *,
    scope: LedgerScope = "auto",
    erased_ranges: Sequence[Range] = (),
    stub_tokens: int = 0,
) -> Ledger:
    """The ledger of a page by its readings at all rungs (by name), which are as long as the page.

    `erased_ranges` are forgotten: nothing of them is kept. `stub_tokens` is the room of a stub, for
    which some facts are set aside.
    """
    n_chars = len(page.text)
    is_closed = _flags(n_chars, [*mark_ranges(page.layout), *erased_ranges])
    facts = page_facts(page, erased_ranges)
    unwritten = tuple(_unwritten(_blanked(page.text, is_closed)))
    kept_facts = facts if scope == "all" or not profile.reads_cells else ()
    codes = _codes(page, readings, profile)
    is_closed |= _flags(n_chars, [(fact.start, fact.end) for fact in kept_facts])
    codes[is_closed] = NOT_KEPT
    spans = [*kept_facts, *_spans(page.text, _merged(codes, is_closed))]
    return Ledger(
        spans=tuple(sorted(spans, key=lambda span: span.start)),
        stub_facts=_stub_facts(page, facts, CANDIDATES * stub_tokens),
        n_facts=len(facts),
        unwritten=unwritten,
    )


def page_facts(page: Page, erased_ranges: Sequence[Range] = ()) -> tuple[LedgerSpan, ...]:
    """The exact facts of a page without its own marks, and without what is forgotten."""
    is_closed = _flags(len(page.text), [*mark_ranges(page.layout), *erased_ranges])
    return extract(_blanked(page.text, is_closed)).spans


def mark_ranges(layout: Layout) -> list[Range]:
    """The ranges of the marks that the layout itself draws before its turns."""
    return [(span.start, span.body) for span in layout.spans if span.start < span.body]


def _flags(n_chars: int, ranges: Iterable[Range]) -> Flags:
    """True for each character in one of the ranges."""
    flags = np.zeros(n_chars, np.bool_)
    for start, end in ranges:
        flags[start:end] = True
    return flags


def _blanked(text: str, is_closed: Flags) -> str:
    """The text with line ends for these characters, so that no fact reaches over them."""
    return "".join("\n" if flag else char for char, flag in zip(text, is_closed, strict=True))


# ---- what readings get wrong ---------------------------------------------------------------------


def _codes(
    page: Page, readings: Mapping[str, Reading], profile: ReaderProfile
) -> npt.NDArray[np.int8]:
    """(n_chars,) indices into `KINDS`."""
    codes = np.zeros(len(page.text), np.int8)
    if profile.charset is not None:
        codes[_is_unreadable(page, profile.charset)] = IS_UNREADABLE
    if not profile.reads_cells:
        return codes
    truth = codepoints(page.text)
    for reading in readings.values():
        signs = codepoints(reading.text)
        is_unsure = (signs != truth) | (reading.confidence < SURE)
        codes[is_unsure & (codes == NOT_KEPT)] = IS_UNSURE
        codes[is_unsure & (signs == ord(UNREAD))] = IS_UNREADABLE
    return codes


def _is_unreadable(page: Page, charset: frozenset[str]) -> Flags:
    """Characters outside the charset, and all that share a cluster of cells with others.

    In a cluster (a right-to-left run, a keycap) letters and digits stand that the reader knows, but
    not each in a cell of its own.
    """
    outside = set(page.text) - charset - {" ", "\n"}
    flags = np.fromiter((char in outside for char in page.text), np.bool_, len(page.text))
    offset = 0
    for row in page.layout.rows:
        for cluster in row.clusters:
            start = offset + cluster.char
            flags[start : start + cluster.chars] = True
        offset += row.chars + len(row.join)
    return flags


def _merged(codes: npt.NDArray[np.int8], is_closed: Flags) -> npt.NDArray[np.int8]:
    """The codes with short gaps filled between characters of the same kind."""
    new_codes = codes.copy()
    for start, end, code in runs(codes):
        is_gap = code == NOT_KEPT and end - start <= MERGED_GAP
        if not is_gap or start == 0 or end == len(codes) or is_closed[start:end].any():
            continue
        if codes[start - 1] == codes[end]:
            new_codes[start:end] = codes[end]
    return new_codes


def _spans(text: str, codes: npt.NDArray[np.int8]) -> Iterator[LedgerSpan]:
    for start, end, code in runs(codes):
        kind = KINDS[code]
        if kind is not None:
            yield LedgerSpan(start, end, kind, text[start:end])


# ---- for a stub ----------------------------------------------------------------------------------


def _stub_facts(page: Page, facts: Sequence[LedgerSpan], allowance: int) -> tuple[StubFact, ...]:
    """Facts worth about `allowance` tokens, each with the words around it, in order.

    Short facts of the more telling kinds come first; the same fact is kept once.
    """
    stub_facts: dict[str, StubFact] = {}
    for i in sorted(range(len(facts)), key=lambda i: _by_use(facts[i])):
        fact = facts[i]
        if fact.text in stub_facts or allowance <= 0:
            continue
        first = facts[i - 1].end if i else 0
        last = facts[i + 1].start if i + 1 < len(facts) else len(page.text)
        stub_fact = _with_words(page, fact, first, last)
        n_tokens = count_tokens(stub_fact.with_words.text + "\n")
        if n_tokens <= allowance:
            allowance -= n_tokens
            stub_facts[fact.text] = stub_fact
    return tuple(sorted(stub_facts.values(), key=lambda fact: fact.start))


def _unwritten(text: str) -> Iterator[LedgerSpan]:
    """The terms of words that do not have them as they are, at their words' places."""
    for start, end, word_terms in words(text):
        word = text[start:end]
        lower = word.casefold()
        for term in word_terms:
            if spelling(term, word, lower) is None or not _is_written(term, lower):
                yield LedgerSpan(start, end, "term", term)


def _is_written(term: str, word: str) -> bool:
    """True if the term stands in the word (in lower case): "106" does not stand in "10⁶".

    A number must be the whole word: "299" says something else than "1,299".
    """
    if term == word:
        return True
    if any(char.isdigit() for char in term):
        return False
    return term in word if word.isascii() or is_run(word) else term in _PLAIN_WORDS.findall(word)


def _by_use(fact: LedgerSpan) -> tuple[bool, int, int]:
    return fact.kind in BULKY, len(fact.text), fact.start


def _with_words(page: Page, fact: LedgerSpan, first: int, last: int) -> StubFact:
    """The fact with words of its own paragraph of its turn, from `first` to `last` at most."""
    for span in page.layout.spans:
        if span.body <= fact.start < span.end:
            first = max(first, span.body)
            last = min(last, span.end)
    paragraph = page.text[first : fact.start].rpartition("\n")[2]
    words_before = _BEFORE.search(paragraph[-CONTEXT_CHARS:])
    rest = page.text[fact.end : last].partition("\n")[0]
    words_after = _AFTER.match(rest[:CONTEXT_CHARS])
    return StubFact(
        start=fact.start,
        end=fact.end,
        kind=fact.kind,
        text=fact.text,
        words_before=words_before[0].lstrip() if words_before else "",
        words_after=words_after[0].rstrip() if words_after else "",
    )
