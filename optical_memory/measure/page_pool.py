"""The pages that a reader is measured on: texts and conversations of files, laid out as a memory
would, none twice.

Where the texts fill fewer pages than are wanted they are packed again: in another order, from
another place in the first one. Such pages hold words that were measured before, with other line
breaks and other neighbours; they are marked, so that a row can say how many they are. Everything
drawn at random is drawn by seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from optical_memory.counting import count_batch
from optical_memory.errors import InputError
from optical_memory.loaders import load
from optical_memory.loaders.base import get, read_json
from optical_memory.pages import Page
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.turns import Turn, body

__all__ = ["Pool", "Source", "SourcePage", "from_texts", "full_pages", "merged", "read_source"]

PATIENCE = 20
"""Packings in a row without one new page, after which the texts are taken to have no more."""


@dataclass(frozen=True, slots=True)
class Source:
    """Runs of turns to lay out one after the other: a run is a conversation, or one text."""

    name: str
    runs: tuple[tuple[PlacedTurn, ...], ...]

    @property
    def turns(self) -> list[PlacedTurn]:
        return list(chain.from_iterable(self.runs))


@dataclass(frozen=True, slots=True)
class SourcePage:
    """A full page, the name of its source, and whether its words are on an earlier page too."""

    page: Page
    source: str
    repacked: bool = False


def read_source(path: Path, name: str | None = None) -> Source:
    """A file's texts (JSON lines with `text`) or conversations (any format of `load`). Raises
    `InputError`.
    """
    name = name or path.name
    if path.suffix in {".jsonl", ".ndjson"} and _holds_texts(lines := read_json(path)):
        return from_texts(
            [get(line, "text", str, f"{path.name}:{n}") for n, line in enumerate(lines, 1)], name
        )
    return Source(name, tuple(_placed(said.turns) for said in load(path)))


def _holds_texts(lines: Sequence[object]) -> bool:
    """A line of text has no role and no type, which messages have."""
    return (
        bool(lines)
        and isinstance(lines[0], dict)
        and "text" in lines[0]
        and not {"role", "type"} & set(lines[0])
    )


def from_texts(texts: Sequence[str], name: str = "texts") -> Source:
    """The texts as turns of one user, each a run of its own; blank ones are left out."""
    turns = [
        PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts) if text.strip()
    ]
    return Source(name, tuple((turn,) for turn in turns))


def _placed(turns: Sequence[Turn]) -> tuple[PlacedTurn, ...]:
    return tuple(PlacedTurn(turn, turn.id or f"t{i}", i) for i, turn in enumerate(turns))


def merged(sources: Sequence[Source]) -> Source:
    """All sources as one; a single one keeps its name."""
    if len(sources) == 1:
        return sources[0]
    return Source("all", tuple(chain.from_iterable(source.runs for source in sources)))


def full_pages(turns: Sequence[PlacedTurn], renderer: PageRenderer) -> list[Page]:
    """The turns on pages, one after the other; the last page is not full and is left out."""
    return renderer.paginate(turns)[:-1]


class Pool:
    """The different full pages of a source, laid out as they are asked for.

    Raises `InputError` where the texts fill no page.
    """

    def __init__(self, source: Source, renderer: PageRenderer, seed: int = 0) -> None:
        self.source, self._seed = source, seed
        self._packings = _packings(source, renderer, seed)
        self._tokens: dict[str, int] = {}  # DeepSeek tokens by digest of the page
        self.pages: list[SourcePage] = []
        self._grow()
        self._mean = sum(self._tokens.values()) / max(1, len(self._tokens))
        if not self.pages:
            chars = sum(len(body(placed.turn)) for placed in source.turns)
            raise InputError(
                f"{source.name}: {chars} characters do not fill one page: bring more text"
            )

    def take(
        self, *, at_least: int = 0, limit: int | None = None, tokens: float = 0
    ) -> list[SourcePage]:
        """Pages of at least so many `tokens`, the texts packed again until there are `at_least` so
        many pages.

        Of these `limit`, drawn at random. Where the texts are too thin for so many tokens, which is
        where their mean page holds less, all pages count. Raises `InputError` where there are too
        few different ones.
        """
        tokens = tokens if self._mean >= tokens else 0
        pages = self._enough(at_least, tokens)
        if limit is None or limit >= len(pages):
            return pages
        return [
            pages[i] for i in sorted(random.Random(self._seed).sample(range(len(pages)), limit))
        ]

    def _enough(self, wanted: int, tokens: float) -> list[SourcePage]:
        fruitless, found = 0, self._holding(tokens)
        while len(found) < wanted:
            if fruitless == PATIENCE:
                raise InputError(
                    f"{self.source.name}: fills {len(found)} such pages, not {wanted}: bring more text"
                )
            self._grow()
            before, found = len(found), self._holding(tokens)
            fruitless = fruitless + 1 if len(found) == before else 0
        once = sum(not one.repacked for one in found)
        return found[: max(once, wanted)]

    def _holding(self, tokens: float) -> list[SourcePage]:
        return [one for one in self.pages if self._tokens[one.page.digest] >= tokens]

    def _grow(self) -> None:
        """The pages of one more packing that are not there yet."""
        again = bool(self.pages)
        fresh = {
            page.digest: page for page in next(self._packings) if page.digest not in self._tokens
        }
        self._tokens |= zip(fresh, count_batch([page.text for page in fresh.values()]), strict=True)
        self.pages += [
            SourcePage(page, self.source.name, repacked=again) for page in fresh.values()
        ]


def _packings(source: Source, renderer: PageRenderer, seed: int) -> Iterator[list[Page]]:
    """The full pages of the turns as they come, then of ever other packings."""
    yield full_pages(source.turns, renderer)
    chance = random.Random(seed)
    while True:
        yield full_pages(_repacked(source, chance), renderer)


def _repacked(source: Source, chance: random.Random) -> list[PlacedTurn]:
    """The runs in another order, the first from a place in one of its turns; what it held before
    comes last.
    """
    first, *rest = chance.sample(source.runs, len(source.runs))
    at = chance.randrange(len(first))
    opening = replace(first[at], offset=_word_start(body(first[at].turn), chance))
    return [opening, *first[at + 1 :], *chain.from_iterable(rest), *first[:at]]


def _word_start(text: str, chance: random.Random) -> int:
    """Where a word begins, at or after a place drawn at random in the first half of the text; 0
    where none does.
    """
    return text.find(" ", chance.randrange(len(text) // 2 + 1)) + 1
