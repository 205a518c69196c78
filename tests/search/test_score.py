"""Scores: who spoke, when, and beside what count as well as the words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from optical_memory.search.build import IndexedTurn, KeyHash, index_turns
from optical_memory.search.candidates import Candidates
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.search.question import Question
from optical_memory.search.score import features, has_identifier, rate
from optical_memory.search.segment import NUMBERS
from optical_memory.search.weights import WEIGHTS
from optical_memory.turns import Role

HASH = KeyHash("00" * 16)
START = datetime(2023, 5, 8, 12, tzinfo=UTC)
FILLER = "We sat by the window and spoke of nothing."


def turn(
    n: int,
    body: str = FILLER,
    name: str | None = None,
    role: Role = "user",
    when: datetime | None = None,
) -> IndexedTurn:
    return IndexedTurn(n, role, name, when, body)


def candidates_of(turns: list[IndexedTurn], question: Question) -> Candidates:
    index = Index([IndexPart(index_turns(turns, HASH))])
    days = question.day_ranges(index.first_day, index.last_day)
    return index.candidates([HASH(key) for key in question.keys], days)


def asked(text: str) -> Question:
    return Question.of(text, START)


def best(turns: list[IndexedTurn], text: str) -> int:
    """The turn with the best score for a question."""
    question = asked(text)
    scores, _ = rate(candidates_of(turns, question), question)
    return int(np.argmax(scores))


def test_the_speaker_who_is_asked_for_counts() -> None:
    turns = [turn(i, name=("Ann", "Mel")[i % 2]) for i in range(40)]
    turns[10] = turn(10, "I like the heron best.", "Ann")
    turns[25] = turn(25, "I like the heron best.", "Mel")
    assert best(turns, "Which bird does Mel like, the heron?") == 25
    assert best(turns, "Which bird does Ann like, the heron?") == 10


def test_a_call_of_the_assistant_counts_for_more_than_its_words() -> None:
    turns = [turn(i, role=("user", "assistant")[i % 2]) for i in range(40)]
    turns[10] = turn(10, "The heron is asleep in cage 4.")
    turns[25] = turn(25, 'Let me see.\n=> look({"bird": "heron", "cage": 4})', role="assistant")
    turns[31] = turn(31, "The heron is asleep in cage 4.", role="assistant")
    question = asked("Which cage has the heron?")
    candidates = candidates_of(turns, question)
    values = features(candidates, question)
    assert values["assistant"][[10, 25, 31]].tolist() == [0, 0, 1]
    assert values["call"][[10, 25, 31]].tolist() == [0, 1, 0]
    assert 0 > WEIGHTS["call"] > WEIGHTS["assistant"]


def test_a_question_of_what_the_assistant_said_finds_it() -> None:
    turns = [turn(i, role=("user", "assistant")[i % 2]) for i in range(40)]
    turns[10] = turn(10, "I like the film about the heron.")
    turns[25] = turn(25, "You may like the film about the heron.", role="assistant")
    assert best(turns, "Which film with a heron did you recommend?") == 25
    assert best(turns, "Which film with a heron do I like?") == 10


def test_a_question_in_the_talk_counts_less_than_a_statement() -> None:
    turns = [turn(i) for i in range(40)]
    turns[10] = turn(10, "Where is the heron asleep?")
    turns[30] = turn(30, "There is the heron asleep.")
    assert best(turns, "heron asleep") == 30


def test_a_question_for_a_time_or_a_number_finds_the_unit_that_has_it() -> None:
    turns = [turn(i) for i in range(40)]
    turns[10] = turn(10, "The heron came last Tuesday.")
    turns[30] = turn(30, "The heron came indeed, yes.")
    assert best(turns, "When did the heron come?") == 10
    question = asked("Did the heron come?")
    flags = candidates_of(turns, question)
    assert bool(flags.flags[10] & NUMBERS)
    assert features(flags, question)["number"].sum() == 0


def test_turns_of_the_day_or_the_month_that_is_named_come_first() -> None:
    turns = [turn(i, when=START + timedelta(days=9 * i)) for i in range(40)]
    for i in (3, 20):
        turns[i] = turn(i, "We saw the heron.", when=START + timedelta(days=9 * i))
    day = START + timedelta(days=180)
    assert best(turns, f"What did we see on {day:%d %B %Y}, the heron?") == 20
    assert best(turns, "What did we see in June 2023, the heron?") == 3


def test_a_time_alone_makes_the_turns_of_that_time_relevant() -> None:
    turns = [turn(i, when=START + timedelta(days=i)) for i in range(40)]
    question = asked("What happened on 20 May 2023?")
    _, is_relevant = rate(candidates_of(turns, question), question)
    assert np.flatnonzero(is_relevant).tolist() == [12]


def test_without_names_what_the_user_said_of_himself_answers_a_question_of_me() -> None:
    turns = [turn(i, role=("user", "assistant")[i % 2]) for i in range(40)]
    turns[10] = turn(10, "The heron is my bird.", role="user")
    turns[31] = turn(31, "The heron is my bird.", role="assistant")
    assert best(turns, "What is my bird?") == 10


def test_a_unit_beside_a_match_is_relevant_and_has_a_part_of_its_score() -> None:
    turns = [turn(i) for i in range(40)]
    turns[20] = turn(20, "We sat by the heron and spoke of nothing.")
    question = asked("heron")
    scores, is_relevant = rate(candidates_of(turns, question), question)
    assert np.flatnonzero(is_relevant).tolist() == list(range(17, 24))
    assert scores[20] > scores[21] > scores[23] > scores[30]


def test_a_rare_word_says_more_than_a_common_word() -> None:
    turns = [turn(i, "The bridge is old, and here we are.") for i in range(40)]
    turns[20] = turn(20, "The heron is old, and here we are.")
    assert best(turns, "the heron at the bridge") == 20


def test_scores_are_the_weighted_features() -> None:
    turns = [turn(i, f"{FILLER} k{i}z.", name="Mel") for i in range(20)]
    question = asked("When did Mel see k7z?")
    candidates = candidates_of(turns, question)
    values = features(candidates, question)
    assert set(values) == {name for name in WEIGHTS if not name.startswith("meaning")}
    assert all(value.shape == (20,) for value in values.values())
    total = sum(WEIGHTS[name] * value for name, value in values.items())
    assert rate(candidates, question)[0] == pytest.approx(total, abs=1e-4)


def test_scores_of_words_are_in_standard_deviations() -> None:
    turns = [turn(i, "heron " * (i % 4) + FILLER) for i in range(40)]
    question = asked("heron")
    values = features(candidates_of(turns, question), question)
    for name in ("window_0", "window_1", "window_3"):
        assert abs(float(values[name].mean())) < 1e-5
        assert float(values[name].std()) == pytest.approx(1, abs=1e-4)


def test_a_question_that_nothing_answers_has_no_relevant_unit() -> None:
    question = asked("zeppelin")
    scores, is_relevant = rate(candidates_of([turn(i) for i in range(9)], question), question)
    assert not is_relevant.any()
    assert np.isfinite(scores).all()


def test_an_empty_session_has_no_scores() -> None:
    question = asked("heron")
    scores, is_relevant = rate(candidates_of([], question), question)
    assert len(scores) == len(is_relevant) == 0


def test_a_unit_with_a_code_of_the_question_is_marked() -> None:
    turns = [turn(i, f"Parcel PX-{700 + i} waits.") for i in range(30)]
    question = asked("Where is parcel PX-712?")
    assert np.flatnonzero(has_identifier(candidates_of(turns, question), question)).tolist() == [12]
    plain = asked("Where is the parcel?")
    assert not has_identifier(candidates_of(turns, plain), plain).any()


def test_meaning_counts_only_with_the_vector_of_the_question() -> None:
    class Letters:
        """A vector along the first letter of the text."""

        name = "letters"

        def embed(self, texts: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            return np.eye(26, dtype=np.float32)[[ord(text[0].lower()) - 97 for text in texts]]

    turns = [turn(i, f"{'abc'[i % 3]} bird") for i in range(30)]
    turns[17] = turn(17, "zebra")
    index = Index([IndexPart(index_turns(turns, HASH, Letters()))])
    question = asked("zoo animal")
    candidates = index.candidates([HASH(key) for key in question.keys])
    vector = 127 * np.eye(26, dtype=np.float32)[25]
    assert "meaning_0" not in features(candidates, question)
    assert int(np.argmax(features(candidates, question, vector)["meaning_0"])) == 17


def test_meaning_of_neighbours_is_the_cosine_of_the_sum_of_their_vectors() -> None:
    rng = np.random.default_rng(0)
    n_units = 40
    vectors = rng.integers(-127, 128, (n_units, 16), dtype=np.int8)
    vectors[[3, 17, 39]] = 0  # no vector
    runs = np.repeat(np.arange(4, dtype=np.int32), [1, 2, 17, 20])
    mean = vectors.mean(0, dtype=np.float32)
    vector = rng.integers(-127, 128, 16).astype(np.float32)
    question = asked("heron")
    candidates = replace(
        candidates_of([turn(i) for i in range(n_units)], question),
        vectors=vectors,
        runs=runs,
        mean_vector=mean,
    )
    values = features(candidates, question, vector)
    differences = np.where(vectors.any(1, keepdims=True), vectors - mean, 0)
    sums = differences.copy()
    for i in np.flatnonzero(runs[1:] == runs[:-1]):
        sums[i] += differences[i + 1]
        sums[i + 1] += differences[i]
    for name, rows in (("meaning_0", differences), ("meaning_1", sums)):
        lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector - mean)
        cosines = rows @ (vector - mean) / np.maximum(lengths, 1e-6)
        expected = (cosines - cosines.mean()) / cosines.std()
        assert values[name] == pytest.approx(expected, abs=1e-3)
