"""The plain programs beside which the package is timed: they do find and keep what they should."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory.counting import count_tokens
from optical_memory.measure.bench.plain import BEST, FullTextSearch, PlainPostings, PlainTurns
from optical_memory.turns import Turn

TEXTS = [
    "The gate code is 4417.",
    "Herons sleep under the bridge.",
    "A heron stood at the gate of the yard.",
    *(f"Parcel {i} waits in the yard." for i in range(100)),
]


@pytest.fixture
def full_text(tmp_path: Path) -> Iterator[FullTextSearch]:
    with closing(FullTextSearch(tmp_path / "texts.db", TEXTS)) as search:
        yield search


@pytest.mark.parametrize(
    ("question", "number"),
    [("What is the gate code?", 0), ("herons and bridges", 1), ("heron gate", 2), ("parcel 7", 10)],
)
def test_both_searches_find_the_same_best_text(
    full_text: FullTextSearch, question: str, number: int
) -> None:
    assert full_text.best(question)[0] == number
    assert PlainPostings(TEXTS).best(question)[0] == number


def test_both_searches_order_all_matches_alike(full_text: FullTextSearch) -> None:
    best = PlainPostings(TEXTS).best("heron gate code").tolist()

    assert best[:3] == full_text.best("heron gate code")
    assert len(best) == len(full_text.best("parcel")) == BEST


def test_a_question_without_any_word_of_the_texts_finds_nothing(full_text: FullTextSearch) -> None:
    for question in ("zeppelin", "the of and", ""):
        assert full_text.best(question) == []
        assert len(PlainPostings(TEXTS).best(question)) == 0


def test_a_window_holds_the_best_texts_that_fit(full_text: FullTextSearch) -> None:
    window = full_text.window("heron gate", 30)

    assert window[0] == TEXTS[2]
    assert 1 < len(window) < len(TEXTS)
    assert sum(map(count_tokens, window)) <= 30


def test_turns_are_rows_of_json(tmp_path: Path) -> None:
    with closing(PlainTurns(tmp_path / "turns.db")) as plain_turns:
        plain_turns.insert(Turn("user", "one"))
        plain_turns.insert(Turn("user", "two"))

    with closing(sqlite3.connect(tmp_path / "turns.db")) as db:
        rows = db.execute("SELECT value FROM turns ORDER BY key").fetchall()
    assert [json.loads(value)["text"] for (value,) in rows] == ["one", "two"]
