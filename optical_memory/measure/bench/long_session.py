"""How fast a long session is opened, takes a turn, and follows the turns of another process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import numpy as np

from optical_memory.measure.bench.cpu_time import (
    cpu_ms,
    old_objects_aside,
    time_in_turn,
    time_row,
)
from optical_memory.measure.bench.finding import CONTEXT_BUDGET, QUESTIONS
from optical_memory.measure.bench.plain import PlainTurns
from optical_memory.measure.bench.session_file import SessionFile
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.measure.long_session import vary
from optical_memory.turns import Turn

__all__ = [
    "bench_long_session",
]

OPENINGS = 3

TURNS = 30
"""Turns that are remembered, after the first, which does not count."""

SEED = 1
"""Another seed than that of the session, so that the turns are new to it."""


def bench_long_session(inputs: BenchInputs) -> Iterator[BenchRow]:
    """The first question to a long session, new turns in it, and those of another process."""
    session = inputs.long_session
    yield _opening_row(session)
    turns = vary(inputs.turns, 2 * TURNS + 1, SEED)
    yield _remember_row(session, turns[: TURNS + 1])
    yield _other_process_row(session, turns[TURNS + 1 :])


def _opening_row(session: SessionFile) -> BenchRow:
    def open_and_find(question: str) -> None:
        with session.open() as memory:
            memory.recall(question, k=1)

    def read_rows(_: str) -> None:
        with closing(sqlite3.connect(session.file)) as db:
            db.execute("SELECT * FROM records").fetchall()

    times, plain_times = time_in_turn((open_and_find, read_rows), islice(QUESTIONS, OPENINGS))
    name = f"open {session.n_pages:,} pages and find"
    return time_row(name, times, plain_times, "sqlite3, all rows of the file")


def _remember_row(session: SessionFile, turns: list[Turn]) -> BenchRow:
    file = session.file.with_suffix(".turns.db")
    with session.open() as memory, closing(PlainTurns(file)) as plain_turns:
        times, plain_times = time_in_turn((memory.remember, plain_turns.insert), turns)
    name = f"remember a turn, {session.n_pages:,} pages"
    return time_row(name, times[1:], plain_times[1:], "sqlite3 insert and commit of its JSON")


def _other_process_row(session: SessionFile, turns: list[Turn]) -> BenchRow:
    """A memory with its own connection to the file stands for the other process."""
    rows: list[tuple[float, float]] = []
    with old_objects_aside(), session.open() as memory, session.open() as other_memory:
        for turn, question in zip(turns, QUESTIONS, strict=False):

            def context(question: str = question) -> object:
                return memory.context(question, CONTEXT_BUDGET)

            context()  # so that both have the same costs of texts at hand
            other_memory.remember(turn)
            rows.append((cpu_ms(context), cpu_ms(context)))
    times, plain_times = np.array(rows).T
    name = f"context after a turn of another process, {session.n_pages:,} pages"
    return time_row(name, times, plain_times, "the same without a new turn")
