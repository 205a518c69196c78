"""Choosing: the best units within a budget, the best turns of a question, the newest units."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.recall.choose import Choice, choose_turns, choose_units, first_of, newest_units
from optical_memory.recall.find import Ranking, rank_units
from optical_memory.recall.unit_costs import UnitCosts
from optical_memory.search.build import IndexedTurn, KeyHash, index_terms, index_turns
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart
from optical_memory.search.segment import NO_DAY, Segment

HASH = KeyHash("00" * 16)
FILLER = "We sat by the window and spoke of nothing."
LONG = "The heron sleeps under the third bridge of the town, and nobody sees it. " * 30


def index_of(bodies: list[str]) -> Index:
    turns = [IndexedTurn(i, "user", None, None, body) for i, body in enumerate(bodies)]
    return Index([IndexPart(index_turns(turns, HASH))])


def ranking_of(bodies: list[str], question: str) -> Ranking:
    return rank_units(index_of(bodies), question, HASH)


def cost(choices: list[Choice]) -> int:
    """What units of a user without a name and without times cost, taken in this order."""
    costs = UnitCosts()
    n_tokens = 0
    for choice in choices:
        n_tokens += costs.cost(choice.ordinal, choice.start, NO_DAY, "user", choice.n_tokens)
        costs.take(choice.ordinal, NO_DAY)
    return n_tokens


BODIES = st.lists(
    st.lists(st.sampled_from(["heron", "swan", "gate", "code"]), min_size=1, max_size=90).map(
        " ".join
    ),
    max_size=12,
)


@given(BODIES, st.integers(0, 400), st.sets(st.integers(0, 11), max_size=3))
@settings(deadline=None)
def test_the_chosen_units_fit_the_budget_and_are_in_order_of_rank(
    bodies: list[str], budget: int, without: set[int]
) -> None:
    ranking = ranking_of(bodies, "heron gate")
    choices = choose_units(ranking, budget, without=dict.fromkeys(without, 0))
    assert cost(choices) <= budget
    assert [choice.score for choice in choices] == sorted(
        (choice.score for choice in choices), reverse=True
    )
    assert not without & {choice.ordinal for choice in choices}
    assert len({(choice.ordinal, choice.start) for choice in choices}) == len(choices)


def test_a_budget_is_a_limit_and_no_target() -> None:
    bodies = [FILLER] * 300
    bodies[150] = "The heron sleeps under the bridge."
    choices = choose_units(ranking_of(bodies, "heron under the bridge"), 100_000)
    assert choices[0].ordinal == 150
    assert {choice.ordinal for choice in choices} <= set(range(147, 154))


def test_nothing_is_chosen_for_a_question_that_nothing_answers() -> None:
    for question in ("zeppelin", "hi", ""):
        assert choose_units(ranking_of([FILLER] * 9, question), 1_000) == []
        assert choose_turns(ranking_of([FILLER] * 9, question), 3) == []


def test_a_unit_that_does_not_fit_leaves_room_for_units_behind_it() -> None:
    ranking = ranking_of(["the heron " * 30, FILLER, "the heron"], "heron")
    (choice,) = choose_units(ranking, 12)
    assert choice.ordinal == 2


def test_of_two_equal_turns_the_newer_wins() -> None:
    bodies = [FILLER] * 60
    bodies[10] = bodies[50] = "The heron sleeps under the bridge."
    ((first, *_), (second, *_)) = choose_turns(ranking_of(bodies, "heron under the bridge"), 2)
    assert (first.ordinal, second.ordinal) == (50, 10)
    assert choose_units(ranking_of(bodies, "heron under the bridge"), 15)[0].ordinal == 50


def test_the_best_turns_are_different_turns_and_short_turns_are_whole() -> None:
    middle = "The heron sleeps under the third bridge of the town, and nobody sees it. " * 9
    bodies = [FILLER] * 40
    bodies[10] = middle
    bodies[20] = bodies[30] = "A heron, at last."
    turns = choose_turns(ranking_of(bodies, "heron"), 3)
    assert {turn[0].ordinal for turn in turns} == {10, 20, 30}
    (middle_units,) = [turn for turn in turns if turn[0].ordinal == 10]
    assert middle_units[0].start == 0
    assert middle_units[-1].end == len(middle)


def test_of_a_long_turn_the_best_unit_is_recalled_with_those_beside_it() -> None:
    log = "".join(f"srv{n} answers in {n} ms and goes on to the next.\n" for n in range(200))
    body = log[:6_000] + "The heron is at gate 4417.\n" + log[6_000:]
    ((*units,),) = choose_turns(ranking_of([FILLER, body, FILLER], "heron gate"), 1)
    assert len(units) == 3
    text = body[units[0].start : units[-1].end]
    assert "heron" in text
    assert len(text) <= 1_200
    assert all(a.end == b.start for a, b in itertools.pairwise(units))


def test_a_turn_without_a_word_of_the_question_is_recalled_only_beside_a_match() -> None:
    bodies = [FILLER] * 30
    bodies[20] = "A heron."
    turns = choose_turns(ranking_of(bodies, "heron"), 30)
    assert turns[0][0].ordinal == 20
    assert {turn[0].ordinal for turn in turns} == set(range(17, 24))


def test_the_turn_with_the_code_of_the_question_comes_before_its_neighbours() -> None:
    roles = ("assistant", "user")
    turns = [
        IndexedTurn(i, roles[i % 2], None, None, f"Parcel PX-{700 + i} waits at gate {i}.")
        for i in range(90)
    ]
    index = Index([IndexPart(index_turns(turns, HASH))])
    for n in (12, 13, 88):
        (turn, *_) = choose_turns(rank_units(index, f"parcel PX-{700 + n}", HASH), 3)
        assert turn[0].ordinal == n


def test_a_good_unit_brings_the_units_beside_it_in_its_turn() -> None:
    middle = " ".join(
        f"Sentence {n} of the tale says nothing that matters to us." for n in range(80)
    )
    end = middle.find(" Sentence 40 ")
    body = f"{middle[:end]} The heron sleeps under the third bridge.{middle[end:]}"
    index = index_of([FILLER] * 20 + [body] + [FILLER] * 20)
    choices = choose_units(rank_units(index, "Where does the heron sleep?", HASH), 330)
    best, *others = [choice for choice in choices if choice.ordinal == 20]
    assert "heron" in body[best.start : best.end]
    assert {choice.end for choice in others} & {best.start}
    assert {choice.start for choice in others} & {best.end}


# ---- the newest ----------------------------------------------------------------------------------


@given(BODIES, st.integers(0, 600), st.sets(st.integers(0, 11), max_size=3))
@settings(deadline=None)
def test_the_newest_units_are_as_many_as_fit_without_a_gap(
    bodies: list[str], budget: int, without: set[int]
) -> None:
    index = index_of(bodies)
    choices = newest_units(index, budget, dict.fromkeys(without, 0))
    assert cost(choices) <= budget
    everything = newest_units(index, 10**6, dict.fromkeys(without, 0))
    assert choices == everything[: len(choices)]
    assert {choice.ordinal for choice in everything} == set(range(len(bodies))) - without
    if len(choices) < len(everything):
        assert cost(everything[: len(choices) + 1]) > budget


def test_the_first_choices_are_of_a_share_of_the_cost_and_always_fewer() -> None:
    choices = [Choice(i, 0, 9, 1.0, 5, cost=10) for i in range(10)]
    assert first_of(choices, 0.35) == choices[:3]
    assert first_of(choices, 1.0) == choices[:9]
    assert first_of(choices[:1], 1.0) == first_of([], 0.5) == []


def test_of_a_turn_only_units_before_an_offset_are_chosen() -> None:
    body = " ".join(f"Heron number {n} sits on the roof." for n in range(80))
    index = index_of([body])
    ends = [choice.end for choice in newest_units(index, 10**6)]
    for choices in (
        newest_units(index, 10**6, {0: ends[2] - 9}),
        choose_units(rank_units(index, "heron", HASH), 10**6, without={0: ends[2] - 9}),
    ):
        assert {choice.end for choice in choices} == {ends[2] - 9, *ends[3:]}


def test_a_unit_whose_text_is_gone_has_a_cost_too() -> None:
    turn = IndexedTurn(0, "user", None, None, "")
    gone = index_terms(turn, 0, 4_000, {"heron": 1}, HASH)
    index = Index([IndexPart(Segment.merged([gone]))])
    assert newest_units(index, 500) == []
    assert choose_units(rank_units(index, "heron", HASH), 500) == []
    assert len(newest_units(index, 2_000)) == 1
