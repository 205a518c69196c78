"""Turns and pages that are not numbered as they must be, or are gone."""

from __future__ import annotations

from collections.abc import Iterator

from optical_memory.session.checking.problem import Problem
from optical_memory.session.opening.losses import known_ordinals, without_lost_turns
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import Snapshot

__all__ = ["turn_problems"]


def turn_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Problems of the turns and pages of a session, and of its counts."""
    session = snapshot.session
    if snapshot.is_session_damaged:
        yield Problem("the session's own record is gone; repair writes it anew", (put(session),))
    if session.lost_turns:
        yield Problem(f"the store lost {session.lost_turns} turns that it had acknowledged")
    yield from _problems_of_numbers(snapshot)
    if [record.ordinal for record in snapshot.pages.values()] != list(range(len(snapshot.pages))):
        yield Problem("the pages are not numbered without gaps")
    for record in snapshot.turns.values():
        yield from _problems_of_turn(snapshot, record)
    writes = without_lost_turns(snapshot)
    if writes:
        yield Problem("repair marks lost turns as forgotten, and counts again", tuple(writes))


def _problems_of_numbers(snapshot: Snapshot) -> Iterator[Problem]:
    """Turns that are gone, and a count that is wrong."""
    n_stored = len(snapshot.turns)
    known = known_ordinals(snapshot)
    end = max(known, default=-1) + 1
    if len(known) != end:
        yield Problem("the turns are not numbered without gaps")
    if snapshot.session.next_turn != end:
        count = snapshot.session.next_turn
        yield Problem(f"the session counts {count} turns, but {n_stored} are stored")


def _problems_of_turn(snapshot: Snapshot, record: TurnRecord) -> Iterator[Problem]:
    lost_pages = [page for page in record.pages if page not in snapshot.pages]
    if lost_pages:
        yield Problem(f"turn {record.id} stands on pages that are not stored: {lost_pages}")
    if not record.sealed and not record.forgotten and record.text is None:
        yield Problem(f"turn {record.id} is open but has no text")
