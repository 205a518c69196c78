"""How fast units are found and windows filled in a short and a long session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np

from optical_memory.measure.bench.cpu_time import (
    MEDIAN,
    P95,
    Times,
    old_objects_aside,
    time_in_turn,
    time_row,
)
from optical_memory.measure.bench.plain import FullTextSearch, PlainPostings
from optical_memory.measure.bench.session_file import SessionFile
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.measure.questions import bundled_questions
from optical_memory.recall.find import Finder
from optical_memory.session.archive import Archive

__all__ = [
    "CONTEXT_BUDGET",
    "QUESTIONS",
    "bench_find",
]

CONTEXT_BUDGET = 2_000
"""Tokens of a context."""

FULL_TEXT = "SQLite FTS5 (porter), OR of the words, bm25(), 50 best"
POSTINGS = "numpy postings in a dict: bincount, argpartition"
FULL_TEXT_WINDOW = "texts of SQLite FTS5 that fit, same tokenizer"

WARM_UP = (
    "Who brings the drill for the shelves?",
    "Which ferry did we take to the island in May?",
    "How much did the paint for the kitchen cost?",
)
"""Questions that do not count."""

MORE_QUESTIONS = (
    "What did Mara say about the lease in Ringön last week?",
    "When does Nordlyft start on Saturday, and what does it cost?",
    "What happened on 18 April 2020?",
    "Which invoices were written twice in March 2021?",
    "Who answers in Greek, and why?",
    "How many desks fit on the ground floor beside the tank?",
    "Did Rafael replay the webhook yesterday?",
    "What was the code of the yard gate until 31 March?",
    "Is the room on Sundays free from 10:00 to 12:00?",
    "INV-2026-0703",
    "kr per m² in Gårda and in Ringön",
    "What do I have to tell Johan and Elif before the crews meet at 14:30?",
    "Which flight goes to Osaka, and who booked the hotel in Bangkok?",
    "Does the lease allow small animals?",
    "What did Ingrid paste from the calibration run two days ago?",
    "Why did the invoice worker write the same number two times at 03:11 UTC?",
)
"""With those of the bundled conversation, 40 questions: a p95 is that of the second slowest."""

QUESTIONS = (*(question.question for question in bundled_questions()), *MORE_QUESTIONS)


class _SessionTimes(NamedTuple):
    """Times of all questions in a session: of finding, of a context, and of the baselines."""

    finding: Times
    full_text: Times
    postings: Times
    context: Times
    full_text_window: Times


def bench_find(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Finding and contexts in a short and a long session, and how much longer the long takes."""
    short_times = _times(inputs.short_session)
    yield from _rows(inputs.n_few_pages, short_times)
    long_times = _times(inputs.long_session)
    yield from _rows(inputs.n_pages, long_times)
    name = f"from {inputs.n_few_pages:,} to {inputs.n_pages:,} pages"
    yield _growth_row(
        f"finding, {name}",
        _growth(short_times.finding, long_times.finding),
        _growth(short_times.full_text, long_times.full_text),
    )
    yield _growth_row(
        f"context, {name}",
        _growth(short_times.context, long_times.context),
        _growth(short_times.full_text_window, long_times.full_text_window),
    )


def _times(session: SessionFile) -> _SessionTimes:
    texts = session.texts()
    file = session.file.with_suffix(".fts.db")
    with closing(FullTextSearch(file, texts)) as full_text:
        finding = _finding_times(session, full_text, PlainPostings(texts))
        return _SessionTimes(*finding, *_context_times(session, full_text))


def _finding_times(
    session: SessionFile, full_text: FullTextSearch, postings: PlainPostings
) -> tuple[Times, ...]:
    with old_objects_aside(), session.open() as memory:
        snapshot = Archive(memory.store, memory.session).snapshot()
        finder = Finder()
        searches = (
            lambda question: finder.rank(snapshot, question),
            full_text.best,
            postings.best,
        )
        time_in_turn(searches, WARM_UP)
        return time_in_turn(searches, QUESTIONS)


def _context_times(session: SessionFile, full_text: FullTextSearch) -> tuple[Times, ...]:
    with old_objects_aside(), session.open() as memory:
        windows = (
            lambda question: memory.context(question, CONTEXT_BUDGET),
            lambda question: full_text.window(question, CONTEXT_BUDGET),
        )
        time_in_turn(windows, WARM_UP)
        return time_in_turn(windows, QUESTIONS)


def _rows(n_pages: int, times: _SessionTimes) -> Iterator[BenchRow]:
    name = f"find in {n_pages:,} pages"
    for quantile in (MEDIAN, P95):
        yield time_row(name, times.finding, times.full_text, FULL_TEXT, quantile)
        yield time_row(name, times.finding, times.postings, POSTINGS, quantile)
    name = f"context of {CONTEXT_BUDGET:,} tokens, {n_pages:,} pages"
    for quantile in (MEDIAN, P95):
        yield time_row(name, times.context, times.full_text_window, FULL_TEXT_WINDOW, quantile)


def _growth(short_times: Times, long_times: Times) -> float:
    """How many times as long the median takes in the long session."""
    return float(np.median(long_times) / np.median(short_times))


def _growth_row(name: str, growth: float, baseline: float) -> BenchRow:
    return BenchRow(name, growth, baseline, "SQLite FTS5", baseline / growth, "times as long")
