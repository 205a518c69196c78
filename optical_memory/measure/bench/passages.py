"""How fast passages are read from pictures, the first time and again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from optical_memory.measure.bench.cpu_time import Times, time_in_turn, time_row
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.memory import OpticalMemory
from optical_memory.recall.reading_cache import shared_readings

__all__ = [
    "bench_passages",
    "drop_readings",
]

PASSAGES = 3

WARM_UP = "Who picks the tenants up?"

QUESTIONS = (
    "What does Ringön cost per m² and year, and from when?",
    "Who brings the tank, and where does it stand?",
    "What did Aristos write about the three papers?",
    "Which bank guarantee does Gårda want?",
    "When are the third quote and the reminder due?",
    "What is the volume of the desks that the movers asked for?",
    "What does Nordlyft hold until Monday 9 March at 17:00?",
)
"""About the first pages of the bundled conversation."""


def drop_readings(memory: OpticalMemory) -> None:
    """Drop what the process has read of a session's pages, so that it reads them again."""
    readings = shared_readings()
    readings.drop(readings.pictures(memory.session))


def bench_passages(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Three passages that are read from the tokens of pages for the first time, and again."""
    memory = inputs.memory

    def recall(question: str) -> None:
        memory.recall(question, k=PASSAGES)

    def read_pages(question: str) -> None:
        for page in pages[question]:
            memory.read(page)

    pages = {question: _pages(memory, question) for question in (WARM_UP, *QUESTIONS)}
    time_in_turn((recall, read_pages), [WARM_UP])
    rows: list[tuple[Times, ...]] = []
    for question in QUESTIONS:
        drop_readings(memory)
        rows.append(time_in_turn((recall, recall, read_pages), [question]))
    first_times, times, page_times = np.concatenate(rows, axis=1)
    name = f"read {PASSAGES} passages"
    yield time_row(name, first_times, page_times, "their pages read whole")
    yield time_row(f"{name} again", times, first_times, "the first reading")


def _pages(memory: OpticalMemory, question: str) -> list[str]:
    """The pages on which the passages stand."""
    passages = memory.recall(question, k=PASSAGES)
    return list(dict.fromkeys(chain.from_iterable(passage.pages for passage in passages)))
