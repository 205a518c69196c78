"""Facts planted in text, each with a twin that differs a little: who guesses finds the twin too."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Planted",
    "plant",
]

KINDS = ("hex", "digits", "camel")

OWNERS = ("cellar", "north gate", "boat house", "archive", "greenhouse", "attic", "workshop")
"""Things that have a code, in pairs with a number."""

SYLLABLES = ("Ba", "Ko", "Mi", "Ru", "Ta", "Ne", "Lo", "Vi", "Su", "Pa")


@dataclass(frozen=True, slots=True)
class Planted:
    """A value that a page tells of a name, and the value of a name that is nearly the same."""

    name: str
    value: str
    twin: str

    @property
    def sentences(self) -> tuple[str, str]:
        """What the page says."""
        return f"The code of the {self.name} is {self.value}.", (
            f"The code of the old {self.name} was {self.twin}."
        )


def plant(texts: Sequence[str], n: int, seed: int) -> tuple[list[str], list[Planted]]:
    """The texts with the sentences of `n` facts between them, and the facts."""
    chance = random.Random(seed)
    facts = [_fact(i, chance) for i in range(n)]
    sentences: list[str] = []
    for fact in facts:
        sentences += fact.sentences
    page_texts = list(texts)
    for sentence in sentences:
        page_texts.insert(chance.randint(0, len(page_texts)), sentence)
    return page_texts, facts


def _fact(i: int, chance: random.Random) -> Planted:
    name = f"{OWNERS[i % len(OWNERS)]} {i + 1}"
    kind = KINDS[i % len(KINDS)]
    value = _value(kind, chance)
    twin = value
    while twin == value:
        twin = _twin(value, _value(kind, chance), chance)
    return Planted(name, value, twin)


def _value(kind: str, chance: random.Random) -> str:
    if kind == "hex":
        return f"{chance.getrandbits(32):08x}"
    if kind == "digits":
        return "".join(chance.choice("0123456789") for _ in range(7))
    return "".join(chance.choice(SYLLABLES) for _ in range(4))


def _twin(value: str, source: str, chance: random.Random) -> str:
    """The value with two characters of `source` in place of its own."""
    i = chance.randrange(0, len(value) - 1, 2)
    return value[:i] + source[i : i + 2] + value[i + 2 :]
