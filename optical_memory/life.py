"""The life of a page as changes to a session: remembered, sealed, certified, faded, forgotten.

Every function takes a snapshot and gives the writes that change it; none of them writes. What is sealed is drawn at
every rung it may ever have, so a fade only deletes.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from optical_memory import ledger as ledgers
from optical_memory import search
from optical_memory.archive import Change, Snapshot, put
from optical_memory.certificate import Certificate
from optical_memory.counting import count_tokens
from optical_memory.errors import InputError
from optical_memory.forgetting import FORGOTTEN, STUB, ForgettingPolicy, PageState, Step
from optical_memory.ledger import Ledger, LedgerSpan
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile
from optical_memory.records import PageRecord, Retain, TurnRecord, page_key, picture_key
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.marks import body
from optical_memory.renderers.pictures import png_bytes
from optical_memory.stores.base import Delete, Put
from optical_memory.turns import Turn

__all__ = ["certified", "faded", "page_states", "remembered", "sealed"]

INDEX_SHARE = (1.0, 1.0, 0.6, 0.4)
"""Share of a page's index terms kept at each rung of the ladder, the finest first."""

KEYWORDS = 16
"""Keywords of a stub."""

ROLES = ("system", "user", "assistant", "tool")


# ---- open -----------------------------------------------------------------------------------------------------------


def remembered(snapshot: Snapshot, turns: Sequence[Turn], ids: list[str]) -> list[Change]:
    """New turns at the end; a turn whose id is known replaces the old one while that is open. `ids` is filled anew.

    The same turn again is no change. A known id whose turn stands on a sealed page already is a new turn `id~2`.
    """
    session, changes = snapshot.session, []
    next_turn = session.next_turn
    records = dict(snapshot.keys)
    fresh: dict[str, TurnRecord] = {}
    ids.clear()
    for turn in turns:
        if turn.role not in ROLES:
            raise InputError(f"a turn has the role {turn.role!r}; roles are {', '.join(ROLES)}")
        digest = session.digest(repr(turn))
        old = fresh.get(turn.id or "") or (snapshot.turn(turn.id) if turn.id else None)
        if old is not None and old.digest == digest:
            ids.append(old.id)
            continue
        if old is not None and not old.pages and not old.forgotten:
            record = TurnRecord.of(turn, old.id, old.ordinal, digest)
        else:
            record = TurnRecord.of(turn, _free_id(turn.id or f"t{next_turn}", records), next_turn, digest)
            next_turn += 1
        records[record.id] = fresh[record.id] = record
        ids.append(record.id)
        changes.append(put(record))
    if next_turn != session.next_turn or (changes and snapshot.version == 0):
        changes.append(put(session.model_copy(update={"next_turn": next_turn})))
    return changes


def _free_id(id: str, taken: Mapping[str, object]) -> str:
    return next(name for n in itertools.count(1) if (name := id if n == 1 else f"{id}~{n}") not in taken)


# ---- open -> sealed -------------------------------------------------------------------------------------------------


def sealed(
    snapshot: Snapshot, renderer: PageRenderer, profile: ReaderProfile, retain: Retain, keep_turns: int
) -> list[Change]:
    """Full pages of turns older than the newest `keep_turns`: laid out, drawn at every rung, indexed."""
    open_turns = snapshot.open_turns()
    if len(open_turns) <= keep_turns:
        return []
    placed = [PlacedTurn(r.turn, r.id, r.ordinal, r.sealed_upto) for r in open_turns]
    if sum(len(body(p.turn)) - p.offset for p in placed[: len(placed) - keep_turns]) < profile.grid.capacity // 3:
        return []
    oldest_kept = open_turns[-keep_turns].ordinal if keep_turns else snapshot.session.next_turn
    pages = renderer.paginate(placed)[:-1]
    ready = list(itertools.takewhile(lambda page: page.layout.spans[-1].ordinal < oldest_kept, pages))
    changes: list[Change] = []
    records = {record.id: record for record in open_turns}
    for number, page in enumerate(ready, snapshot.session.next_page):
        changes += _new_page(snapshot, page, number, records, renderer, profile)
        for span in page.layout.spans:
            records[span.turn] = _advance(records[span.turn], span.end - span.body, page_key(number), retain)
    if ready:
        touched = {span.turn for page in ready for span in page.layout.spans}
        changes += [put(records[id]) for id in touched]
        changes.append(put(snapshot.session.model_copy(update={"next_page": snapshot.session.next_page + len(ready)})))
    return changes


def _advance(record: TurnRecord, chars: int, page: str, retain: Retain) -> TurnRecord:
    upto = record.sealed_upto + chars
    done = upto >= len(body(record.turn))
    record = record.model_copy(update={"sealed_upto": upto, "sealed": done, "pages": [*record.pages, page]})
    return record.without_content() if done and retain == "pages" else record


