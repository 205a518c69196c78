"""The life of a page as changes to a session: remembered, certified, faded, forgotten. `sealing`
has the step between.

Every function takes a snapshot and gives the writes that change it; none of them writes. What is
sealed is drawn at every rung it may ever have, so a fade only deletes.
"""

from __future__ import annotations

import itertools
from collections import ChainMap, Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from optical_memory import search
from optical_memory.certificate import Certificate
from optical_memory.counting import count_tokens
from optical_memory.errors import InputError
from optical_memory.ledger import Ledger, LedgerSpan
from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Change, Snapshot, put
from optical_memory.session.policy import FORGOTTEN, STUB, ForgettingPolicy, PageState, Step
from optical_memory.session.records import PageRecord, Retain, TurnRecord, picture_key
from optical_memory.stores.base import Delete
from optical_memory.turns import Turn

__all__ = ["certified", "faded", "forgotten_page", "page_states", "remembered"]

INDEX_SHARE = (1.0, 1.0, 0.6, 0.4)
"""Share of a page's index terms kept at each rung of the ladder, the finest first."""

KEYWORDS = 16
"""Keywords of a stub."""

ROLES = ("system", "user", "assistant", "tool")


# ---- open ----------------------------------------------------------------------------------------


def remembered(snapshot: Snapshot, turns: Sequence[Turn], ids: list[str]) -> list[Change]:
    """New turns at the end; a turn whose id is known replaces the old one while that is open. `ids`
    is filled anew.

    The same turn again is no change. Nor is one of which something was forgotten: a host that sends
    its history again brings nothing back, and an edit cannot be told from that, since no digest is
    left. An edit of a turn that stands on a sealed page already is a new turn `id~2`.
    """
    session, next_turn = snapshot.session, snapshot.session.next_turn
    fresh: dict[str, TurnRecord] = {}
    taken: Mapping[str, object] = ChainMap(fresh, snapshot.keys)  # type: ignore[arg-type]  # only the names are asked
    ids.clear()
    for turn in turns:
        if turn.role not in ROLES:
            raise InputError(f"a turn has the role {turn.role!r}; roles are {', '.join(ROLES)}")
        record = TurnRecord.of(turn, turn.id or f"t{next_turn}", next_turn, "")
        digest = session.digest(record.content)
        old = _latest(record.id, turn.id is not None, fresh, snapshot, digest)
        if old is not None and (old.forgotten or old.digest in ("", digest)):
            ids.append(old.id)
            continue
        if old is not None and not old.pages:
            record = record.model_copy(
                update={"id": old.id, "ordinal": old.ordinal, "digest": digest}
            )
        else:
            record = record.model_copy(update={"id": _free_id(record.id, taken), "digest": digest})
            next_turn += 1
        fresh[record.id] = record
        ids.append(record.id)
    changes = [put(record) for record in fresh.values()]
    if next_turn != session.next_turn:
        changes.append(put(session.model_copy(update={"next_turn": next_turn})))
    return list(changes)


def _latest(
    id: str, given: bool, fresh: Mapping[str, TurnRecord], snapshot: Snapshot, digest: str
) -> TurnRecord | None:
    """The turn that bears this id: of `id`, `id~2` … the one with this very content, else the last
    of them.
    """
    found = None
    for name in _names(id) if given else ():
        record = fresh.get(name) or snapshot.turn(name)
        if record is None:
            break
        if record.digest == digest:
            return record
        found = record
    return found


def _names(id: str) -> Iterator[str]:
    return (id if n == 1 else f"{id}~{n}" for n in itertools.count(1))


def _free_id(id: str, taken: Mapping[str, object]) -> str:
    return next(name for name in _names(id) if name not in taken)


# ---- sealed -> certified -------------------------------------------------------------------------


def certified(
    snapshot: Snapshot,
    page: PageRecord,
    certificate: Certificate,
    profile: ReaderProfile,
    retain: Retain,
    floor: float,
) -> list[Change]:
    """The page starts on its finest rung. Its text goes, unless it is retained or the reader cannot
    be trusted with it.

    No change if the page is not as it was when it was read: certified by another process, or a turn
    on it forgotten.
    """
    record = snapshot.pages.get(page.id)
    if record is None or (record.state, record.digest) != ("sealed", page.digest):
        return []
    finest = profile.ladder[0].name
    drop = retain == "pages" and certificate.agreement(finest) >= floor
    update = {"state": "certified", "rung": finest, "certificate": certificate.to_json()}
    return [put(record.model_copy(update=update | ({"lines": None} if drop else {})))]


# ---- fading --------------------------------------------------------------------------------------


def page_states(snapshot: Snapshot) -> list[PageState]:
    """The pages as the plan sees them."""
    return [_state(record) for record in snapshot.pages.values()]


