"""Stretches of real conversations, drawn at random: pages are too many to be certified all."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from optical_memory.loaders import load
from optical_memory.turns import Turn


@dataclass(frozen=True)
class Place:
    """A conversation in the turns of its file: `turns[start:end]`."""

    turns: Sequence[Turn]
    start: int
    end: int


def kind_of(file: Path) -> str:
    """The folder of a file of Markdown, else the file itself."""
    return file.parent.name if file.suffix == ".md" else file.stem


def stretches(
    files: Sequence[Path], n_chars: int, chance: random.Random
) -> Iterator[tuple[str, list[Turn]]]:
    """Turns that follow each other, of each conversation once, then of each again.

    Kinds of file take turns.
    """
    kinds: dict[str, list[Place]] = defaultdict(list)
    for file in files:
        kinds[kind_of(file)] += places_in(file)
    for places in kinds.values():
        chance.shuffle(places)
    n_rounds = 0
    while True:
        for kind, places in kinds.items():
            yield kind, stretch(places[n_rounds % len(places)], n_chars, chance)
        n_rounds += 1


def places_in(file: Path) -> list[Place]:
    """The conversations of a file."""
    conversations = load(file)
    turns: list[Turn] = []
    for conversation in conversations:
        turns += conversation.turns
    places: list[Place] = []
    start = 0
    for conversation in conversations:
        end = start + len(conversation.turns)
        places.append(Place(turns, start, end))
        start = end
    return places


def stretch(place: Place, n_chars: int, chance: random.Random) -> list[Turn]:
    """Turns from a random turn of the conversation on with about `n_chars` characters.

    After the last turn of the file comes the first. Of a turn that is too long a part is drawn.
    """
    part: list[Turn] = []
    n_left = n_chars
    first = chance.randrange(place.start, place.end)
    for i in range(first, first + len(place.turns)):
        turn = place.turns[i % len(place.turns)]
        start = chance.randrange(max(1, len(turn.text) - n_left))
        part.append(replace(turn, id=None, text=turn.text[start : start + n_left]))
        n_left -= len(turn.text) + 1
        if n_left <= 0:
            break
    return part
