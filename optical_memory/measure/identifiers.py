"""Whether a reader alone reads random identifiers exactly: `optical-memory eval identifiers`.

A random identifier cannot be guessed, and no ledger helps. Identifiers stand in the prose of the
bundled conversation, wherever the layout puts them. The pages have an asked compression. All kinds
stand on the same pages, so that they are read under the same conditions. All that is drawn at
random is drawn by seed.
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
from optical_memory.measure.cut_pages import cut, finest_rung, mean_tokens
from optical_memory.measure.page_pool import full_pages
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.readings import CONFIDENT, Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.background import Progress, no_progress
from optical_memory.tokens import INT8, TokenCodec, unpack
from optical_memory.turns import Turn

__all__ = [
    "IDENTIFIER_KINDS",
    "IdentifierRow",
    "measure_identifiers",
]

IDENTIFIER_KINDS: Mapping[str, Callable[[random.Random], str]] = MappingProxyType(
    {
        "number7": lambda chance: str(chance.randrange(10**6, 10**7)),
        "hex8": lambda chance: f"{chance.getrandbits(32):08x}",
        "base62": lambda chance: "".join(chance.choices(string.ascii_letters + string.digits, k=8)),
        "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    }
)
"""How an identifier of each kind is drawn."""

WORDS_BETWEEN = 15
"""Words of prose before each identifier: about 40 identifiers on a page that holds 1,100 tokens."""


@dataclass(frozen=True, slots=True)
class IdentifierRow:
    """`n` identifiers of a kind: `exact` is the share that is read without an error.

    `chars_right` is that share of their characters. `silent_errors` is the share of the identifiers
    that is read wrongly although every character is confident. `compression` is that of the pages,
    identifiers included (they take more tokens a character than prose). `n_pages` of the pages have
    an identifier of this kind.
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
class _Identifier:
    """An identifier at `page.text[start:end]`."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class _MarkedPage:
    """A page, and the identifiers on it that count."""

    page: Page
    identifiers: Sequence[_Identifier]


def measure_identifiers(
    reader: Reader,
    *,
    kinds: Sequence[str] = tuple(IDENTIFIER_KINDS),
    n: int = 300,
    compression: float = 10.0,
    seed: int = 0,
    codec: TokenCodec = INT8,
    progress: Progress = no_progress,
) -> list[IdentifierRow]:
    """A row for every kind, over `n` identifiers each; `compression` is text over visual tokens.

    Raises `InputError` if pages of this compression have no room for identifiers.
    """
    rung, pages = _marked_pages(reader, kinds, n, compression, random.Random(seed))
    readings: list[Reading] = []
    for page in pages:
        readings.append(_read(page.page, rung, reader, codec))
        progress("Reading pages", len(readings), len(pages))
    true_compression = mean_tokens([page.page for page in pages]) / rung.n_tokens
    rows: list[IdentifierRow] = []
    for kind in kinds:
        scores = list(_scores(kind, pages, readings))
        rows.append(_row(kind, rung, scores, true_compression, compression))
    return rows


def _read(page: Page, rung: Rung, reader: Reader, codec: TokenCodec) -> Reading:
    image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
    blob = codec.pack(reader.encode([image], rung)[0])
    return reader.decode([unpack(blob)], [page.layout])[0]


# ---- scores --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Score:
    """How an identifier on page `i_page` was read.

    `correct` has True for each right character. `is_confident`: all of its characters are.
    """

    i_page: int
    correct: Sequence[bool]
    is_confident: bool

    @property
    def is_exact(self) -> bool:
        return all(self.correct)

    @property
    def is_silent_error(self) -> bool:
        return self.is_confident and not self.is_exact


def _scores(
    kind: str, pages: Sequence[_MarkedPage], readings: Sequence[Reading]
) -> Iterator[_Score]:
    for i, (page, reading) in enumerate(zip(pages, readings, strict=True)):
        for identifier in page.identifiers:
            if identifier.kind == kind:
                yield _score(i, identifier, reading)


def _score(i_page: int, identifier: _Identifier, reading: Reading) -> _Score:
    text = reading.text[identifier.start : identifier.end]
    correct = [char == true for char, true in zip(text, identifier.text, strict=False)]
    confidence = reading.confidence[identifier.start : identifier.end]
    return _Score(i_page, correct, bool((confidence >= CONFIDENT).all()))


def _row(
    kind: str, rung: Rung, scores: Sequence[_Score], compression: float, compression_asked: float
) -> IdentifierRow:
    return IdentifierRow(
        kind=kind,
        rung=rung.name,
        compression=compression,
        compression_asked=compression_asked,
        n=len(scores),
        exact=float(np.mean([score.is_exact for score in scores])),
        chars_right=float(np.mean(np.concatenate([score.correct for score in scores]))),
        silent_errors=float(np.mean([score.is_silent_error for score in scores])),
        n_pages=len({score.i_page for score in scores}),
    )


# ---- pages ---------------------------------------------------------------------------------------


def _marked_pages(
    reader: Reader, kinds: Sequence[str], n: int, compression: float, chance: random.Random
) -> tuple[Rung, list[_MarkedPage]]:
    """The rung for this compression, and pages with `n` identifiers of each kind.

    The pages hold the conversation, as many times as needed, each time with other identifiers.
    """
    rung: Rung | None = None
    pages_to_read: list[_MarkedPage] = []
    needs = Counter(dict.fromkeys(kinds, n))
    while True:
        inserter = _Inserter(kinds, chance)
        pages = full_pages(inserter.insert(example().turns), PageRenderer(reader.profile.grid))
        rung = rung or finest_rung(compression, pages, reader.profile)
        n_tokens = compression * rung.n_tokens
        counts = Counter[str]()
        for page in _holding(pages, n_tokens):
            part = cut(page, n_tokens)
            identifiers = _first_needed(inserter.find(part.text), needs - counts)
            counts.update(identifier.kind for identifier in identifiers)
            if identifiers:
                pages_to_read.append(_MarkedPage(part, identifiers))
            if counts == needs:
                return rung, pages_to_read
        if any(needs[kind] and not counts[kind] for kind in kinds):
            raise InputError(
                f"pages of {compression:g}x have no room for identifiers: ask for more"
            )
        needs -= counts


def _holding(pages: list[Page], n_tokens: float) -> list[Page]:
    """The pages that hold so many tokens; all pages if their mean does not."""
    counts = count_batch([page.text for page in pages])
    if sum(counts) < n_tokens * len(counts):
        return pages
    return [page for page, count in zip(pages, counts, strict=True) if count >= n_tokens]


def _first_needed(identifiers: Iterator[_Identifier], needs: Counter[str]) -> list[_Identifier]:
    """The first identifiers of a page, at most so many of each kind as are needed."""
    counts = Counter[str]()
    first: list[_Identifier] = []
    for identifier in identifiers:
        if counts[identifier.kind] < needs[identifier.kind]:
            counts[identifier.kind] += 1
            first.append(identifier)
    return first


class _Inserter:
    """Puts identifiers into texts, each kind in turn, and finds them again."""

    def __init__(self, kinds: Sequence[str], chance: random.Random) -> None:
        self._kinds = kinds
        self._chance = chance
        self._n_words = 0
        self._kind_of: dict[str, str] = {}  # by identifier

    def insert(self, turns: Sequence[Turn]) -> list[PlacedTurn]:
        """The turns with an identifier after every `WORDS_BETWEEN` words of all turns."""
        texts = [re.sub(r"\S+", self._with_identifier, turn.text) for turn in turns]
        return [
            PlacedTurn(replace(turn, text=text), f"t{i}", i)
            for i, (turn, text) in enumerate(zip(turns, texts, strict=True))
        ]

    def _with_identifier(self, word: re.Match[str]) -> str:
        self._n_words += 1
        if self._n_words % WORDS_BETWEEN:
            return word[0]
        kind = self._kinds[len(self._kind_of) % len(self._kinds)]
        identifier = IDENTIFIER_KINDS[kind](self._chance)
        self._kind_of[identifier] = kind
        return f"{word[0]} {identifier}"

    def find(self, text: str) -> Iterator[_Identifier]:
        """The identifiers that stand whole in a page's text, in their order."""
        for match in re.finditer(r"[0-9A-Za-z-]{7,}", text):
            kind = self._kind_of.get(match[0])
            if kind is not None:
                yield _Identifier(kind, match[0], match.start())
