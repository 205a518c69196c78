"""The exact text of a page that is kept beside its picture, and put over any reading of the page.

Offsets are offsets into `page.text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from optical_memory.counting import count_tokens
from optical_memory.errors import NewerFormat
from optical_memory.facts import CODE_LIMIT, FACT_KINDS, find_facts
from optical_memory.turns import short_repr

__all__ = [
    "CODE_LIMIT",
    "KINDS",
    "UNREADABLE",
    "UNSURE",
    "Ledger",
    "LedgerScope",
    "LedgerSpan",
    "StubFact",
    "blank",
    "extract",
    "ledger_tokens",
    "splice",
]

LedgerScope = Literal["auto", "all"]
"""What a ledger holds: by the reader's own certificates ("auto"), or all exact facts too."""

LEDGER_FORMAT = 1
"""Of the JSON that `Ledger.to_json` writes."""

UNREADABLE = "unreadable"
"""The kind of a span that the reader cannot read at all: signs outside its charset, and signs that
are drawn as one with them.
"""

UNSURE = "unsure"
"""The kind of a span that the reader misreads at some rung, or is not sure of."""

KINDS: tuple[str, ...] = (*FACT_KINDS, UNREADABLE, UNSURE)
"""Every kind of span."""


@short_repr
@dataclass(frozen=True, slots=True)
class LedgerSpan:
    """One exact fact: `page.text[start:end] == text`."""

    start: int
    end: int
    kind: str
    text: str


@short_repr
@dataclass(frozen=True, slots=True)
class StubFact:
    """A fact that a stub of the page may keep: `page.text[start:end] == text`.

    `words_before` and `words_after` are the text around it, of a few words.
    """

    start: int
    end: int
    kind: str
    text: str
    words_before: str = ""
    words_after: str = ""

    @property
    def bare(self) -> LedgerSpan:
        """The fact alone."""
        return LedgerSpan(self.start, self.end, self.kind, self.text)

    @property
    def with_words(self) -> LedgerSpan:
        """The fact with the words around it."""
        start = self.start - len(self.words_before)
        end = self.end + len(self.words_after)
        return LedgerSpan(start, end, self.kind, self.words_before + self.text + self.words_after)


@short_repr
@dataclass(frozen=True, slots=True)
class Ledger:
    """The exact spans of one page, in order, never overlapping.

    `stub_facts` are not put over a reading, and count in nothing: a stub of the page chooses among
    them. `unwritten` are terms of the index that the text does not have in this form ("106" of
    "10⁶"), at their places: no stub may give them as words. `n_facts` says how many exact facts the
    page had when it was certified; None if an older version certified it.
    """

    spans: tuple[LedgerSpan, ...] = ()
    stub_facts: tuple[StubFact, ...] = ()
    n_facts: int | None = None
    unwritten: tuple[LedgerSpan, ...] = ()

    @property
    def n_tokens(self) -> int:
        """DeepSeek tokens of the spans, each on a line: their price in a window.

        Raises `MissingExtra` like `count_tokens`.
        """
        return _n_tokens([span.text for span in self.spans])

    def to_json(self) -> dict[str, Any]:
        """Compact JSON: each span as the list of its fields."""
        spans = [[span.start, span.end, span.kind, span.text] for span in self.spans]
        data: dict[str, Any] = {"v": LEDGER_FORMAT, "spans": spans, "tokens": self.n_tokens}
        if self.stub_facts:
            data["stub"] = [
                [fact.start, fact.end, fact.kind, fact.text, fact.words_before, fact.words_after]
                for fact in self.stub_facts
            ]
        if self.n_facts is not None:
            data["facts"] = self.n_facts
        if self.unwritten:
            data["unwritten"] = [[term.start, term.end, term.text] for term in self.unwritten]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Ledger:
        """The ledger that `to_json` wrote, of this version or of any before.

        Raises `NewerFormat`.
        """
        _refuse_newer(data)
        return cls(
            spans=tuple(LedgerSpan(*span) for span in data["spans"]),
            stub_facts=tuple(StubFact(*fact) for fact in data.get("stub", [])),
            n_facts=data.get("facts"),
            unwritten=tuple(
                LedgerSpan(start, end, "term", text)
                for start, end, text in data.get("unwritten", [])
            ),
        )


def ledger_tokens(data: dict[str, Any]) -> int:
    """`Ledger.n_tokens` from a ledger's JSON, mostly without parsing it. Raises `NewerFormat`."""
    if not data:
        return 0
    _refuse_newer(data)
    if "tokens" in data:
        return int(data["tokens"])
    return _n_tokens([text for _, _, _, text in data["spans"]])


def _refuse_newer(data: dict[str, Any]) -> None:
    if data["v"] > LEDGER_FORMAT:
        raise NewerFormat(f"a ledger of format {data['v']}: upgrade optical-memory to read it")


def _n_tokens(texts: list[str]) -> int:
    return count_tokens("\n".join(texts)) if texts else 0


def extract(text: str) -> Ledger:
    """Find the exact facts of a page.

    >>> [(span.kind, span.text) for span in extract("Order ORD-2024-881 for $12.50").spans]
    [('identifier', 'ORD-2024-881'), ('amount', '$12.50')]

    Of overlapping candidates the longest wins, then the leftmost, then the more particular kind.
    """
    return Ledger(
        tuple(
            LedgerSpan(fact.start, fact.end, fact.kind, text[fact.start : fact.end])
            for fact in find_facts(text)
        )
    )


def splice(text: str, ledger: Ledger) -> str:
    """A reading of the page with the exact facts put over it.

    >>> splice("the code is 4K7QZZ", extract("the code is 4K7Q2Z"))
    'the code is 4K7Q2Z'

    Raises `ValueError` if the reading is too short for the ledger.
    """
    parts = []
    position = 0
    for span in ledger.spans:
        parts += [text[position : span.start], span.text]
        position = span.end
    if position > len(text):
        raise ValueError(
            f"the ledger reaches to character {position}, but the reading has {len(text)}: "
            "not the same page"
        )
    return "".join([*parts, text[position:]])


def blank(ledger: Ledger, start: int, end: int) -> Ledger:
    """The ledger without a word of `page.text[start:end]`.

    A span that reaches over the border keeps its part outside. Offsets stay.
    """
    spans: list[LedgerSpan] = []
    for span in ledger.spans:
        spans += _span_outside(span, start, end)
    stub_facts: list[StubFact] = []
    for fact in ledger.stub_facts:
        whole = fact.with_words
        if whole.end <= start or whole.start >= end:
            stub_facts.append(fact)
    unwritten = [term for term in ledger.unwritten if term.end <= start or term.start >= end]
    return replace(
        ledger, spans=tuple(spans), stub_facts=tuple(stub_facts), unwritten=tuple(unwritten)
    )


def _span_outside(span: LedgerSpan, start: int, end: int) -> Iterable[LedgerSpan]:
    if end <= start or span.end <= start or span.start >= end:
        yield span
        return
    if span.start < start:
        yield LedgerSpan(span.start, start, span.kind, span.text[: start - span.start])
    if span.end > end:
        yield LedgerSpan(end, span.end, span.kind, span.text[end - span.start :])
