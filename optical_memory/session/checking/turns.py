"""Turns and pages that are not numbered as they must be, or are gone."""

from __future__ import annotations

from collections.abc import Iterator

from optical_memory.session.checking.problem import Problem
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import Snapshot

__all__ = ["turn_problems"]


def turn_problems(snapshot: Snapshot) -> Iterator[Problem]:
    """Problems of the turns and pages of a session, and of its counts."""
    session = snapshot.session
    if session.lost_turns:
        yield Problem(f"the store lost {session.lost_turns} turns that it had acknowledged")
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    if ordinals != list(range(len(ordinals))):
        yield Problem("the turns are not numbered without gaps")
    if session.next_turn != len(ordinals):
        count = {"next_turn": max(ordinals, default=-1) + 1}
        yield Problem(
            f"the session counts {session.next_turn} turns, but {len(ordinals)} are stored",
            (put(session.model_copy(update=count)),),
        )
    if [record.ordinal for record in snapshot.pages.values()] != list(range(len(snapshot.pages))):
        yield Problem("the pages are not numbered without gaps")
    for record in snapshot.turns.values():
        yield from _problems_of_turn(snapshot, record)


def _problems_of_turn(snapshot: Snapshot, record: TurnRecord) -> Iterator[Problem]:
    lost_pages = [page for page in record.pages if page not in snapshot.pages]
    if lost_pages:
        yield Problem(f"turn {record.id} stands on pages that are not stored: {lost_pages}")
    if not record.sealed and not record.forgotten and record.text is None:
        yield Problem(f"turn {record.id} is open but has no text")
