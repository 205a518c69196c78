"""Evidence in windows: what counts, at which budgets, and the rows of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from support.question_files import locomo_file

from optical_memory.measure.finding.evidence import (
    Budget,
    EvidenceRow,
    ask_method,
    evidence_rows,
)
from optical_memory.measure.finding.intervals import interval, share
from optical_memory.measure.finding.question_sets import QuestionSet, read_question_sets
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Window


class Answers:
    """A method that hands over the same texts for every question, for a price."""

    name = "answers"

    def __init__(self, *texts: str, n_tokens: int = 5) -> None:
        self._window = Window(texts, n_tokens)
        self.budgets: list[int] = []

    def window(self, question: str, budget: int) -> Window:
        self.budgets.append(budget)
        return self._window

    def ranking(self, question: str) -> list[str]:
        return []


@pytest.fixture
def questions(tmp_path: Path) -> QuestionSet:
    """Two questions: of one turn, and of two turns."""
    qa = [
        {"question": "Harbour?", "evidence": ["D1:2"], "category": 4},
        {"question": "Both?", "evidence": ["D1:2", "D2:4"], "category": 1},
    ]
    return read_question_sets(locomo_file(tmp_path, qa))[0]


FIRST = "The harbour that I told you about opens at gate 12 tomorrow."
SECOND = "The garden that I told you about opens at gate 24 tomorrow."


@pytest.mark.parametrize(
    ("texts", "any_share", "all_share"),
    [((), 0, 0), ((FIRST,), 1, 0.5), ((SECOND,), 0.5, 0), ((FIRST, SECOND), 1, 1)],
)
def test_any_and_all_of_the_evidence_are_told_apart(
    questions: QuestionSet, texts: tuple[str, ...], any_share: float, all_share: float
) -> None:
    [row] = evidence_rows(list(ask_method(Answers(*texts), questions, [Budget(share=0.5)])))

    assert (row.any, row.all, row.evidence_legible) == (any_share, all_share, all_share)
    assert (row.touched, row.n_questions, row.window_tokens) == (any_share, 2, 5)
    assert row.ci95["any"][0] <= row.any <= row.ci95["any"][1]


def test_a_piece_of_the_evidence_is_only_touched(questions: QuestionSet) -> None:
    piece = FIRST[:-12]
    [row] = evidence_rows(list(ask_method(Answers(piece), questions, [Budget(tokens=50)])))
    assert (row.any, row.touched, row.all_touched) == (0, 1, 0.5)


def test_a_budget_is_a_share_of_the_conversation_or_a_number(questions: QuestionSet) -> None:
    method = Answers()
    list(ask_method(method, questions, [Budget(share=0.1), Budget(tokens=77)], limit=1))

    n_tokens = Transcript(questions.conversation.turns).n_tokens
    assert method.budgets == [n_tokens // 10, 77]


def test_a_window_above_its_budget_is_an_error(questions: QuestionSet) -> None:
    with pytest.raises(AssertionError, match="answers took 9 tokens of 8"):
        list(ask_method(Answers(n_tokens=9), questions, [Budget(tokens=8)]))


def test_there_is_a_row_for_each_budget_and_if_asked_for_each_kind(questions: QuestionSet) -> None:
    budgets = [Budget(share=0.5), Budget(tokens=50)]
    outcomes = list(ask_method(Answers(FIRST), questions, budgets))

    rows = evidence_rows(outcomes)
    assert [(row.budget_share, row.budget_tokens) for row in rows] == [(0.5, None), (None, 50)]
    rows = evidence_rows(outcomes, by_kind=True)
    kinds = ["all", "all", "single-hop", "multi-hop", "single-hop", "multi-hop"]
    assert [row.kind for row in rows] == kinds
    assert [row.all for row in rows[2:4]] == [1, 0]


def test_the_fields_of_a_row_stay_as_they_are() -> None:
    names = "method kind budget_share budget_tokens window_tokens n_questions any all"
    more = "evidence_legible touched all_touched ci95 cpu_ms_p50 cpu_ms_p95 seconds"
    assert [field.name for field in fields(EvidenceRow)] == f"{names} {more}".split()


def test_an_interval_holds_its_share_and_narrows_with_more_questions() -> None:
    few = [True, False] * 10
    many = [True, False] * 1_000

    low, high = interval(few, seed=1)
    assert low < share(few) < high
    assert interval(few, seed=1) == (low, high)
    narrow_low, narrow_high = interval(many, seed=1)
    assert narrow_high - narrow_low < high - low
