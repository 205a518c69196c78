"""Facts in stretches of real conversation; some of them are replaced by a later turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optical_memory.loaders import Conversation
from optical_memory.measure.needles.histories import History, PlantedNeedle, make_histories
from optical_memory.measure.needles.kinds import KINDS, Needle, make_needle, topics
from optical_memory.turns import Turn

__all__ = [
    "Fact",
    "FactHistory",
    "make_fact_histories",
]

CORRECTED = 4
"""Every fourth fact is replaced by a later turn."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A planted fact as it is now, and as it was before, if it was replaced."""

    planted: PlantedNeedle
    old: PlantedNeedle | None = None


@dataclass(frozen=True, slots=True)
class FactHistory:
    """A conversation of about `n_tokens` tokens with its facts."""

    conversation: Conversation
    facts: tuple[Fact, ...]
    n_tokens: int


def make_fact_histories(
    haystack: Sequence[Turn],
    n_tokens: int,
    n_facts: int,
    kinds: Sequence[str] = tuple(KINDS),
    seed: int = 0,
) -> list[FactHistory]:
    """Histories of about `n_tokens` tokens with at least `n_facts` facts in all of them.

    A turn that replaces a fact has its statement with another value, at a place drawn at random
    after the first turn. The same seed gives the same histories. Raises `InputError` if the
    haystack is shorter than a history.
    """
    histories = make_histories(haystack, n_tokens, n_facts, kinds, seed)
    return [
        _corrected(history, random.Random(f"{seed} {i}")) for i, history in enumerate(histories)
    ]


def _corrected(history: History, rng: random.Random) -> FactHistory:
    turns = list(history.conversation.turns)
    needles: dict[str, Needle] = {}
    replaced: dict[str, str] = {}
    for i, planted in enumerate(history.needles):
        needles[planted.turn_id] = planted.needle
        if i % CORRECTED == 0:
            id = f"{planted.turn_id}-new"
            needles[id] = _with_another_value(planted.needle, rng)
            replaced[planted.turn_id] = id
            _insert_later(turns, planted.turn_id, id, needles[id].statement, rng)
    places = {
        turn.id: PlantedNeedle(
            needles[turn.id], turn.id, i / max(1, len(turns) - 1), len(turns) - 1 - i
        )
        for i, turn in enumerate(turns)
        if turn.id in needles
    }
    facts = [Fact(places[id]) for id in needles if id not in replaced and not id.endswith("-new")]
    facts += [Fact(places[new], places[old]) for old, new in replaced.items()]
    conversation = Conversation(f"{history.conversation.id} with corrections", tuple(turns))
    return FactHistory(conversation, tuple(facts), history.n_tokens)


def _insert_later(
    turns: list[Turn], old_id: str, new_id: str, text: str, rng: random.Random
) -> None:
    """Insert a turn like an older turn, but with another text, at a place after it."""
    first = next(i for i, turn in enumerate(turns) if turn.id == old_id)
    place = rng.randrange(first + 1, len(turns) + 1)
    when = turns[place - 1].when
    turns.insert(place, replace(turns[first], id=new_id, text=text, when=when))


def _with_another_value(needle: Needle, rng: random.Random) -> Needle:
    topic = next(topic for topic in topics() if topic.own_words == needle.questions[0])
    other = needle
    while other.value == needle.value:
        other = make_needle(topic, rng)
    return other
