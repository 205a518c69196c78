"""Shared by all benches: their inputs, the rows they give, and the timing of two things in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from optical_memory.loaders import example
from optical_memory.measure.bench.session_file import SessionFile
from optical_memory.measure.page_pool import full_pages, place_turns
from optical_memory.memory import OpticalMemory
from optical_memory.pages import Page
from optical_memory.profiles import Ladder, Rung
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.renderers import PageRenderer
from optical_memory.renderers.drawing import Image
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Turn

__all__ = [
    "RUNS",
    "BenchInputs",
    "BenchRow",
    "Rates",
    "rate_row",
    "rates",
]

RUNS = 3
"""Runs that count, after a first run that does not."""

PAGES = 2
"""Pages of the memory that the benches of recall ask."""


@dataclass(frozen=True, slots=True)
class BenchRow:
    """Ours beside a baseline, both in `unit`; `ratio` > 1 means that ours is better."""

    name: str
    ours: float
    baseline: float
    baseline_name: str
    ratio: float
    unit: str


@dataclass(frozen=True)
class BenchInputs:
    """A reader, a folder to write to, and pages and sessions of the bundled conversation.

    `n_pages` and `n_few_pages` are the pages of a long and a short session, `n_encrypted_pages`
    those of an encrypted session, with 100,000 turns. A chat has
    `n_messages`, and then a tool's result of `n_result_chars`: an agent reads a large file.
    `n_planned_pages` are planned when they exceed a capacity. A file of `n_loaded_messages` is
    loaded.
    """

    reader: PocketReader
    folder: Path
    n_pages: int = 10_000
    n_few_pages: int = 100
    n_encrypted_pages: int = 3_226
    n_messages: int = 2_000
    n_result_chars: int = 2_000_000
    n_planned_pages: int = 100_000
    n_loaded_messages: int = 100_000

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        return example().turns

    @cached_property
    def pages(self) -> list[Page]:
        """The full pages of the conversation."""
        return full_pages(place_turns(self.turns), self.renderer)

    @cached_property
    def renderer(self) -> PageRenderer:
        return PageRenderer(self.reader.profile.grid)

    @cached_property
    def base(self) -> Rung:
        return self.reader.profile.rung("base")

    @cached_property
    def image(self) -> Image:
        """The first page at Base, (1024, 1024) uint8."""
        return self.renderer.draw(self.pages[0], self.base.side_px)

    @cached_property
    def tokens(self) -> VisualTokens:
        """The first page at Base, encoded."""
        return self.reader.encode([self.image], self.base)[0]

    @cached_property
    def memory(self) -> OpticalMemory:
        """A session with `PAGES` certified pages, which are read from their pictures."""
        memory = OpticalMemory(
            "bench",
            store=f"sqlite:///{self.folder / 'bench.db'}",
            reader=PocketReader(self.reader.folder, ladder=Ladder((self.base,))),
            keep_turns=0,
            policy=ForgettingPolicy(floor=0),
        )
        memory.remember(self.turns[: self.pages[PAGES].layout.spans[-1].ordinal + 1])
        memory.flush()
        return memory

    @cached_property
    def long_session(self) -> SessionFile:
        """A session of `n_pages` pages."""
        return SessionFile.write(self.folder, self.n_pages, self.turns, self.reader)

    @cached_property
    def short_session(self) -> SessionFile:
        """A session of `n_few_pages` pages."""
        return SessionFile.write(self.folder, self.n_few_pages, self.turns, self.reader)

    def close(self) -> None:
        """Close the memory, if a bench has opened it."""
        if "memory" in self.__dict__:
            self.memory.close()


class Rates(NamedTuple):
    """Pieces of work a second: of the package, and of the baseline."""

    package: float
    baseline: float


def rates(
    package: Callable[[], object], baseline: Callable[[], object], per_run: float = 1.0
) -> Rates:
    """Medians of runs of both in turn, without the first; a run does `per_run` pieces of work."""
    times: dict[Callable[[], object], list[float]] = {package: [], baseline: []}
    for _ in range(RUNS + 1):
        for work, seconds in times.items():
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
    medians = {work: statistics.median(seconds[1:]) for work, seconds in times.items()}
    return Rates(per_run / medians[package], per_run / medians[baseline])


def rate_row(name: str, rates: Rates, baseline: str, unit: str) -> BenchRow:
    """The row of two rates."""
    ratio = rates.package / rates.baseline
    return BenchRow(name, rates.package, rates.baseline, baseline, ratio, unit)
