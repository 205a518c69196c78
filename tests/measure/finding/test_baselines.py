"""The baselines: what they hand over, in which order they find, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from optical_memory import Turn
from optical_memory.errors import MissingExtra
from optical_memory.measure.finding import dense
from optical_memory.measure.finding.baselines import BASELINES, Bm25Index
from optical_memory.measure.finding.methods import missing_baselines
from optical_memory.measure.finding.rolling_summary import RollingSummary
from optical_memory.measure.finding.stems import stems
from optical_memory.measure.finding.transcript import Transcript

TEXTS = [
    "The weather was dull again this morning.",
    "I bought a violin from an old man in Lisbon.",
    "Really? How much did he ask for it?",
    "Only ninety euros, and he threw in the bow.",
    "My sister runs a bakery next to the station.",
    "The bakery closes on Mondays, so I go on Tuesdays.",
    "它在图书馆的三楼,靠近窗户。",
    "Good night!",
]
TURNS = [
    Turn(
        "user", text, name=("Ann", "Ben")[i % 2], id=f"t{i}", when=datetime(2023, 5, 8, tzinfo=UTC)
    )
    for i, text in enumerate(TEXTS)
]
NAMES = [name for name in BASELINES if name != "dense"]


@pytest.fixture
def transcript() -> Transcript:
    return Transcript(TURNS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [0, 5, 17, 40, 100, 10_000])
def test_no_baseline_takes_more_than_its_budget(
    transcript: Transcript, name: str, budget: int
) -> None:
    assert BASELINES[name](transcript).window("Who sold the violin?", budget).n_tokens <= budget


@pytest.mark.parametrize("name", NAMES)
def test_a_large_budget_holds_what_was_said(transcript: Transcript, name: str) -> None:
    [*_, text] = BASELINES[name](transcript).window("How much was the violin?", 10_000).texts
    assert "Good night!" in text or "violin from an old man" in text


def test_newest_turns_end_with_the_newest(transcript: Transcript) -> None:
    newest = BASELINES["newest"](transcript)

    assert newest.ranking("violin")[:2] == ["t7", "t6"]
    [text] = newest.window("violin", 30).texts
    assert text.endswith("Ben: Good night!\n")


def test_bm25_finds_by_words_and_their_inflections(transcript: Transcript) -> None:
    bm25 = BASELINES["bm25"](transcript)

    assert bm25.ranking("Who sold you the violins?")[0] == "t1"
    assert bm25.ranking("Which bakeries close on Monday?")[0] == "t5"
    assert bm25.ranking("图书馆在几楼?")[0] == "t6"
    assert bm25.ranking("the of and") == []
    assert bm25.window("zeppelin", 100).texts == ()


def test_bm25_knows_who_spoke(transcript: Transcript) -> None:
    assert BASELINES["bm25"](transcript).ranking("What does Ben say of the bakery?")[0] == "t5"


def test_neighbours_stand_beside_the_best_turn(transcript: Transcript) -> None:
    ranking = BASELINES["bm25-neighbours"](transcript).ranking("violin")
    assert ranking == ["t1", "t0", "t2"]


def test_bm25_of_nothing_finds_nothing() -> None:
    assert Bm25Index(["", "the"]).order("violin") == []


def test_a_summary_keeps_the_newest_turns_and_sentences_of_the_older() -> None:
    turns = [Turn("user", f"{TEXTS[i % 8]} And number {i}.", id=f"t{i}") for i in range(120)]
    summary = RollingSummary(Transcript(turns))
    window = summary.window("violin", 300)

    assert window.texts[-1].endswith("And number 119.\n")
    lines = [text for text in window.texts[:-1] if text.startswith("user: ")]
    assert len(lines) > 3
    assert window.n_tokens <= 300
    assert summary.window("bakery", 300) is window  # it does not hear the question
    assert summary.ranking("violin") == []


def test_stems_leave_out_what_says_nothing() -> None:
    assert stems("The cats were running") == ["cat", "run"]
    assert stems("三楼吗 a") == ["三楼", "楼吗"]


# ---- dense ---------------------------------------------------------------------------------------


def test_dense_finds_by_meaning(transcript: Transcript) -> None:
    pytest.importorskip("wordllama", reason="the dense baseline reads WordLlama's wheel")
    method = BASELINES["dense"](transcript)

    assert method.ranking("a musical instrument")[0] in {"t0", "t1", "t2"}
    assert method.ranking("pastries and bread")[0] in {"t3", "t4", "t5"}
    assert sorted(method.ranking("anything")) == [turn.id for turn in TURNS]
    assert method.window("bread", 50).n_tokens <= 50


def test_a_baseline_that_cannot_be_built_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "find_spec", lambda name: None)
    dense._table.cache_clear()
    dense._tokenizer.cache_clear()

    reasons = missing_baselines(BASELINES)
    assert list(reasons) == ["dense"]
    assert "pip install wordllama" in reasons["dense"]
    with pytest.raises(MissingExtra):
        BASELINES["dense"](Transcript(TURNS))
