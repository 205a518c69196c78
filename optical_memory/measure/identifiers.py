"""Whether a reader alone reads random identifiers exactly: what `optical-memory eval identifiers`
prints.

Nothing can be guessed of a random identifier, and no ledger helps. Each stands in the prose of the
bundled conversation, where the layout puts it, on pages of an asked compression; all kinds stand on
the same pages, so that they are read under the same conditions. Everything drawn at random is drawn
by seed.
"""

from __future__ import annotations

import random
import re
import string
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from optical_memory.counting import count_batch
from optical_memory.errors import InputError
from optical_memory.loaders import example
from optical_memory.measure.cut_pages import cut, finest
from optical_memory.measure.fidelity import Told
from optical_memory.measure.page_pool import full_pages
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.readings import CONFIDENT, Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.tokens import INT8, TokenCodec, unpack
from optical_memory.turns import Turn

__all__ = ["KINDS", "IdentifierRow", "identifiers"]

KINDS: Mapping[str, Callable[[random.Random], str]] = MappingProxyType(
    {
        "number7": lambda chance: str(chance.randrange(10**6, 10**7)),
        "hex8": lambda chance: f"{chance.getrandbits(32):08x}",
        "base62": lambda chance: "".join(chance.choices(string.ascii_letters + string.digits, k=8)),
        "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    }
)
"""What an identifier of each kind is."""

WORDS_BETWEEN = 15
"""Words of prose before each identifier: about 40 identifiers on a page that holds 1,100 tokens."""


@dataclass(frozen=True, slots=True)
class IdentifierRow:
    """`n` identifiers of one kind: `exact` is the share read without an error, `chars_right` that
    of their characters.

    `silent_errors` is the share that is read wrongly although every character is sure.
    `compression` is that of the pages, identifiers included (they take more tokens a character than
    prose), `n_pages` how many of them have one of this kind.
    """

    kind: str
    rung: str
    compression: float
    compression_asked: float
    n: int
    exact: float
    chars_right: float
    silent_errors: float
    n_pages: int


@dataclass(frozen=True, slots=True)
class _Planted:
    """An identifier at `page.text[start : start + len(text)]`."""

    kind: str
    text: str
    start: int


def identifiers(
    reader: Reader,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    n: int = 300,
    compression: float = 10.0,
    seed: int = 0,
    codec: TokenCodec = INT8,
    told: Told = lambda done, total: None,
) -> list[IdentifierRow]:
    """A row for every kind. Raises `InputError` where pages of this compression have no room for
    identifiers.
    """
    rung, sheets = _sheets(reader, kinds, n, compression, random.Random(seed))
    read = []
    for done, (page, planted) in enumerate(sheets, 1):
        image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
        tokens = unpack(codec.pack(reader.encode([image], rung)[0]))
        read.append((planted, reader.decode([tokens], [page.layout])[0]))
        told(done, len(sheets))
    ratio = float(np.mean(count_batch([page.text for page, _ in sheets]))) / rung.n_tokens
    return [_row(kind, rung, ratio, compression, read) for kind in kinds]


def _row(
    kind: str,
    rung: Rung,
    ratio: float,
    asked: float,
    read: Sequence[tuple[list[_Planted], Reading]],
) -> IdentifierRow:
    found = [(one, reading) for planted, reading in read for one in planted if one.kind == kind]
    right = [_right(one, reading) for one, reading in found]
    silent = [
        not all(hits) and _sure(one, reading)
        for hits, (one, reading) in zip(right, found, strict=True)
    ]
    return IdentifierRow(
        kind=kind,
        rung=rung.name,
        compression=ratio,
        compression_asked=asked,
        n=len(found),
        exact=float(np.mean([all(hits) for hits in right])),
        chars_right=float(np.mean([hit for hits in right for hit in hits])),
        silent_errors=float(np.mean(silent)),
        n_pages=sum(any(one.kind == kind for one in planted) for planted, _ in read),
    )


def _right(one: _Planted, reading: Reading) -> list[bool]:
    return [char == true for char, true in zip(reading.text[one.start :], one.text, strict=False)]


def _sure(one: _Planted, reading: Reading) -> bool:
    return bool((reading.confidence[one.start : one.start + len(one.text)] >= CONFIDENT).all())


# ---- pages ---------------------------------------------------------------------------------------


def _sheets(
    reader: Reader, kinds: Sequence[str], n: int, ratio: float, chance: random.Random
) -> tuple[Rung, list[tuple[Page, list[_Planted]]]]:
    """Pages with `n` identifiers of each kind: the conversation, as often as it takes, with ever
    other identifiers.
    """
    rung: Rung | None = None
    sheets: list[tuple[Page, list[_Planted]]] = []
    wanted = Counter(dict.fromkeys(kinds, n))
    while True:
        salt = _Salt(kinds, chance)
        pages = full_pages(salt.into_turns(example().turns), PageRenderer(reader.profile.grid))
        rung = rung or finest(ratio, pages, reader.profile)
        before = wanted.copy()
        for page in _holding(pages, ratio * rung.n_tokens):
            part = cut(page, ratio * rung.n_tokens)
            planted = list(_wanted(salt.found(part.text), wanted))
            if planted:
                sheets.append((part, planted))
            if not wanted:
                return rung, sheets
        if any(wanted[kind] == before[kind] for kind in wanted):
            raise InputError(f"pages of {ratio:g}x have no room for identifiers: ask for more")


def _holding(pages: list[Page], tokens: float) -> list[Page]:
    """The pages that hold so many tokens; all of them where their mean does not."""
    counts = count_batch([page.text for page in pages])
    if sum(counts) < tokens * len(counts):
        return pages
    return [page for page, count in zip(pages, counts, strict=True) if count >= tokens]


def _wanted(found: Iterator[_Planted], wanted: Counter[str]) -> Iterator[_Planted]:
    """Those that are still wanted; counts them down."""
    for one in found:
        if one.kind in wanted:
            wanted[one.kind] -= 1
            yield one
            if not wanted[one.kind]:
                del wanted[one.kind]


class _Salt:
    """Puts identifiers into texts, each kind in turn, and finds them again."""

    def __init__(self, kinds: Sequence[str], chance: random.Random) -> None:
        self._kinds, self._chance = kinds, chance
        self._words = 0
        self._planted: dict[str, str] = {}  # kind by identifier

    def into_turns(self, turns: Sequence[Turn]) -> list[PlacedTurn]:
        """The turns with an identifier after every `WORDS_BETWEEN` words, counted on from turn to
        turn.
        """
        texts = [re.sub(r"\S+", self._salted, turn.text) for turn in turns]
        return [
            PlacedTurn(replace(turn, text=texts[i]), f"t{i}", i) for i, turn in enumerate(turns)
        ]

    def _salted(self, word: re.Match[str]) -> str:
        self._words += 1
        if self._words % WORDS_BETWEEN:
            return word[0]
        kind = self._kinds[len(self._planted) % len(self._kinds)]
        one = KINDS[kind](self._chance)
        self._planted[one] = kind
        return f"{word[0]} {one}"

    def found(self, text: str) -> Iterator[_Planted]:
        """The identifiers that stand whole in a page's text, in their order."""
        for match in re.finditer(r"[0-9A-Za-z-]{7,}", text):
            if match[0] in self._planted:
                yield _Planted(self._planted[match[0]], match[0], match.start())