def _state(record: PageRecord) -> PageState:
    rung = record.state if record.state in (STUB, FORGOTTEN) else record.rung
    return PageState(
        record.id, record.ordinal, rung, record.get_agreements(), record.hits, record.pinned
    )


def faded(
    snapshot: Snapshot,
    steps: Sequence[Step],
    profile: ReaderProfile,
    policy: ForgettingPolicy,
    retain: Retain = "pages",
) -> list[Change]:
    """Fading deletes: the pictures that are finer than the new rung, and the part of the index it
    no longer pays for.

    With `retain="text"` only pictures go: text and index stay, below the last rung too.
    """
    frequencies = _document_frequencies(snapshot)
    changes: list[Change] = []
    for step in steps:
        record = snapshot.pages[step.page]
        fade = _keeping_text(step.rung) if retain == "text" else _fade(step.rung, profile)
        changes.append(put(fade(record, frequencies, len(snapshot.pages), policy)))
        names = [rung.name for rung in profile.ladder]
        finer = names[: names.index(step.rung)] if step.rung in names else names
        changes += [Delete("picture", picture_key(record.id, name)) for name in finer]
    return changes


Fade = Callable[[PageRecord, Mapping[str, int], int, ForgettingPolicy], PageRecord]


def _fade(rung: str, profile: ReaderProfile) -> Fade:
    return {STUB: _to_stub, FORGOTTEN: _to_nothing}.get(rung) or _to_rung(rung, profile)


def _keeping_text(rung: str) -> Fade:
    def fade(
        record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy
    ) -> PageRecord:
        low = {"state": rung, "rung": None, "certificate": None}
        return record.model_copy(update=low if rung in (STUB, FORGOTTEN) else {"rung": rung})

    return fade


def _to_rung(rung: str, profile: ReaderProfile) -> Fade:
    def fade(
        record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy
    ) -> PageRecord:
        step = [r.name for r in profile.ladder].index(rung)
        share = INDEX_SHARE[min(step, len(INDEX_SHARE) - 1)]
        terms = {
            turn: _keep(counts, share, frequencies, n) for turn, counts in record.terms.items()
        }
        return record.model_copy(update={"rung": rung, "terms": terms})

    return fade


def _keep(
    counts: Mapping[str, int], share: float, frequencies: Mapping[str, int], n: int
) -> dict[str, int]:
    return (
        dict(counts)
        if share >= 1
        else search.top_terms(counts, round(len(counts) * share), frequencies, n)
    )


def _to_stub(
    record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy
) -> PageRecord:
    total: Counter[str] = Counter()
    for counts in record.terms.values():
        total.update(counts)
    keywords = _keywords(
        list(search.top_terms(total, KEYWORDS, frequencies, n)), policy.stub_tokens // 2
    )
    kept = _within(
        record.get_ledger(), policy.stub_tokens - count_tokens(" ".join(keywords) + "\n")
    )
    terms = {"stub": dict(search.terms(" ".join([*keywords, *(span.text for span in kept.spans)])))}
    gone = {"state": STUB, "rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(
        update=gone | {"keywords": keywords, "ledger": kept.to_json(), "terms": terms}
    )


def _keywords(terms: list[str], allowance: int) -> list[str]:
    """The first terms, those that fit the allowance in tokens."""
    kept: list[str] = []
    for term in terms:
        if count_tokens(" ".join([*kept, term])) <= allowance:
            kept.append(term)
    return kept


def _within(ledger: Ledger, allowance: int) -> Ledger:
    """The facts that fit the allowance in tokens, the shortest first, code and unreadable passages
    last.
    """
    bulky = ("code", "unreadable")
    order = sorted(ledger.spans, key=lambda s: (s.kind in bulky, len(s.text), s.start))
    kept: list[LedgerSpan] = []
    seen: set[str] = set()
    for span in order:
        cost = count_tokens(span.text + "\n")
        if span.text not in seen and cost <= allowance:
            allowance -= cost
            kept.append(span)
            seen.add(span.text)
    return Ledger(tuple(sorted(kept, key=lambda s: s.start)))


def _to_nothing(
    record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy
) -> PageRecord:
    return forgotten_page(record)


def forgotten_page(record: PageRecord) -> PageRecord:
    """What stays of a page: order, times, its keyed digest."""
    gone = {"state": FORGOTTEN, "rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(update=gone | {"keywords": [], "ledger": {}, "terms": {}})


def _document_frequencies(snapshot: Snapshot) -> Counter[str]:
    frequencies: Counter[str] = Counter()
    for record in snapshot.pages.values():
        frequencies.update({term for counts in record.terms.values() for term in counts})
    return frequencies
