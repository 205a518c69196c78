"""Marks of omission: no reader takes the sentences that are left of a turn for the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.session.condensing.run_text import TurnText, Unit

__all__ = [
    "OMISSION",
    "Omission",
    "omissions_of",
    "text_left",
]

OMISSION = "[...]"
"""Every reader can read it: it is plain ASCII. It stands on the page, so a picture shows it too."""


@dataclass(frozen=True, slots=True)
class Omission:
    """A range of a turn's body that is left out, and the mark in its place.

    The mark is empty where only blanks are left out.
    """

    start: int
    end: int
    mark: str


def omissions_of(turn: TurnText, units: Sequence[Unit]) -> list[Omission]:
    """What is left out of the turn's part if these units stay, in order."""
    omissions: list[Omission] = []
    start = turn.start
    for unit in units:
        if unit.start > start:
            omissions.append(_omission(turn, start, unit.start))
        start = unit.end
    if turn.end > start:
        omissions.append(_omission(turn, start, turn.end))
    return omissions


def _omission(turn: TurnText, start: int, end: int) -> Omission:
    text = turn.text[start - turn.start : end - turn.start]
    if not text.strip():
        return Omission(start, end, "")
    return Omission(start, end, OMISSION if end == turn.end else f"{OMISSION} ")


def text_left(turn: TurnText, units: Sequence[Unit]) -> str:
    """These units of a turn, with marks for the rest.

    Without units it is empty for a whole turn: nothing is left that could be taken for the whole.
    It is a mark if another page has a part of the turn.
    """
    if not units and turn.is_whole:
        return ""
    pieces = [(unit.start, unit.text) for unit in units]
    pieces += [(omission.start, omission.mark) for omission in omissions_of(turn, units)]
    return "".join(text for _, text in sorted(pieces))
