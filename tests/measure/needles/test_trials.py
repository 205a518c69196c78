"""Needles asked for: found, read right, and if not, whether the window says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.measure.finding.baselines import Bm25Turns, NewestTurns
from optical_memory.measure.finding.product import OpticalMemoryMethod
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.needles.heat_map import heat_map
from optical_memory.measure.needles.histories import History, PlantedNeedle, make_histories
from optical_memory.measure.needles.kinds import Needle
from optical_memory.measure.needles.planted_memories import PlantedMemories
from optical_memory.measure.needles.rows import needle_rows
from optical_memory.measure.needles.trials import Trial, ask_needles, rungs_by_turn, sight_in
from optical_memory.readers import open_reader
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.spans import Span
from optical_memory.testing import TemplateReader

START = datetime(2023, 5, 8, 13, 56)
HAYSTACK = [
    Turn(
        "user" if i % 2 == 0 else "assistant",
        f"The gardener came on day {i} and said that hedge {i * 7} grows well again.",
        when=START + timedelta(hours=i),
    )
    for i in range(400)
]
HISTORY = make_histories(HAYSTACK, 4_000, 8, ["price", "uuid", "name"])[0]


def _passage(text: str, status: str, p: float) -> Recollection:
    spans = (Span(0, len(text), status, p),)
    parts = (PassageTurn("needle-0", "user", 0, len(text)),)
    return Recollection("p1", text, spans, "tiny", 1.0, 9, ("needle-0",), parts=parts)


@pytest.mark.parametrize(
    ("status", "p", "is_marked", "verified_share"),
    [
        ("verified", 1.0, False, 1.0),
        ("reconstructed", 0.9, False, 0.0),
        ("reconstructed", 0.2, True, 0.0),
        ("forgotten", 0.0, True, 0.0),
    ],
)
def test_a_misread_value_is_silent_unless_the_window_marks_it(
    status: str, p: float, is_marked: bool, verified_share: float
) -> None:
    passage = _passage("My badge number is 4821978, so they say.", status, p)
    sight = sight_in(passage, (0, len(passage.text)), "4821973", is_exact=False)

    assert sight.is_there
    assert not sight.is_exact
    assert sight.is_marked is is_marked
    assert sight.verified_share == verified_share


def test_a_value_that_was_cut_off_is_not_in_the_window() -> None:
    passage = _passage("My badge number is", "verified", 1.0)
    assert not sight_in(passage, (0, 18), "4821973", is_exact=False).is_there


def test_a_memory_finds_needles_asked_for_in_their_own_words(tmp_path: Path) -> None:
    memories = PlantedMemories(tmp_path, open_reader("pocket"), has_text=True)
    with memories.open(HISTORY, 0) as memory:
        trials = list(ask_needles(OpticalMemoryMethod(memory), HISTORY, 4_000, 0.10))
        rungs = rungs_by_turn(memory)

    own = [trial for trial in trials if trial.wording == "own words"]
    assert len(own) == len(HISTORY.needles)
    assert all(trial.found_at_1 and trial.in_context and trial.is_exact for trial in own)
    assert not any(trial.is_silent_error for trial in trials)
    assert all(trial.window_tokens <= 0.10 * HISTORY.n_tokens for trial in trials)
    assert {trial.rung for trial in trials} <= {*rungs.values(), "open"}


def test_a_baseline_is_asked_the_same() -> None:
    transcript = Transcript(HISTORY.conversation.turns)
    bm25 = list(ask_needles(Bm25Turns(transcript), HISTORY, 4_000, 0.10))
    newest = list(ask_needles(NewestTurns(transcript), HISTORY, 4_000, 0.10))

    assert all(trial.in_context for trial in bm25 if trial.wording == "own words")
    assert sum(trial.in_context for trial in newest) < len(newest) / 2
    assert {trial.rung for trial in bm25} == {"text"}


def test_needles_are_read_from_pictures_at_every_rung(tmp_path: Path) -> None:
    memories = PlantedMemories(tmp_path, TemplateReader(misread={"tiny": 0.05}))
    with memories.open(HISTORY, 1) as memory:
        forms = [page.form for page in memory.pages()]
        trials = list(ask_needles(OpticalMemoryMethod(memory), HISTORY, 4_000, 0.10))

    assert "tiny" in forms
    assert not {"text", "stub", "forgotten"} & set(forms)
    own = [trial for trial in trials if trial.wording == "own words"]
    assert all(trial.is_exact for trial in own)
    with memories.open(HISTORY, 1) as memory:  # it is kept, and fades no further
        assert [page.form for page in memory.pages()] == forms


TRIAL = Trial(
    method="m",
    kind="uuid",
    wording="own words",
    depth=0.0,
    age_turns=10,
    rung="tiny",
    history_tokens=4_000,
    budget_share=0.1,
    window_tokens=300,
    found_at_1=True,
    in_context=True,
    is_exact=True,
    is_silent_error=False,
    verified_share=1.0,
)


def test_rows_count_all_then_by_kind_rung_and_depth() -> None:
    trials = [
        TRIAL,
        replace(TRIAL, kind="date", rung="base", depth=0.99, found_at_1=False),
        replace(TRIAL, depth=0.04, in_context=False, is_exact=False, verified_share=None),
        replace(TRIAL, is_exact=False, is_silent_error=True),
    ]
    whole, *others = needle_rows(trials)

    assert (whole.n, whole.found_at_1, whole.in_context) == (4, 0.75, 0.75)
    assert (whole.exact, whole.n_silent_errors) == (0.6667, 1)
    assert whole.rungs == {"base": 0.25, "tiny": 0.75}
    assert [(row.kind, row.rung, row.depth, row.n) for row in others] == [
        ("uuid", "all", "all", 3),
        ("date", "all", "all", 1),
        ("all", "tiny", "all", 3),
        ("all", "base", "all", 1),
        ("all", "all", 0.05, 3),
        ("all", "all", 0.95, 1),
    ]


def test_the_heat_map_shows_the_first_method_alone() -> None:
    trials = [
        TRIAL,
        replace(TRIAL, depth=0.5, in_context=False),
        replace(TRIAL, method="other", depth=0.9),
    ]
    drawing = heat_map(trials)

    assert drawing.startswith("<svg")
    assert drawing.count("<rect") == 1 + 2  # the ground and two cells
    assert ">100</text>" in drawing
    assert ">0</text>" in drawing
    assert heat_map(trials) == drawing


def test_a_window_that_is_too_small_for_the_last_turn_holds_no_needle(file_url: str) -> None:
    turns = (Turn("user", "word " * 400, id="long"),)
    needle = Needle("number", "It is 4821973.", "4821973", ("a?", "b?", "c?"))
    conversation = HISTORY.conversation.__class__("long", turns)
    history = History(conversation, (PlantedNeedle(needle, "long", 1.0, 0),), 400)
    with OpticalMemory("x", store=file_url, background=False) as memory:
        memory.remember(turns)
        trials = list(ask_needles(OpticalMemoryMethod(memory), history, 400, 0.1))
    assert not any(trial.in_context for trial in trials)
