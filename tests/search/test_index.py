"""The index of a session: the same units from many segments as from one, and in a long session
those around the best matches.
"""

from __future__ import annotations

import itertools
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.recall.choose import choose_turns
from optical_memory.recall.find import rank_units
from optical_memory.search import index as index_module
from optical_memory.search.build import IndexedTurn, KeyHash, day_number, index_turns
from optical_memory.search.candidates import Candidates
from optical_memory.search.index import BESIDE, Index
from optical_memory.search.index_part import SITTING_TURNS, IndexPart

HASH = KeyHash("00" * 16)
START = datetime(2023, 5, 8, 12, tzinfo=UTC)
NAMES = (None, "Mel", "Ann")


def turn(n: int, body: str, name: str | None = None, when: datetime | None = None) -> IndexedTurn:
    return IndexedTurn(n, "user", name, when, body)


def indexed(*groups: list[IndexedTurn]) -> Index:
    """An index with a segment for each group of turns."""
    return Index([IndexPart(index_turns(group, HASH)) for group in groups])


def talk(n: int) -> list[IndexedTurn]:
    """Turns of which each third is about a thing of its own; a day has ten turns."""
    bodies = ["The {} is on shelf {}.", "We spoke of it at home.", "And the weather was fine."]
    things = ("heron", "swan", "bridge", "piano", "kettle", "lamp", "garden")
    return [
        turn(
            i,
            bodies[i % 3].format(f"{things[i % 7]} number k{i}z", i),
            NAMES[i % 3],
            START + timedelta(days=i // 10),
        )
        for i in range(n)
    ]


WORDS = st.sampled_from(["gate", "code", "heron", "bridge", "why?", "Tuesday"])
TURNS = st.lists(
    st.tuples(st.lists(WORDS, min_size=1, max_size=120), st.sampled_from(NAMES)), max_size=8
).map(
    lambda items: [
        turn(i, " ".join(words), name, None if i % 3 else START + timedelta(days=i))
        for i, (words, name) in enumerate(items)
    ]
)


def values(candidates: Candidates) -> dict[str, object]:
    """The candidates with plain lists; speakers by name."""
    plain: dict[str, object] = {}
    for field in fields(candidates):
        value = getattr(candidates, field.name)
        plain[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
    names = (*candidates.names, "")
    plain["speakers"] = [names[speaker] for speaker in candidates.speakers]
    plain["names"] = set(candidates.names)
    plain["named_days"] = candidates.named_days.are_named(candidates.days).tolist()
    return plain


@given(TURNS, st.lists(st.integers(0, 8), max_size=3))
@settings(deadline=None)
def test_an_index_says_the_same_however_its_turns_are_spread_over_segments(
    turns: list[IndexedTurn], cuts: list[int]
) -> None:
    bounds = [0, *sorted(cuts), len(turns)]
    groups = [turns[a:b] for a, b in itertools.pairwise(bounds)]
    keys = [HASH(word) for word in ("heron", "gate", "nowhere")]
    assert values(indexed(*groups).candidates(keys)) == values(indexed(turns).candidates(keys))


def test_all_units_of_a_short_session_are_candidates_with_the_counts_of_the_keys() -> None:
    turns = [turn(0, "A heron, a heron."), turn(1, "A swan."), turn(2, "Swan and heron.")]
    candidates = indexed(turns).candidates([HASH("heron"), HASH("swan"), HASH("goose")])
    assert candidates.ordinals.tolist() == [0, 1, 2]
    assert candidates.counts.tolist() == [[2, 0, 1], [0, 1, 1], [0, 0, 0]]
    assert candidates.n_with_key.tolist() == [2, 2, 0]
    assert candidates.runs.tolist() == [0, 0, 0]
    assert candidates.n_all == 3


def test_a_sitting_is_a_day_or_a_stretch_of_turns_without_a_time() -> None:
    days = [turn(i, "heron", when=START + timedelta(hours=7 * i)) for i in range(4)]
    assert indexed(days).candidates([]).sittings.tolist() == [0, 0, 1, 1]
    timeless = [turn(i, "heron") for i in range(SITTING_TURNS + 1)]
    sittings = indexed(timeless).candidates([]).sittings
    assert len(set(sittings[:-1].tolist())) == 1
    assert sittings[-1] != sittings[0]


def test_an_empty_index_has_no_candidates() -> None:
    candidates = indexed().candidates([HASH("heron")])
    assert candidates.ordinals.tolist() == []
    assert candidates.counts.shape == (1, 0)
    assert candidates.n_all == 0


# ---- long sessions -------------------------------------------------------------------------------


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a session of a few hundred turns a long one."""
    monkeypatch.setattr(index_module, "LOOK_AT_ALL", 50)
    monkeypatch.setattr(index_module, "BEST_UNITS", 20)


@pytest.mark.usefixtures("long")
def test_a_long_session_looks_at_the_best_units_and_those_beside_each() -> None:
    candidates = indexed(talk(400)).candidates([HASH("k150z"), HASH("k300z")])
    near = [*range(150 - BESIDE, 151 + BESIDE), *range(300 - BESIDE, 301 + BESIDE)]
    assert candidates.ordinals.tolist() == near
    assert candidates.runs.tolist() == [0] * (2 * BESIDE + 1) + [1] * (2 * BESIDE + 1)
    assert candidates.n_all == 400


@pytest.mark.usefixtures("long")
def test_a_long_session_looks_at_the_days_that_are_named() -> None:
    day = day_number(START) + 7
    candidates = indexed(talk(200), talk(400)[200:]).candidates([], [(day, day, True)])
    assert set(range(70, 80)) <= set(candidates.ordinals.tolist())
    assert len(candidates.ordinals) <= 10 + 2 * BESIDE


@pytest.mark.usefixtures("long")
def test_a_word_that_every_unit_has_does_not_choose_the_units() -> None:
    turns = [turn(i, f"parcel k{i}z") for i in range(300)]
    candidates = indexed(turns).candidates([HASH("parcel"), HASH("k200z")])
    assert candidates.ordinals.tolist() == list(range(200 - BESIDE, 201 + BESIDE))
    assert candidates.counts[0].tolist() == [1.0] * len(candidates.ordinals)


def test_a_long_session_finds_the_same_best_turn_as_a_short_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = talk(600)
    questions = [f"Where is the {turns[n].body.split()[1]} k{n}z?" for n in range(0, 600, 21)]

    def best() -> list[int]:
        index = indexed(turns[:77], turns[77:400], turns[400:])
        rankings = [rank_units(index, question, HASH) for question in questions]
        return [choose_turns(ranking, 1)[0][0].ordinal for ranking in rankings]

    short_session = best()
    assert short_session == list(range(0, 600, 21))
    monkeypatch.setattr(index_module, "LOOK_AT_ALL", 50)
    monkeypatch.setattr(index_module, "BEST_UNITS", 20)
    assert best() == short_session


# ---- vectors -------------------------------------------------------------------------------------


class Embedder:
    """Gives each text a vector along its first letter."""

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, texts: list[str]) -> npt.NDArray[np.float32]:
        return np.eye(26, dtype=np.float32)[[ord(text[0].lower()) - 97 for text in texts]]


def test_units_have_the_vectors_of_the_newest_embedder_or_zeros() -> None:
    turns = talk(3)
    parts = [
        index_turns(turns[:1], HASH),
        index_turns(turns[1:2], HASH, Embedder("old")),
        index_turns(turns[2:], HASH, Embedder("new")),
    ]
    index = Index([IndexPart(part) for part in parts])
    assert index.model == "new"
    vectors = index.candidates([]).vectors
    assert vectors.shape == (3, 26)
    assert [bool(row.any()) for row in vectors] == [False, False, True]
    assert indexed(turns).model == ""
    assert indexed(turns).candidates([]).vectors.shape == (3, 0)
