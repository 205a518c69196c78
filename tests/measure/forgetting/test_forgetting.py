"""Facts in memories of a size: which are missing, and which are no longer so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.question_files import longmemeval_update

from optical_memory import Turn
from optical_memory.measure.finding.question_sets import read_question_sets
from optical_memory.measure.finding.window import Window
from optical_memory.measure.forgetting.contenders import (
    BY_AGE,
    FIRST_IN_FIRST_OUT,
    OURS,
    TRUNCATION,
    Contender,
    KeptText,
    contenders,
)
from optical_memory.measure.forgetting.facts import FactHistory, make_fact_histories
from optical_memory.measure.forgetting.plot import forgetting_plot
from optical_memory.measure.forgetting.rows import ALL, ForgettingRow, forgetting_rows
from optical_memory.measure.forgetting.trials import FactTrial, ask_conflicts, ask_facts
from optical_memory.testing import TemplateReader

HAYSTACK = [
    Turn("user" if i % 2 == 0 else "assistant", f"On day {i} the hedge grew by {i * 7} leaves.")
    for i in range(500)
]


@pytest.fixture(scope="module")
def history() -> FactHistory:
    (first, *_) = make_fact_histories(HAYSTACK, 6_000, 12, ["price", "number", "name"])
    return first


@pytest.fixture(scope="module")
def trials(history: FactHistory, tmp_path_factory: pytest.TempPathFactory) -> list[FactTrial]:
    """All facts asked for, of all memories without a capacity and at two sizes."""
    folder = tmp_path_factory.mktemp("kept")
    trials: list[FactTrial] = []
    reader = TemplateReader(reads_cells=True)  # its ledgers are small
    for contender in contenders(history.conversation, [0.25, 1.2], reader, folder):
        trials += ask_facts(contender, history, 0.2)
    return trials


def row_of(rows: list[ForgettingRow], method: str, share: float | None) -> ForgettingRow:
    (row,) = [
        row
        for row in rows
        if (row.method, row.size_share, row.age, row.form) == (method, share, ALL, ALL)
    ]
    return row


def test_a_replaced_fact_is_told_again_later_with_another_value(history: FactHistory) -> None:
    places = {turn.id: i for i, turn in enumerate(history.conversation.turns)}
    texts = {turn.id: turn.text for turn in history.conversation.turns}
    replaced = [fact for fact in history.facts if fact.old is not None]
    assert len(replaced) == -(-len(history.facts) // 4)
    for fact in replaced:
        assert fact.old is not None
        assert places[fact.old.turn_id] < places[fact.planted.turn_id]
        assert fact.old.needle.value in texts[fact.old.turn_id]
        assert fact.planted.needle.value in texts[fact.planted.turn_id]
        assert fact.old.needle.value != fact.planted.needle.value
        assert fact.old.needle.questions == fact.planted.needle.questions


def test_by_age_no_fact_is_missing(trials: list[FactTrial]) -> None:
    row = row_of(forgetting_rows(trials), BY_AGE, None)
    assert (row.false_forgetting, row.n_silent_errors) == (0.0, 0)


def test_what_fits_at_the_last_rung_is_not_missing_and_of_a_quarter_most_is_if_pages_are_lost(
    trials: list[FactTrial],
) -> None:
    rows = forgetting_rows(trials)
    for method in (OURS, FIRST_IN_FIRST_OUT):
        assert row_of(rows, method, 1.2).false_forgetting == 0.0
    assert 0.5 < row_of(rows, FIRST_IN_FIRST_OUT, 0.25).false_forgetting < 1.0
    assert row_of(rows, OURS, 0.25).false_forgetting < 0.25  # pages are condensed, not lost
    assert row_of(rows, TRUNCATION, 0.25).false_forgetting > 0.5


def test_rows_by_age_and_by_form_count_every_trial_once(trials: list[FactTrial]) -> None:
    rows = forgetting_rows(trials)
    whole = row_of(rows, OURS, 0.25)
    own_rows = [row for row in rows if (row.method, row.size_share) == (OURS, 0.25)]
    assert sum(row.n for row in own_rows if row.age != ALL) == whole.n
    assert sum(row.n for row in own_rows if row.form != ALL) == whole.n


def test_an_old_value_without_the_new_is_a_false_memory(history: FactHistory) -> None:
    fact = next(fact for fact in history.facts if fact.old is not None)
    assert fact.old is not None
    history = replace(history, facts=(fact,))
    old, new = fact.old.needle.statement, fact.planted.needle.statement
    outcomes = {
        text: next(ask_facts(Contender(KeptText("kept", Window((text,), 9)), 1.0, 9), history, 0.1))
        for text in ("", old, new, f"{old}\n{new}")
    }
    assert [trial.is_false_memory for trial in outcomes.values()] == [False, True, False, False]
    assert [trial.is_there for trial in outcomes.values()] == [False, False, True, True]


def test_of_a_question_about_a_change_the_newest_evidence_counts(tmp_path: Path) -> None:
    (questions,) = read_question_sets(longmemeval_update(tmp_path))
    old, new = (
        next(turn.text for turn in questions.conversation.turns if turn.id == id)
        for id in questions.questions[0].turn_ids
    )
    outcomes = [
        next(ask_conflicts(Contender(KeptText("k", Window((text,), 9)), 1.0, 9), questions, 0.1))
        for text in ("", old, new)
    ]
    assert [trial.is_there for trial in outcomes] == [False, False, True]
    assert [trial.is_false_memory for trial in outcomes] == [False, True, False]


def test_the_figure_has_a_line_for_each_method_with_a_size(trials: list[FactTrial]) -> None:
    drawing = forgetting_plot(forgetting_rows(trials))
    assert drawing.count(f">{OURS}<") == 1
    assert drawing.count(f">{FIRST_IN_FIRST_OUT}<") == 1
    assert BY_AGE not in drawing
