"""What is planted: kinds of values, and for each kind topics with the questions about them.

A topic has a statement and three questions. The first has the statement's own words. The second
asks in other words, as a person does who has forgotten how it was said: of the statement's words it
has one, stop words aside. The third has none of them.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "KINDS",
    "WORDINGS",
    "Needle",
    "Topic",
    "make_needle",
    "topics",
]

WORDINGS = ("own words", "other words", "no common word")
"""How a needle is asked for, by the questions of its topic in order."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A statement with "{}" for the value, and a question for each of the `WORDINGS`."""

    kind: str
    statement: str
    own_words: str
    other_words: str
    no_common_word: str


@dataclass(frozen=True, slots=True)
class Needle:
    """A statement to plant, with its value and its questions in the order of `WORDINGS`."""

    kind: str
    statement: str
    value: str
    questions: tuple[str, str, str]


# ---- values --------------------------------------------------------------------------------------


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _number(rng: random.Random) -> str:
    return str(rng.randrange(1_000_000, 10_000_000))


def _path(rng: random.Random) -> str:
    folders = "/".join(rng.choice(_FOLDERS) for _ in range(3))
    file = f"{rng.choice(_FILES)}_{rng.randrange(100, 1000)}.{rng.choice(_ENDINGS)}"
    return f"/{folders}/{file}"


def _price(rng: random.Random) -> str:
    return f"${rng.randrange(1_000, 90_000):,}.{rng.randrange(100):02d}"


def _date(rng: random.Random) -> str:
    return f"{rng.randrange(1, 29)} {rng.choice(_MONTHS)} {rng.randrange(2026, 2040)}"


def _name(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}"


def _sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(words) for words in (_WHO, _WHAT, _PLACES))


def _chinese(rng: random.Random) -> str:
    return "".join(rng.sample(_CHARACTERS, 4))


_FOLDERS = ("srv", "opt", "mnt", "var", "data", "home", "vault", "archive", "nightly", "export")
_FILES = ("ledger", "snapshot", "manifest", "rota", "invoice", "inventory", "minutes", "survey")
_ENDINGS = ("csv", "tar.gz", "json", "sqlite", "pdf", "log")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_FIRST_NAMES = ("Ottilie", "Bartholomew", "Xiomara", "Thaddeus", "Ingeborg", "Leocadia", "Evander")
_LAST_NAMES = ("Quillfeather", "Abernathy", "Zielinski", "Fairweather", "Oyelaran", "Brandvold")
_WHO = ("the lighthouse keeper", "an old beekeeper", "the night porter", "a travelling tailor")
_WHAT = ("hid the silver compass", "buried the brass key", "left a green lantern", "sewed a map")
_PLACES = ("under the third stair", "behind the bakery oven", "inside the church organ")
_CHARACTERS = "山川云雪松竹梅兰金玉石桥灯塔船帆琴棋书画茶酒花鸟鱼虫风雨雷电"

KINDS: Mapping[str, Callable[[random.Random], str]] = {
    "uuid": _uuid,
    "number": _number,
    "path": _path,
    "price": _price,
    "date": _date,
    "name": _name,
    "sentence": _sentence,
    "chinese": _chinese,
}
"""A value of each kind, drawn at random."""


# ---- topics --------------------------------------------------------------------------------------


@cache
def topics() -> tuple[Topic, ...]:
    """The topics that come with the package, five of each kind."""
    file = Path(__file__).parents[2] / "examples" / "needles.json"
    return tuple(Topic(**topic) for topic in json.loads(file.read_text(encoding="utf-8")))


def make_needle(topic: Topic, rng: random.Random) -> Needle:
    """A needle about the topic, with a value drawn at random."""
    value = KINDS[topic.kind](rng)
    questions = (topic.own_words, topic.other_words, topic.no_common_word)
    return Needle(topic.kind, topic.statement.format(value), value, questions)
