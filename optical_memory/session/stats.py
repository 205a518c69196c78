"""Statistics of a session: counts of turns, pages and tokens, and everything that was forgotten."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from optical_memory.counting import Bill
from optical_memory.profiles import Ladder, ReaderProfile
from optical_memory.session.facts.other_readers import is_for_other_reader, own_states
from optical_memory.session.fade import page_states
from optical_memory.session.forgetting.plan import tokens_kept
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.opening.losses import absent_turns
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import page_info
from optical_memory.session.turn_heads import turn_head

__all__ = [
    "Stats",
    "stats",
]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of one session. Tokens are those that the decoder receives.

    `turns` counts turns, each once: `superseded_turns` are older versions, and turns that another
    turn replaced. `forgotten_turns` counts turns and versions of which only a tombstone is left.
    `pages` counts pages by form: a rung's name, "text" until a page is certified, "stub" or
    "forgotten"; "condensed" are pages whose best sentences stand on another page.
    `ledger_tokens` counts the tokens of the ledgers of pages that have a picture.
    `compression` is text tokens divided by visual and ledger tokens, of the certified pages that
    have a picture; it is None without such pages. `forgotten` has a dict for each forgotten page:
    page, first and last time, keyed digest. `problem` is the last error of the background work.
    `lost_turns` counts acknowledged turns that the store has lost. `bill` adds the bills of an
    agent's requests since the memory was opened, None without any. `other_reader_pages` counts the
    pages whose pictures were drawn for a reader with another ladder: this reader gives their text,
    exact facts or stub, and leaves them as they are. `masked_secrets` counts the secrets that were
    masked in the turns that were remembered; `kept_out_turns` the turns that redaction kept out
    since the memory was opened. `waiting` counts the pages that wait to be sealed, certified or
    faded, by that work. `lag_seconds` is how long the oldest has waited, as far as this process
    knows: turns that were there when the memory was opened count from then.
    `suspect_turns` counts the turns that the guard marked or left out since the memory was opened.
    """

    turns: int
    open_turns: int
    pages: dict[str, int]
    visual_tokens: int
    capacity: int | None
    text_tokens: int
    compression: float | None
    forgotten: list[dict[str, str | None]]
    problem: str | None = None
    lost_turns: int = 0
    ledger_tokens: int = 0
    superseded_turns: int = 0
    forgotten_turns: int = 0
    bill: Bill | None = None
    other_reader_pages: int = 0
    masked_secrets: int = 0
    kept_out_turns: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    lag_seconds: float = 0.0
    suspect_turns: int = 0

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        return asdict(self)


def stats(
    snapshot: Snapshot, capacity: int | None, policy: ForgettingPolicy, profile: ReaderProfile
) -> Stats:
    """The counts of a session as of this snapshot; `capacity` is in visual tokens, or None.

    Raises `StoreError` if a page's certificate does not parse.
    """
    pages = [page_info(record, profile.ladder) for record in snapshot.pages.values()]
    states = own_states(page_states(snapshot, with_costs=False), profile.ladder)
    with_rung = [page for page in pages if page.rung in profile.ladder.names]
    n_visual = sum(page.n_tokens for page in with_rung)
    n_ledger = sum(page.n_ledger_tokens for page in with_rung)
    n_text = sum(page.n_text_tokens for page in with_rung)
    return Stats(
        turns=len(snapshot.turns) - _n_older_versions(snapshot),
        open_turns=len(snapshot.open_turns()),
        pages=dict(Counter(page.form for page in pages)),
        visual_tokens=tokens_kept(states, policy, profile.ladder),
        capacity=capacity,
        text_tokens=n_text,
        compression=n_text / (n_visual + n_ledger) if n_visual else None,
        forgotten=[_trace(record) for record in snapshot.pages.values() if _is_lost(record)],
        lost_turns=snapshot.session.lost_turns + absent_turns(snapshot),
        ledger_tokens=n_ledger,
        superseded_turns=len(snapshot.superseded),
        forgotten_turns=_n_forgotten(snapshot),
        other_reader_pages=_n_for_others(snapshot, profile.ladder),
        masked_secrets=snapshot.session.masked_secrets,
    )


def _n_for_others(snapshot: Snapshot, ladder: Ladder) -> int:
    return sum(is_for_other_reader(record, ladder) for record in snapshot.pages.values())


def _n_older_versions(snapshot: Snapshot) -> int:
    return sum(snapshot.turns[key].is_older_version for key in snapshot.superseded)


def _n_forgotten(snapshot: Snapshot) -> int:
    """How many turns are forgotten. Few records have the word, and only these are parsed."""
    records = [data for _, data in snapshot.turns.data.pairs() if b'"forgotten":true' in data]
    return sum(turn_head(data).forgotten for data in records)


def _is_lost(record: PageRecord) -> bool:
    """True if nothing of the page is left, on no other page either."""
    return not record.readable and record.into is None


def _trace(record: PageRecord) -> dict[str, str | None]:
    """Everything that is left of a forgotten page."""
    return {
        "page": record.id,
        "first": _iso(record.first_when),
        "last": _iso(record.last_when),
        "digest": record.digest,
    }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
