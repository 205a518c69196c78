"""Retention: turns that are older than the policy's term are erased, wherever they stand.

A turn's time is the one that it tells, and at the latest the day on which it was remembered. A
session notes these days only if it has a term, so that a turn that tells no time has an age too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain

from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.redacting import with_day
from optical_memory.session.corrections.tombstones import keyed_digest
from optical_memory.session.erasing.erase import erase_page, erase_records
from optical_memory.session.erasing.mark import finish_erasing, mark_erasing
from optical_memory.session.records import SessionRecord, TurnRecord, put
from optical_memory.session.snapshot import Change, Snapshot

__all__ = [
    "expire_turns",
    "expired_turns",
    "is_doubtful",
]

MAX_GAP = timedelta(days=366)
"""A clock that is later than all that a session knows by more than this is not believed at once:
computers start with clocks that are years off. Shorter jumps are not noticed.
"""

DOUBT = timedelta(hours=1)
"""How long such a clock must go on before it is believed. Clocks are set minutes after a start."""

BATCH = 200
"""Open turns that a commit erases: other writers wait some 0.1 s for each."""


def expired_turns(
    snapshot: Snapshot, keep_for: timedelta, now: datetime, first: int = 0
) -> list[TurnRecord]:
    """The turns past the term, from ordinal `first` on; those on a pinned page stay."""
    limit = now - keep_for
    pinned = {page.id for page in snapshot.pages.values() if page.pinned}
    days = snapshot.session.days
    turns: list[TurnRecord] = []
    for turn in snapshot.turns.values():
        if turn.ordinal < first or turn.forgotten or not pinned.isdisjoint(turn.pages):
            continue
        moment = _time_of(turn, days)
        if moment is not None and moment < limit:
            turns.append(turn)
    return turns


def _time_of(turn: TurnRecord, days: Sequence[tuple[int, date]]) -> datetime | None:
    """The time of a turn; the end of the day on which it was remembered, if that is earlier."""
    i = bisect_right(days, turn.ordinal, key=lambda mark: mark[0]) - 1
    day_end = None
    if i >= 0:
        day_end = datetime.combine(days[i][1] + timedelta(days=1), time(), UTC)
    when = turn.when
    if when is None:
        return day_end
    when = when if when.tzinfo is not None else when.astimezone()
    return when if day_end is None else min(when, day_end)


def is_doubtful(session: SessionRecord, now: datetime) -> bool:
    """True if the clock is so far from all that the session knows that nothing may be erased."""
    if session.clock is not None and timedelta(0) <= now - session.clock < DOUBT:
        return True
    return _is_far(session, now)


def _is_far(session: SessionRecord, now: datetime) -> bool:
    moments = [datetime.combine(session.days[-1][1], time(), UTC)] if session.days else []
    moments += [session.clock] if session.clock is not None else []
    return bool(moments) and now - max(moments) > MAX_GAP


@dataclass(frozen=True, slots=True)
class _Eraser:
    archive: Archive
    profile: ReaderProfile

    def page(self, page: str) -> None:
        """Erase a page, if it is still there."""

        def erase(snapshot: Snapshot) -> list[Change]:
            record = snapshot.pages.get(page)
            if record is None or not (record.readable or record.digest):
                return []
            own = (self.profile, keyed_digest, self.archive.drawn_rungs)
            return erase_page(snapshot, page, *own)

        self.archive.replace(erase, mark_erasing)

    def turns(self, ordinals: Collection[int]) -> None:
        """Erase the turns that are not erased yet."""

        def erase(snapshot: Snapshot) -> list[Change]:
            turns = [t for t in snapshot.turns.values() if t.ordinal in ordinals]
            own = (self.archive.picture, self.profile, keyed_digest, self.archive.drawn_rungs)
            left = [turn for turn in turns if not turn.forgotten]
            return erase_records(snapshot, left, *own)

        self.archive.replace(erase, mark_erasing)


def expire_turns(
    archive: Archive, profile: ReaderProfile, keep_for: timedelta, now: datetime, first: int = 0
) -> int:
    """Erase what is past the term, from turn `first` on, for good; gives how many turns went.

    A page whose turns are all past it goes as a whole; from other pages its rows go. What is cached
    goes too, and the logs of the store are emptied, once.
    """
    snapshot = archive.snapshot()
    if is_doubtful(snapshot.session, now) or snapshot.is_session_damaged:
        _note(archive, now, keep_for)
        return 0
    _note(archive, now, keep_for)
    turns = expired_turns(archive.snapshot(), keep_for, now, first)
    if not turns:
        return 0
    eraser = _Eraser(archive, profile)
    due = {turn.ordinal for turn in turns}
    for page in sorted(set(chain.from_iterable(turn.pages for turn in turns))):
        on_page = archive.snapshot().turns_on(page)
        if all(turn.forgotten or turn.ordinal in due for turn in on_page):
            eraser.page(page)
    ordinals = sorted(due)
    for start in range(0, len(ordinals), BATCH):
        eraser.turns(frozenset(ordinals[start : start + BATCH]))
    finish_erasing(archive)
    return len(turns)


def _note(archive: Archive, now: datetime, keep_for: timedelta) -> None:
    """Note a far clock, and the first day of a session that had no term so far."""

    def change(snapshot: Snapshot) -> tuple[list[Change], None]:
        session = snapshot.session
        if snapshot.is_session_damaged or not session.next_turn:
            return [], None
        if _is_far(session, now):
            session = session.with_fields(clock=now)
        elif not session.days:
            session = with_day(session, 0, now.date(), keep_for)
        return ([put(session)] if session is not snapshot.session else []), None

    archive.update(change)
