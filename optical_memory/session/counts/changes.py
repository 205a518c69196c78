"""What a commit changed, in counts: new turns, and pages by what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.telemetry.instruments import PAGE_CHANGES, SECRETS_MASKED, TURNS_REMEMBERED
from optical_memory.telemetry.measuring import add, is_on

__all__ = ["count_commit"]


def count_commit(old: Snapshot, new: Snapshot, changes: Sequence[Change]) -> None:
    """Count what a commit changed, if anybody listens."""
    if not is_on():
        return
    n_turns = new.session.next_turn - old.session.next_turn
    if n_turns > 0:
        add(TURNS_REMEMBERED, n_turns)
    n_masked = new.session.masked_secrets - old.session.masked_secrets
    if n_masked > 0:
        add(SECRETS_MASKED, n_masked)
    fates: Counter[str] = Counter()
    for change in changes:
        if change.kind == "page":
            fates[_fate(old.pages.get(change.key), new.pages.get(change.key))] += 1
    del fates[""]
    for fate, n_pages in fates.items():
        add(PAGE_CHANGES, n_pages, change=fate)


def _fate(old: PageRecord | None, new: PageRecord | None) -> str:
    """What became of a page, in a word; empty if it is where it was."""
    if new is None:
        return "forgotten"
    state = "" if old is None else old.state
    if new.state != state:
        is_condensed = new.into is not None or new.n_pages > 1
        return "condensed" if is_condensed else new.state
    if old is not None and old.n_pages != new.n_pages:
        return "condensed"
    return "faded" if old is not None and old.rung != new.rung else ""
