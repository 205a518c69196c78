"""Fading: pages to smaller rungs, and below the last rung to stubs or to nothing.

Functions from a snapshot to the writes that change it. A page is drawn at every rung when it is
sealed, so fading only deletes. It deletes the pictures that are finer than the new rung. The index
stays whole until the page is a stub: it costs no tokens, and a page that nobody finds is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from optical_memory.profiles import ReaderProfile
from optical_memory.session.facts.stubs import (
    TermPages,
    forgotten_page,
    pages_into,
    stub_of,
    stub_text,
)
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import (
    CONDENSED,
    FORGOTTEN,
    STUB,
    ForgettingPolicy,
    PageState,
)
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import (
    PageRecord,
    Retain,
    load_record,
    picture_key,
    put,
)
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import (
    StoredPage,
    agreements_of,
    last_turn_on,
    ledger_of,
    n_ledger_tokens,
)
from optical_memory.stores.base import Delete, Put

__all__ = [
    "FadePreview",
    "fade",
    "page_state",
    "page_states",
    "preview",
]


def page_states(snapshot: Snapshot, *, with_costs: bool = True) -> list[PageState]:
    """The pages as `plan` takes them.

    Without costs `n_ledger_tokens` is 0: a plan without a capacity does not need it, and to count
    the tokens of a long session takes a while the first time.
    """
    return snapshot.pages.facts(page_state if with_costs else _state)


def page_state(record: PageRecord) -> PageState:
    """A page as `plan` takes it. Raises `StoreError` if the record does not parse."""
    return replace(_state(record), n_ledger_tokens=n_ledger_tokens(record))


def _state(record: PageRecord) -> PageState:
    rung = {STUB: STUB, FORGOTTEN: FORGOTTEN, "sealed": None}.get(record.state, record.rung)
    return PageState(
        page=record.id,
        ordinal=record.ordinal,
        rung=rung,
        agreement=agreements_of(record),
        hits=record.hits,
        pinned=record.pinned,
        last_turn=last_turn_on(record),
        last_when=record.last_when,
        n_facts=_n_numbers(record),
        n_pages=record.n_pages,
    )


def _n_numbers(record: PageRecord) -> int:
    """How many words with a digit the page tells: numbers, dates, most identifiers.

    They are counted in the index, which stays whole until the page is a stub.
    """
    words = set(chain.from_iterable(record.terms.values()))
    return sum(any(map(str.isdigit, word)) for word in words)


@dataclass(frozen=True, slots=True)
class FadePreview:
    """What a fade would do: its steps, and what nobody could read any more after it.

    `n_stubs` and `n_forgotten` count the pages that would lose their last picture, `n_facts` the
    exact facts that would go with them. `n_condensed` counts the pages of which only the best
    sentences would be kept; which these are, nobody knows before the pages are read. With
    `retain="text"` the text stays, and nothing of them is lost. `n_turns` counts the turns that are
    past the policy's term: these go whatever is retained.
    """

    steps: tuple[Step, ...]
    n_stubs: int
    n_forgotten: int
    n_facts: int
    n_condensed: int = 0
    n_turns: int = 0

    @property
    def loses(self) -> bool:
        """True if anything would be lost for good."""
        return self.n_stubs + self.n_forgotten + self.n_condensed + self.n_turns > 0


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
        n_condensed=sum(step.rung == CONDENSED for step in steps),
    )


def _n_facts(record: PageRecord) -> int:
    """Exact facts of a page; of a page that an older version certified, the spans of its ledger."""
    ledger = ledger_of(record)
    return len(ledger.spans) if ledger.n_facts is None else ledger.n_facts


def fade(
    snapshot: Snapshot,
    steps: Sequence[Step],
    profile: ReaderProfile,
    policy: ForgettingPolicy,
    retain: Retain = "pages",
) -> list[Change]:
    """Writes that take each of these steps, but for the pages to condense.

    With `retain="text"` only pictures go: text and index stay, below the last rung too. Raises
    `KeyError` for a step of a page that is not there.
    """
    steps = [step for step in steps if step.rung != CONDENSED]
    if not steps:
        return []
    index = TermPages.of(snapshot)
    changes: list[Change] = []
    draft = IndexDraft(snapshot)
    for step in steps:
        record = snapshot.pages[step.page]
        if retain == "text":
            new_record = _with_text(record, step.rung)
        elif step.rung == STUB:
            page = StoredPage.of(record, snapshot)
            new_record = stub_of(page, snapshot, index, policy.stub_tokens)
            draft.cut_page(record, stub_text(new_record), keeps_text=True)
        elif step.rung == FORGOTTEN:
            new_record = forgotten_page(record)
            draft.cut_page(record, keeps_text=True)
            for other in pages_into(snapshot, record.id):
                changes.append(put(other.model_copy(update={"into": None})))
        else:
            new_record = record.model_copy(update={"rung": step.rung})
        changes.append(put(new_record))
        for rung in profile.ladder.finer(step.rung):
            changes.append(Delete("picture", picture_key(record.id, rung.name)))
    return [*changes, *draft.changes()]


def _with_text(record: PageRecord, rung: str) -> PageRecord:
    """The page at a rung or below the last rung, with its text and its index."""
    if rung in (STUB, FORGOTTEN):
        return record.model_copy(update={"state": rung, "rung": None, "certificate": None})
    return record.model_copy(update={"rung": rung})
