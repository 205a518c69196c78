"""The pages that a reader is measured on: texts of files, laid out as in a memory.

No page is measured twice. If the texts fill fewer pages than are asked for, they are packed again:
in another order, from another place in the first text. Such pages hold words that were measured
before, with other line breaks and other neighbours. They are marked, so that a row can say how many
they are. All that is drawn at random is drawn by seed.
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
from optical_memory.loaders.files import get, read_json
from optical_memory.pages import Page
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.turns import Turn, body

__all__ = [
    "Pool",
    "Source",
    "SourcePage",
    "from_texts",
    "full_pages",
    "merge",
    "place_turns",
    "read_source",
]

PATIENCE = 20
"""Packings in a row without a new page; then the texts are considered used up."""


@dataclass(frozen=True, slots=True)
class Source:
    """Runs of turns that are laid out one after the other. A run is a conversation or a text."""

    name: str
    runs: tuple[tuple[PlacedTurn, ...], ...]

    @property
    def turns(self) -> list[PlacedTurn]:
        """The turns of all runs, in order."""
        return list(chain.from_iterable(self.runs))


@dataclass(frozen=True, slots=True)
class SourcePage:
    """A full page, the name of its source, and whether an earlier page has its words too."""

    page: Page
    source: str
    is_repacked: bool = False


# ---- sources -------------------------------------------------------------------------------------


def read_source(path: Path, name: str | None = None) -> Source:
    """A file's texts (JSON lines with `text`) or conversations (any format of `load`).

    Raises `InputError` if the file cannot be read or has no known format.
    """
    name = name or path.name
    lines = read_json(path) if path.suffix in {".jsonl", ".ndjson"} else []
    if _hold_texts(lines):
        texts = [get(line, "text", str, f"{path.name}:{n}") for n, line in enumerate(lines, 1)]
        return from_texts(texts, name)
    return Source(name, tuple(place_turns(conversation.turns) for conversation in load(path)))


def _hold_texts(lines: Sequence[object]) -> bool:
    """A line of text has no role and no type; a message has."""
    if not lines or not isinstance(lines[0], dict):
        return False
    return "text" in lines[0] and lines[0].keys().isdisjoint({"role", "type"})


def from_texts(texts: Sequence[str], name: str = "texts") -> Source:
    """The texts as turns of one user, each a run of its own; blank texts are left out."""
    turns = [
        PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts) if text.strip()
    ]
    return Source(name, tuple((turn,) for turn in turns))


def place_turns(turns: Sequence[Turn]) -> tuple[PlacedTurn, ...]:
    """The turns of a conversation, ready for a layout; a turn that has no id gets one."""
    return tuple(PlacedTurn(turn, turn.id or f"t{i}", i) for i, turn in enumerate(turns))


def merge(sources: Sequence[Source]) -> Source:
    """All sources joined to a source called "all"; a single source keeps its name."""
    if len(sources) == 1:
        return sources[0]
    return Source("all", tuple(chain.from_iterable(source.runs for source in sources)))


def full_pages(turns: Sequence[PlacedTurn], renderer: PageRenderer) -> list[Page]:
    """The turns on pages, one after the other; the last page is not full and is left out."""
    return renderer.paginate(turns)[:-1]


# ---- pages ---------------------------------------------------------------------------------------


class Pool:
    """The different full pages of a source; each packing is laid out when it is needed.

    Raises `InputError` if the texts fill no page.
    """

    def __init__(self, source: Source, renderer: PageRenderer, seed: int = 0) -> None:
        self.source = source
        self.pages: list[SourcePage] = []
        self._seed = seed
        self._packings = _packings(source, renderer, seed)
        self._n_tokens: dict[str, int] = {}  # DeepSeek tokens by digest of the page
        self._grow()
        if not self.pages:
            n_chars = sum(len(body(turn.turn)) for turn in source.turns)
            raise InputError(
                f"{source.name}: {n_chars} characters do not fill one page: bring more text"
            )
        self._mean_tokens = sum(self._n_tokens.values()) / len(self._n_tokens)

    def take(
        self, *, at_least: int = 0, limit: int | None = None, n_tokens: float = 0
    ) -> list[SourcePage]:
        """Pages that hold at least `n_tokens` each, at most `limit` of them, drawn at random.

        The texts are packed again until there are `at_least` such pages. If the mean page holds
        fewer than `n_tokens`, the texts are too thin for it, and all pages count.

        Raises `InputError` if there are too few different pages.
        """
        n_least = n_tokens if self._mean_tokens >= n_tokens else 0
        pages = self._pages_with(n_least, at_least)
        if limit is None or limit >= len(pages):
            return pages
        chance = random.Random(self._seed)
        return [pages[i] for i in sorted(chance.sample(range(len(pages)), limit))]

    def _pages_with(self, n_tokens: float, at_least: int) -> list[SourcePage]:
        pages = self._holding(n_tokens)
        n_idle = 0
        while len(pages) < at_least:
            if n_idle == PATIENCE:
                raise InputError(
                    f"{self.source.name}: fills {len(pages)} such pages, not {at_least}: "
                    "bring more text"
                )
            self._grow()
            n_old = len(pages)
            pages = self._holding(n_tokens)
            n_idle = n_idle + 1 if len(pages) == n_old else 0
        n_first = sum(not page.is_repacked for page in pages)
        return pages[: max(n_first, at_least)]

    def _holding(self, n_tokens: float) -> list[SourcePage]:
        return [page for page in self.pages if self._n_tokens[page.page.digest] >= n_tokens]

    def _grow(self) -> None:
        """Adds the new pages of the next packing."""
        is_repacked = bool(self.pages)
        laid_out = {page.digest: page for page in next(self._packings)}
        pages = {digest: page for digest, page in laid_out.items() if digest not in self._n_tokens}
        counts = count_batch([page.text for page in pages.values()])
        self._n_tokens.update(zip(pages, counts, strict=True))
        self.pages += [SourcePage(page, self.source.name, is_repacked) for page in pages.values()]


def _packings(source: Source, renderer: PageRenderer, seed: int) -> Iterator[list[Page]]:
    """The full pages of the turns in their order, then those of new packings, without end."""
    yield full_pages(source.turns, renderer)
    chance = random.Random(seed)
    while True:
        yield full_pages(_repack(source, chance), renderer)


def _repack(source: Source, chance: random.Random) -> list[PlacedTurn]:
    """The runs in another order, the first from a place in one of its turns.

    The turns before that place come last.
    """
    first, *later_runs = chance.sample(source.runs, len(source.runs))
    start = chance.randrange(len(first))
    opening = replace(first[start], offset=_word_start(body(first[start].turn), chance))
    return [opening, *first[start + 1 :], *chain.from_iterable(later_runs), *first[:start]]


def _word_start(text: str, chance: random.Random) -> int:
    """The start of a word, at or after a place drawn at random in the first half of the text.

    It is 0 if no word begins there.
    """
    return text.find(" ", chance.randrange(len(text) // 2 + 1)) + 1
