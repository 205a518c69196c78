"""Stubs: everything that is left of a page without a picture, keywords and a few facts.

A stub is made of the page's record. Facts for it were set aside when the page was certified.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from optical_memory.counting import count_tokens
from optical_memory.ledger import Ledger, LedgerSpan, StubFact, blank
from optical_memory.search.terms import terms, top_terms
from optical_memory.session.corrections.versions import is_current
from optical_memory.session.facts.page_ledger import BULKY, mark_ranges
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage, ledger_of
from optical_memory.turns import short_repr

__all__ = [
    "KEYWORDS",
    "TermPages",
    "forgotten_page",
    "pages_into",
    "stub_of",
    "stub_text",
]

KEYWORDS = 16
"""Keywords of a stub, at most."""


@short_repr
@dataclass(frozen=True, slots=True)
class TermPages:
    """In how many pages each term occurs, and how many pages there are."""

    frequencies: Mapping[str, int]
    n_pages: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> TermPages:
        """The counts of a session. It looks at every page."""
        frequencies: Counter[str] = Counter()
        for page_terms in snapshot.pages.facts(_terms):
            frequencies.update(page_terms)
        return cls(frequencies, len(snapshot.pages))

    def top(self, counts: Mapping[str, int], k: int) -> dict[str, int]:
        """The `k` most telling terms of these counts, the best first."""
        return top_terms(counts, k, self.frequencies, self.n_pages)

    def by_weight(self, fact: StubFact) -> tuple[bool, int, int, int]:
        """Sorts facts for a stub: telling kinds first, then those that are on the fewest pages,
        then the shortest.
        """
        pages = [self.frequencies.get(term, 0) for term in terms(fact.text)]
        return fact.kind in BULKY, min(pages, default=self.n_pages), len(fact.text), fact.start


def _terms(record: PageRecord) -> frozenset[str]:
    return frozenset(term.casefold() for counts in record.terms.values() for term in counts)


def _without_old_turns(page: StoredPage, snapshot: Snapshot) -> StoredPage:
    """The page without the terms and facts of superseded turns and those of no list any more.

    A stub cannot say that its words were replaced or taken back, so these go.
    """
    spans = page.layout.spans if page.layout is not None else ()
    old_spans = [span for span in spans if not is_current(snapshot, span.ordinal)]
    ledger = page.ledger
    terms = dict(page.record.terms)
    for span in old_spans:
        ledger = blank(ledger, span.start, span.end)
        terms.pop(str(span.ordinal), None)
    record = page.record.model_copy(update={"terms": terms})
    return replace(page, record=record, ledger=ledger)


def stub_of(page: StoredPage, snapshot: Snapshot, index: TermPages, allowance: int) -> PageRecord:
    """The page as keywords and facts that fit `allowance` tokens; keywords take at most half."""
    if page.record.state == STUB:  # its terms are folded, and no text is there to compare them with
        return page.record
    page = _without_old_turns(page, snapshot)
    counts: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for turn_counts in page.record.terms.values():
        for spelling, count in turn_counts.items():
            term = spelling.casefold()
            counts[term] += count
            spellings.setdefault(term, spelling)
    for term in _unwritten(page.ledger, counts):
        del counts[term]
    best_terms = [spellings[term] for term in index.top(counts, KEYWORDS)]
    keywords = _keywords(best_terms, allowance // 2)
    facts = sorted(_candidates(page), key=index.by_weight)
    ledger = _facts(facts, allowance - count_tokens(" ".join(keywords) + "\n"))
    words = [*keywords, *(span.text for span in ledger.spans)]
    update: dict[str, object] = {
        "state": STUB,
        "keywords": keywords,
        "ledger": ledger.to_json(),
        "terms": {"stub": dict(terms(" ".join(words)))},
    }
    return _without_text_and_pictures(page.record).model_copy(update=update)


def stub_text(record: PageRecord) -> str:
    """Everything that is left of a stub: keywords, then the facts, a line each."""
    facts = [span.text for span in ledger_of(record).spans]
    return "\n".join([" ".join(record.keywords), *facts])


def _keywords(terms: Sequence[str], allowance: int) -> list[str]:
    """The first terms that fit the allowance in tokens."""
    keywords: list[str] = []
    for term in terms:
        if count_tokens(" ".join([*keywords, term])) <= allowance:
            keywords.append(term)
    return keywords


def _unwritten(ledger: Ledger, counts: Mapping[str, int]) -> set[str]:
    """Those of the terms that the page does not have in this form.

    An older version did not note them: a number that no fact has may be one of them.
    """
    if ledger.n_facts is not None:
        return {span.text for span in ledger.unwritten}.intersection(counts)
    facts = {span.text for span in ledger.spans}
    return {term for term in counts if term.isdigit() and term not in facts}


def _candidates(page: StoredPage) -> Sequence[StubFact]:
    """The facts that were set aside for a stub.

    An older version set none aside: its ledger has them all, and the page's own marks with them.
    """
    if page.ledger.n_facts is not None:
        return page.ledger.stub_facts
    ledger = page.ledger
    for start, end in mark_ranges(page.layout) if page.layout is not None else ():
        ledger = blank(ledger, start, end)
    return [StubFact(span.start, span.end, span.kind, span.text) for span in ledger.spans]


def _facts(facts: Sequence[StubFact], allowance: int) -> Ledger:
    """The facts that fit the allowance in tokens, with the words around them where these fit too.

    The same fact is kept once.
    """
    spans: dict[str, LedgerSpan] = {}  # by fact
    for fact in facts:
        for span in (fact.with_words, fact.bare):
            cost = count_tokens(span.text + "\n")
            is_new = fact.text not in spans and not _overlaps(span, spans.values())
            if is_new and cost <= allowance:
                allowance -= cost
                spans[fact.text] = span
    return Ledger(tuple(sorted(spans.values(), key=lambda span: span.start)), n_facts=len(spans))


def _overlaps(span: LedgerSpan, spans: Iterable[LedgerSpan]) -> bool:
    return any(span.start < rival.end and span.end > rival.start for rival in spans)


def forgotten_page(record: PageRecord) -> PageRecord:
    """The page with its order, times and keyed digest only."""
    update: dict[str, object] = {"state": FORGOTTEN, "keywords": [], "ledger": {}, "terms": {}}
    return _without_text_and_pictures(record).model_copy(update=update)


def pages_into(snapshot: Snapshot, page: str) -> list[PageRecord]:
    """The pages whose best sentences are on this page, the oldest first; none for most."""
    record = snapshot.pages.get(page)
    if record is None or record.n_pages == 1:
        return []
    homes = zip(snapshot.pages, snapshot.pages.facts(_into), strict=True)
    return [snapshot.pages[id] for id, home in homes if home == page]


def _into(record: PageRecord) -> str | None:
    return record.into


def _without_text_and_pictures(record: PageRecord) -> PageRecord:
    update = {"rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(update=update)
