"""Plain programs that do a part of the same job: SQLite for turns and texts, numpy for postings."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.counting import count_tokens
from optical_memory.search.terms import question_keys, terms, unit_keys
from optical_memory.turns import Turn

__all__ = [
    "BEST",
    "FullTextSearch",
    "PlainPostings",
    "PlainTurns",
]

BEST = 50
"""Texts that a search gives."""

K1 = 1.2
B = 0.75
"""BM25's constants, as SQLite and Lucene have them."""


class PlainTurns:
    """Turns as JSON in an SQLite file, each with a durable commit."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE turns (key INTEGER PRIMARY KEY, value TEXT)")

    def insert(self, turn: Turn) -> None:
        """Write a turn."""
        with self._db:
            value = json.dumps(asdict(turn), default=str)
            self._db.execute("INSERT INTO turns (value) VALUES (?)", (value,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class FullTextSearch:
    """SQLite's FTS5 over texts in a file, with its English stemmer."""

    def __init__(self, file: Path, texts: Sequence[str]) -> None:
        self._db = sqlite3.connect(file)
        with self._db:
            self._db.execute("CREATE VIRTUAL TABLE units USING fts5(text, tokenize='porter')")
            rows = enumerate(texts)
            self._db.executemany("INSERT INTO units (rowid, text) VALUES (?, ?)", rows)

    def best(self, question: str) -> list[int]:
        """The numbers of the texts that match any word of the question best, the best first.

        Stop words are left out: with them, FTS5 would take far longer.
        """
        return [number for (number,) in self._select("rowid", question)]

    def window(self, question: str, budget: int) -> list[str]:
        """The best texts that fit so many tokens, the best first."""
        window: list[str] = []
        budget_left = budget
        for (text,) in self._select("text", question):
            budget_left -= count_tokens(text)
            if budget_left < 0:
                break
            window.append(text)
        return window

    def _select(self, column: str, question: str) -> list[tuple[Any]]:
        words = " OR ".join(f'"{term}"' for term in terms(question))
        if not words:
            return []
        query = f"SELECT {column} FROM units WHERE units MATCH ? ORDER BY bm25(units) LIMIT {BEST}"
        return self._db.execute(query, (words,)).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class PlainPostings:
    """BM25 over a dict of numpy arrays: for each term, the texts that have it and how often."""

    def __init__(self, texts: Sequence[str]) -> None:
        units: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        counts: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        lengths: list[int] = []
        counters: dict[str, Counter[str]] = {}  # texts repeat, and so need not be cut again
        for number, text in enumerate(texts):
            counter = counters.setdefault(text, counters.get(text) or Counter(unit_keys(text)))
            lengths.append(counter.total())
            for term, n in counter.items():
                units[term].append(number)
                counts[term].append(n)
        self._n = len(lengths)
        self._norms = K1 * (1 - B + B * np.array(lengths) * len(lengths) / max(1, sum(lengths)))
        self._postings = {
            term: (np.array(numbers), np.array(counts[term])) for term, numbers in units.items()
        }

    def best(self, question: str) -> npt.NDArray[np.intp]:
        """The numbers of the texts that match any word of the question best, the best first."""
        pairs = [self._postings[key] for key in question_keys(question) if key in self._postings]
        if not pairs:
            return np.zeros(0, np.intp)
        weights = [self._weights(units, counts) for units, counts in pairs]
        units = np.concatenate([units for units, _ in pairs])
        scores = np.bincount(units, np.concatenate(weights), self._n)
        n_best = min(BEST, self._n)
        best = np.argpartition(-scores, n_best - 1)[:n_best]
        return best[np.argsort(-scores[best], kind="stable")]

    def _weights(
        self, units: npt.NDArray[np.int32], counts: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float64]:
        """What each posting of a term adds to the score of its text."""
        idf = np.log1p((self._n - len(units) + 0.5) / (len(units) + 0.5))
        weights: npt.NDArray[np.float64] = idf * counts / (counts + self._norms[units])
        return weights
