"""Turns and pages that are not numbered as they must be, or are gone."""

from __future__ import annotations

from collections.abc import Iterator

from optical_memory.session.checking.problem import Problem
from optical_memory.session.maps.runs import gaps, n_numbers
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import Snapshot

__all__ = ["turn_problems"]


def turn_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Problems of the turns and pages of a session, and of its counts."""
    session = snapshot.session
    if session.lost_turns:
        yield Problem(f"the store lost {session.lost_turns} turns that it had acknowledged")
    yield from _count_problems(snapshot)
    if [record.ordinal for record in snapshot.pages.values()] != list(range(len(snapshot.pages))):
        yield Problem("the pages are not numbered without gaps")
    for record in snapshot.turns.values():
        yield from _problems_of_turn(snapshot, record)


def _count_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Turns that are gone. Repair counts them as lost, so that this is told once."""
    session = snapshot.session
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    end = max([session.next_turn, *(ordinal + 1 for ordinal in ordinals[-1:])])
    n_counted = session.next_turn - n_numbers(session.dropped_turns)
    if n_counted == len(ordinals) and end == session.next_turn:
        return
    if ordinals != list(range(len(ordinals))):
        yield Problem("the turns are not numbered without gaps")
    new_session = session.with_fields(
        next_turn=end,
        dropped_turns=gaps(ordinals, end),
        lost_turns=session.lost_turns + max(0, n_counted - len(ordinals)),
    )
    yield Problem(
        f"the session counts {n_counted} turns, but {len(ordinals)} are stored; "
        "repair corrects the count",
        (put(new_session),),
    )


def _problems_of_turn(snapshot: Snapshot, record: TurnRecord) -> Iterator[Problem]:
    lost_pages = [page for page in record.pages if page not in snapshot.pages]
    if lost_pages:
        yield Problem(f"turn {record.id} stands on pages that are not stored: {lost_pages}")
    if not record.sealed and not record.forgotten and record.text is None:
        yield Problem(f"turn {record.id} is open but has no text")
