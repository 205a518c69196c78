"""Histories: stretches of real conversation in which needles are planted at all depths."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optical_memory.counting import count_batch
from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, load
from optical_memory.measure.needles.kinds import KINDS, Needle, Topic, make_needle, topics
from optical_memory.turns import Turn, body

__all__ = [
    "History",
    "PlantedNeedle",
    "make_histories",
    "read_haystack",
]

TOKENS_A_NEEDLE = 500
"""A needle stands in about so many tokens of text, so that needles are hardly 5 % of it."""


@dataclass(frozen=True, slots=True)
class PlantedNeedle:
    """A needle in a turn of its own. `depth` is 0 for the oldest turn and 1 for the newest.

    `age_turns` is the number of turns after it.
    """

    needle: Needle
    turn_id: str
    depth: float
    age_turns: int


@dataclass(frozen=True, slots=True)
class History:
    """A conversation of about `n_tokens` tokens with its needles."""

    conversation: Conversation
    needles: tuple[PlantedNeedle, ...]
    n_tokens: int


def read_haystack(files: Sequence[Path]) -> list[Turn]:
    """The turns of all conversations in the files, one after the other; a folder has its files.

    Raises `InputError` if a file is no conversation.
    """
    turns: list[Turn] = []
    for file in files:
        paths = sorted(file.rglob("chat.json")) if file.is_dir() else [file]
        for path in paths:
            for conversation in load(path):
                turns += [turn for turn in conversation.turns if body(turn).strip()]
    if not turns:
        raise InputError("there is no text in the haystack")
    return turns


def make_histories(
    haystack: Sequence[Turn], n_tokens: int, n_needles: int, kinds: Sequence[str], seed: int = 0
) -> list[History]:
    """Histories of about `n_tokens` tokens with at least `n_needles` needles in all of them.

    A topic occurs at most once in a history, and the kinds about equally often. The same seed gives
    the same histories. Raises `InputError` if the haystack is shorter than a history.
    """
    costs = count_batch(body(turn) for turn in haystack)
    if sum(costs) < n_tokens:
        raise InputError(
            f"the haystack has {sum(costs)} tokens: give one of at least {n_tokens} tokens"
        )
    n_topics = sum(topic.kind in kinds for topic in topics())
    n_a_history = max(1, min(n_topics, n_tokens // TOKENS_A_NEEDLE))
    n_histories = -(-n_needles // n_a_history)
    return [
        _history(haystack, costs, (n_tokens, n_a_history), kinds, (seed, number))
        for number in range(n_histories)
    ]


def _history(
    haystack: Sequence[Turn],
    costs: Sequence[int],
    sizes: tuple[int, int],
    kinds: Sequence[str],
    place: tuple[int, int],
) -> History:
    """A history of (tokens, needles); `place` is the seed and the number of the history."""
    n_tokens, n_needles = sizes
    seed, number = place
    rng = random.Random(f"{seed} {number} {n_tokens}")
    needles = [make_needle(topic, rng) for topic in _topics(kinds, n_needles, number, rng)]
    n_needle_tokens = sum(count_batch(needle.statement for needle in needles))
    straw = _stretch(haystack, costs, n_tokens - n_needle_tokens, rng)
    turns = _planted(straw, needles, rng)
    named = [replace(turn, id=turn.id or f"straw-{i}") for i, turn in enumerate(turns)]
    name = f"needles {n_tokens} {seed} {number} {' '.join(kinds)}"
    return History(
        conversation=Conversation(name, tuple(named)),
        needles=tuple(_places(named, needles)),
        n_tokens=sum(count_batch(body(turn) for turn in named)),
    )


def _topics(kinds: Sequence[str], n: int, number: int, rng: random.Random) -> list[Topic]:
    """A topic of each kind in turn; the next history goes on from there."""
    by_kind = {kind: [topic for topic in topics() if topic.kind == kind] for kind in kinds}
    chosen: list[Topic] = []
    for i in range(n):
        own = by_kind[kinds[(number + i) % len(kinds)]]
        chosen.append(own[(number + i // len(kinds)) % len(own)])
    rng.shuffle(chosen)
    return chosen


def _stretch(
    haystack: Sequence[Turn], costs: Sequence[int], n_tokens: int, rng: random.Random
) -> list[Turn]:
    """Turns that follow each other, from a place drawn at random, and from the start after the end.

    They cost at most `n_tokens`; a turn that is too large is left out.
    """
    first = rng.randrange(len(haystack))
    stretch: list[Turn] = []
    tokens_left = n_tokens
    for i in range(len(haystack)):
        number = (first + i) % len(haystack)
        if costs[number] <= tokens_left:
            stretch.append(replace(haystack[number], id=None))
            tokens_left -= costs[number]
        elif tokens_left < n_tokens // 20:
            break
    return stretch


def _planted(straw: Sequence[Turn], needles: Sequence[Needle], rng: random.Random) -> list[Turn]:
    """The turns with the needles between them, spread evenly, each at a place drawn at random."""
    spots = [int((i + rng.random()) / len(needles) * (len(straw) + 1)) for i in range(len(needles))]
    turns = list(straw)
    for i in reversed(range(len(needles))):
        turns.insert(spots[i], _turn(needles[i], f"needle-{i}", straw, spots[i]))
    return turns


def _turn(needle: Needle, id: str, straw: Sequence[Turn], spot: int) -> Turn:
    """A needle as a turn of the user, at the time of the turn before it."""
    before = straw[:spot]
    when = next((turn.when for turn in reversed(before) if turn.when), None)
    name = next((turn.name for turn in straw if turn.role == "user"), None)
    return Turn("user", needle.statement, name=name, when=when, id=id)


def _places(turns: Sequence[Turn], needles: Sequence[Needle]) -> list[PlantedNeedle]:
    numbers = {turn.id: number for number, turn in enumerate(turns)}
    places: list[PlantedNeedle] = []
    for i, needle in enumerate(needles):
        number = numbers[f"needle-{i}"]
        depth = number / max(1, len(turns) - 1)
        places.append(PlantedNeedle(needle, f"needle-{i}", depth, len(turns) - 1 - number))
    return places


ALL_KINDS = tuple(KINDS)
"""The names of all kinds of needles."""
