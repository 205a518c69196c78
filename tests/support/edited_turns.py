"""A turn at the beginning of a session that is edited later, in each state that it may be in."""

from __future__ import annotations

from optical_memory import ForgettingPolicy, OpticalMemory, Recollection, Schedule, Turn
from support.shelf_turns import said

OLD = "My card number ends in 1111."
NEW = "My card number ends in 2222."

STATES = ["open", "sealed", "certified", "faded"]


def remember_and_move_on(memory: OpticalMemory, turn: Turn, state: str) -> None:
    """Remember a turn at the beginning of a session, and bring it to a state."""
    memory.remember([turn, *(Turn("user", t.text, id=f"s{i}") for i, t in enumerate(said(40)))])
    if state == "sealed":
        memory.seal()
    if state in ("certified", "faded"):
        memory.flush()


def settings(state: str) -> dict[str, object]:
    policy = ForgettingPolicy(schedule=Schedule((1, 2), "pages")) if state == "faded" else None
    return {"policy": policy, "keep_turns": 10**6 if state == "open" else 0}


def texts(recollections: list[Recollection]) -> list[str]:
    return [recollection.text for recollection in recollections]
