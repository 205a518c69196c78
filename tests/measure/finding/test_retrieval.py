"""Rankings of turns and sessions: hits, all, the reciprocal rank."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.question_files import locomo_file

from optical_memory.measure.finding.question_sets import QuestionSet, read_question_sets
from optical_memory.measure.finding.retrieval import (
    Rank,
    rank_method,
    rank_sessions,
    retrieval_rows,
)
from optical_memory.measure.finding.window import Window


class Ranking:
    """A method that ranks the same turns for every question."""

    name = "ranking"

    def __init__(self, *ids: str) -> None:
        self._ids = list(ids)

    def window(self, question: str, budget: int) -> Window:
        return Window((), 0)

    def ranking(self, question: str) -> list[str]:
        return self._ids


@pytest.fixture
def questions(tmp_path: Path) -> QuestionSet:
    qa = [{"question": "Which gates?", "evidence": ["D1:2", "D2:4"], "category": 1}]
    return read_question_sets(locomo_file(tmp_path, qa))[0]


def test_turns_and_sessions_are_ranked(questions: QuestionSet) -> None:
    turn, session = rank_method(Ranking("D3:1", "D1:1", "D2:4", "D1:2"), questions)

    assert (turn.unit, turn.ranks) == ("turn", (4, 3))
    assert (session.unit, session.ranks) == ("session", (2, 3))


def test_what_is_not_in_the_ranking_has_no_rank(questions: QuestionSet) -> None:
    turn, session = rank_method(Ranking("D1:9", "stranger"), questions)

    assert turn.ranks == (None, None)
    assert (turn.has_hit(10), turn.has_all(10), turn.reciprocal) == (False, False, 0)
    assert session.ranks == (1, None)
    assert (session.has_hit(1), session.has_all(10), session.reciprocal) == (True, False, 1)


def test_whole_sessions_are_ranked_by_their_words(tmp_path: Path) -> None:
    qa = [{"question": "Which gate is 24?", "evidence": ["D2:4"], "category": 4}]
    [questions] = read_question_sets(locomo_file(tmp_path, qa))

    [rank] = rank_sessions(questions)
    assert (rank.method, rank.unit, rank.ranks) == ("bm25-sessions", "session", (1,))


def test_a_row_has_the_fields_that_are_published() -> None:
    ranks = [Rank("m", "turn", "single-hop", ranks) for ranks in [(1,), (2, 6), (9,), (None,)]]
    [row] = retrieval_rows(ranks)

    row_fields = row.fields()
    assert {name: value for name, value in row_fields.items() if name != "ci95"} == {
        "method": "m",
        "unit": "turn",
        "kind": "all",
        "n_questions": 4,
        "hit@1": 0.25,
        "hit@5": 0.5,
        "hit@10": 0.75,
        "all@5": 0.25,
        "mrr": pytest.approx((1 + 1 / 2 + 1 / 9) / 4, abs=1e-4),
    }
    assert set(row_fields["ci95"]) == {"hit@1", "all@5"}


def test_turns_come_before_sessions_and_all_before_kinds() -> None:
    ranks = [
        Rank("m", unit, kind, (1,))
        for unit in ("session", "turn")
        for kind in ("temporal", "other")
    ]
    rows = [(row.unit, row.kind) for row in retrieval_rows(ranks, by_kind=True)]
    assert rows == [
        ("turn", "all"),
        ("turn", "temporal"),
        ("turn", "other"),
        ("session", "all"),
        ("session", "temporal"),
        ("session", "other"),
    ]