def _new_page(
    snapshot: Snapshot,
    page: Page,
    number: int,
    turns: Mapping[str, TurnRecord],
    renderer: PageRenderer,
    profile: ReaderProfile,
) -> list[Change]:
    id, times = page_key(number), [w for s in page.layout.spans if (w := turns[s.turn].when)]
    record = PageRecord(
        id=id,
        ordinal=number,
        digest=snapshot.session.digest(page.digest),
        layout=page.layout.to_json(),
        lines=list(page.lines),
        ledger=ledgers.extract(page.text, charset=profile.charset).to_json(),
        terms={str(s.ordinal): dict(search.terms(page.text[s.start : s.end])) for s in page.layout.spans},
        text_tokens=count_tokens(page.text),
        first_when=times[0] if times else None,
        last_when=times[-1] if times else None,
    )
    pictures = [
        Put("picture", picture_key(id, rung.name), png_bytes(renderer.draw(page, rung.side_px)))
        for rung in profile.ladder
    ]
    return [put(record), *pictures]


# ---- sealed -> certified --------------------------------------------------------------------------------------------


def certified(
    snapshot: Snapshot, page: str, certificate: Certificate, profile: ReaderProfile, retain: Retain, floor: float
) -> list[Change]:
    """The page starts on its finest rung. Its text goes, unless it is retained or the reader cannot be trusted with it."""
    record = snapshot.pages.get(page)
    if record is None or record.state != "sealed":
        return []  # another process was faster
    finest = profile.ladder[0].name
    drop = retain == "pages" and certificate.agreement(finest) >= floor
    update = {"state": "certified", "rung": finest, "certificate": certificate.to_json()}
    return [put(record.model_copy(update=update | ({"lines": None} if drop else {})))]


# ---- fading ---------------------------------------------------------------------------------------------------------


def page_states(snapshot: Snapshot) -> list[PageState]:
    """The pages as the plan sees them."""
    return [_state(record) for record in snapshot.pages.values()]


def _state(record: PageRecord) -> PageState:
    certificate = record.get_certificate()
    agreement = certificate.agreements() if certificate else {}
    rung = record.state if record.state in (STUB, FORGOTTEN) else record.rung
    return PageState(record.id, record.ordinal, rung, agreement, record.hits, record.pinned)


def faded(snapshot: Snapshot, steps: Sequence[Step], profile: ReaderProfile, policy: ForgettingPolicy) -> list[Change]:
    """Fading deletes: the pictures that are finer than the new rung, and the part of the index it no longer pays for."""
    frequencies, changes = _document_frequencies(snapshot), []
    for step in steps:
        record = snapshot.pages[step.page]
        fade = {STUB: _to_stub, FORGOTTEN: _to_nothing}.get(step.rung, _to_rung(step.rung, profile))
        changes.append(put(fade(record, frequencies, len(snapshot.pages), policy)))
        names = [rung.name for rung in profile.ladder]
        finer = names[: names.index(step.rung)] if step.rung in names else names
        changes += [Delete("picture", picture_key(record.id, name)) for name in finer]
    return changes


Fade = Callable[[PageRecord, Mapping[str, int], int, ForgettingPolicy], PageRecord]


def _to_rung(rung: str, profile: ReaderProfile) -> Fade:
    def fade(record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy) -> PageRecord:
        step = [r.name for r in profile.ladder].index(rung)
        share = INDEX_SHARE[min(step, len(INDEX_SHARE) - 1)]
        terms = {turn: _keep(counts, share, frequencies, n) for turn, counts in record.terms.items()}
        return record.model_copy(update={"rung": rung, "terms": terms})

    return fade


def _keep(counts: Mapping[str, int], share: float, frequencies: Mapping[str, int], n: int) -> dict[str, int]:
    return dict(counts) if share >= 1 else search.top_terms(counts, round(len(counts) * share), frequencies, n)


def _to_stub(record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy) -> PageRecord:
    total: Counter[str] = Counter()
    for counts in record.terms.values():
        total.update(counts)
    keywords = list(search.top_terms(total, KEYWORDS, frequencies, n))
    kept = _within(record.get_ledger(), policy.stub_tokens - count_tokens(" ".join(keywords)))
    terms = {"stub": dict(search.terms(" ".join([*keywords, *(span.text for span in kept.spans)])))}
    gone = {"state": STUB, "rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(update=gone | {"keywords": keywords, "ledger": kept.to_json(), "terms": terms})


def _within(ledger: Ledger, allowance: int) -> Ledger:
    """The facts that fit the allowance in tokens, the shortest first, code and unreadable passages last."""
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


def _to_nothing(record: PageRecord, frequencies: Mapping[str, int], n: int, policy: ForgettingPolicy) -> PageRecord:
    gone = {"state": FORGOTTEN, "rung": None, "lines": None, "layout": None, "certificate": None}
    return record.model_copy(update=gone | {"keywords": [], "ledger": {}, "terms": {}})


def _document_frequencies(snapshot: Snapshot) -> Counter[str]:
    frequencies: Counter[str] = Counter()
    for record in snapshot.pages.values():
        frequencies.update({term for counts in record.terms.values() for term in counts})
    return frequencies
