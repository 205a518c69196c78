"""How much a unit says: which sentences are kept where not all can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from optical_memory.facts import find_facts
from optical_memory.search.terms import terms
from optical_memory.session.condensing.run_text import Unit
from optical_memory.session.facts.stubs import TermPages
from optical_memory.session.records import TurnRecord

__all__ = [
    "FACT",
    "USER",
    "by_salience",
]

FACT = 0.25
"""What a unit with an exact fact is worth beside the rarity of its words, which is 0 to 1."""

USER = 0.1
"""What a unit is worth if the user or a named speaker said it. Both are round guesses."""


def by_salience(
    units: Sequence[Unit], turns: Mapping[int, TurnRecord], index: TermPages
) -> list[Unit]:
    """The units, those across a border of the run first, then the most telling.

    Of equals the older comes first. A unit across a border is lost if either page loses its part.
    There are two a run at most.

    The salience is the mean rarity of a unit's words, and `FACT` and `USER` on top. The rarity of
    a word is its idf over the session's pages, divided by that of a word on a single page.
    """
    weighted = [
        (not unit.crosses, -_salience(unit, turns[unit.ordinal], index), unit.ordinal, unit)
        for unit in units
    ]
    return [unit for *_, unit in sorted(weighted, key=lambda row: (*row[:3], row[3].start))]


def _salience(unit: Unit, turn: TurnRecord, index: TermPages) -> float:
    rarities = [_rarity(term, index) for term in terms(unit.text)]
    mean = sum(rarities) / len(rarities) if rarities else 0.0
    is_users = turn.role == "user" or turn.name is not None
    return mean + FACT * bool(find_facts(unit.text)) + USER * is_users


def _rarity(term: str, index: TermPages) -> float:
    """0 for a word of all pages, 1 for a word of one page."""
    most = math.log(1 + index.n_pages)
    n_pages = max(1, index.frequencies.get(term, 0))
    return math.log((1 + index.n_pages) / n_pages) / most
