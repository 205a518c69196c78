"""Fading: pages to smaller rungs, and below the last rung to stubs or to nothing.

Functions from a snapshot to the writes that change it. A page is drawn at every rung when it is
sealed, so fading only deletes. It deletes the pictures that are finer than the new rung. The index
stays whole until the page is a stub: it costs no tokens, and a page that nobody finds is forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from optical_memory.counting import count_tokens
from optical_memory.ledger import Ledger, LedgerSpan, blank
from optical_memory.profiles import ReaderProfile
from optical_memory.search.terms import terms, top_terms
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB, ForgettingPolicy, PageState
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import (
    PageRecord,
    Retain,
    load_record,
    picture_key,
    put,
    turn_key,
)
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage, agreements_of
from optical_memory.stores.base import Delete, Put

__all__ = [
    "FadePreview",
    "fade",
    "forgotten_page",
    "page_states",
    "preview",
]

KEYWORDS = 16
"""Keywords of a stub, at most."""

BULKY = ("code", "unreadable")
"""Kinds of facts that a stub keeps last: they are long and say little of the page."""


def page_states(snapshot: Snapshot) -> list[PageState]:
    """The pages as `plan` takes them."""
    return snapshot.pages.facts(_state)


def _state(record: PageRecord) -> PageState:
    rung = record.state if record.state in (STUB, FORGOTTEN) else record.rung
    spans = (record.layout or {}).get("spans", [])
    return PageState(
        page=record.id,
        ordinal=record.ordinal,
        rung=rung,
        agreement=agreements_of(record),
        hits=record.hits,
        pinned=record.pinned,
        last_turn=max((ordinal for _, ordinal, *_ in spans), default=None),
        last_when=record.last_when,
    )


@dataclass(frozen=True, slots=True)
class FadePreview:
    """What a fade would do: its steps, and what nobody could read any more after it.

    `n_stubs` and `n_forgotten` count the pages that would lose their last picture, `n_facts` the
    exact facts that would go with them. With `retain="text"` the text stays, and nothing is lost.
    """

    steps: tuple[Step, ...]
    n_stubs: int
    n_forgotten: int
    n_facts: int

    @property
    def loses(self) -> bool:
        """True if anything would be lost for good."""
        return self.n_stubs + self.n_forgotten > 0


def preview(
    snapshot: Snapshot,
    steps: Sequence[Step],
    profile: ReaderProfile,
    policy: ForgettingPolicy,
    retain: Retain = "pages",
) -> FadePreview:
    """What these steps would do. Raises `KeyError` as `fade`."""
    if retain == "text":
        return FadePreview(tuple(steps), 0, 0, 0)
    losing = [step for step in steps if step.rung in (STUB, FORGOTTEN)]
    n_facts = 0
    for change in fade(snapshot, losing, profile, policy, retain):
        if isinstance(change, Put) and change.kind == "page":
            n_facts += _n_facts(snapshot.pages[change.key])
            n_facts -= _n_facts(load_record(PageRecord, change.value))
    return FadePreview(
        steps=tuple(steps),
        n_stubs=sum(step.rung == STUB for step in losing),
        n_forgotten=sum(step.rung == FORGOTTEN for step in losing),
        n_facts=n_facts,
    )


def _n_facts(record: PageRecord) -> int:
    return len(Ledger.from_json(record.ledger).spans) if record.ledger else 0


def fade(
    snapshot: Snapshot,
    steps: Sequence[Step],
    profile: ReaderProfile,
    policy: ForgettingPolicy,
    retain: Retain = "pages",
) -> list[Change]:
    """Writes that take each of these steps.

    With `retain="text"` only pictures go: text and index stay, below the last rung too. Raises
    `KeyError` for a step of a page that is not there.
    """
    if not steps:
        return []
    index = _Index.of(snapshot)
    changes: list[Change] = []
    draft = IndexDraft(snapshot)
    for step in steps:
        record = snapshot.pages[step.page]
        if retain == "text":
            new_record = _with_text(record, step.rung)
        elif step.rung == STUB:
            page = _without_old_turns(StoredPage.of(record, snapshot), snapshot)
            new_record = _stub(page, index, policy.stub_tokens)
            draft.cut_page(record, stub_text(new_record), keeps_text=True)
        elif step.rung == FORGOTTEN:
            new_record = forgotten_page(record)
            draft.cut_page(record, keeps_text=True)
        else:
            new_record = record.model_copy(update={"rung": step.rung})
        changes.append(put(new_record))
        for rung in profile.ladder.finer(step.rung):
            changes.append(Delete("picture", picture_key(record.id, rung.name)))
    return [*changes, *draft.changes()]


@dataclass(frozen=True, slots=True)
class _Index:
    """In how many pages each term occurs, and how many pages there are."""

    frequencies: Mapping[str, int]
    n_pages: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Index:
        frequencies: Counter[str] = Counter()
        for page_terms in snapshot.pages.facts(_terms):
            frequencies.update(page_terms)
        return cls(frequencies, len(snapshot.pages))

    def top(self, counts: Mapping[str, int], k: int) -> dict[str, int]:
        """The `k` most telling terms of these counts, the best first."""
        return top_terms(counts, k, self.frequencies, self.n_pages)


def _with_text(record: PageRecord, rung: str) -> PageRecord:
    """The page at a rung or below the last rung, with its text and its index."""
    if rung in (STUB, FORGOTTEN):
        return record.model_copy(update={"state": rung, "rung": None, "certificate": None})
    return record.model_copy(update={"rung": rung})


# ---- below the last rung -------------------------------------------------------------------------


def _terms(record: PageRecord) -> frozenset[str]:
    return frozenset().union(*record.terms.values())


def _without_old_turns(page: StoredPage, snapshot: Snapshot) -> StoredPage:
    """The page without the terms and facts of superseded turns and those of no list any more.

    A stub cannot say that its words were replaced or taken back, so these go.
    """
    spans = page.layout.spans if page.layout is not None else ()
    old_spans = [
        span
        for span in spans
        if snapshot.session.is_old(span.ordinal) or turn_key(span.ordinal) in snapshot.superseded
    ]
    ledger = page.ledger
    terms = dict(page.record.terms)
    for span in old_spans:
        ledger = blank(ledger, span.start, span.end)
        terms.pop(str(span.ordinal), None)
    record = page.record.model_copy(update={"terms": terms})
    return replace(page, record=record, ledger=ledger)


def _stub(page: StoredPage, index: _Index, allowance: int) -> PageRecord:
    """The page as keywords and facts that fit `allowance` tokens; keywords take at most half."""
    counts: Counter[str] = Counter()
    for turn_counts in page.record.terms.values():
        counts.update(turn_counts)
    keywords = _keywords(list(index.top(counts, KEYWORDS)), allowance // 2)
    ledger = _facts(page.ledger, allowance - count_tokens(" ".join(keywords) + "\n"))
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
    facts = Ledger.from_json(record.ledger).spans if record.ledger else ()
    return "\n".join([" ".join(record.keywords), *(span.text for span in facts)])


def _keywords(terms: Sequence[str], allowance: int) -> list[str]:
    """The first terms that fit the allowance in tokens."""
    keywords: list[str] = []
    for term in terms:
        if count_tokens(" ".join([*keywords, term])) <= allowance:
            keywords.append(term)
    return keywords


def _facts(ledger: Ledger, allowance: int) -> Ledger:
    """The facts that fit the allowance in tokens: the shortest first, bulky kinds last."""
    by_use = sorted(ledger.spans, key=lambda span: (span.kind in BULKY, len(span.text), span.start))
    facts: dict[str, LedgerSpan] = {}  # by text: the same fact is kept once
    for span in by_use:
        cost = count_tokens(span.text + "\n")
        if span.text not in facts and cost <= allowance:
            allowance -= cost
            facts[span.text] = span
    return Ledger(tuple(sorted(facts.values(), key=lambda span: span.start)))


def forgotten_page(record: PageRecord) -> PageRecord:
    """The page with its order, times and keyed digest only."""
    update: dict[str, object] = {"state": FORGOTTEN, "keywords": [], "ledger": {}, "terms": {}}
    return _without_text_and_pictures(record).model_copy(update=update)


def _without_text_and_pictures(record: PageRecord) -> PageRecord:
    update = {"rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(update=update)
