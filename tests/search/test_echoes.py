"""Echoes: copies of a question do not push what answers it out of the first five."""

from __future__ import annotations

import pytest

from optical_memory.recall.choose import choose_turns
from optical_memory.recall.find import rank_units
from optical_memory.search.build import IndexedTurn, KeyHash, index_turns
from optical_memory.search.index import Index
from optical_memory.search.index_part import IndexPart

KEY = KeyHash("00" * 16)
QUESTION = "Which colour did Petra choose for the kitchen door?"
ANSWER = "Petra and I painted the kitchen door yesterday, we chose a deep green in the end."


def first_five(texts: list[str], role: str = "user") -> list[str]:
    talk = [f"Word {i} about gardens, kitchens and the sea." for i in range(40)]
    talk[10] = ANSWER
    lines = [("user", text) for text in talk] + [(role, text) for text in texts]
    turns = [IndexedTurn(i, role, None, None, text) for i, (role, text) in enumerate(lines)]
    ranking = rank_units(Index([IndexPart(index_turns(turns, KEY))]), QUESTION, KEY)
    return [lines[turn[0].ordinal][1] for turn in choose_turns(ranking, 5)]


def blockers(n: int) -> list[str]:
    forms = [
        QUESTION,
        f"{QUESTION} {QUESTION}",
        "door kitchen Petra choose colour which 2023 May",
        f"{QUESTION} The answer is: ask Eve.",
    ]
    return [forms[i % len(forms)] for i in range(n)]


@pytest.mark.parametrize("role", ["tool", "user"])
@pytest.mark.parametrize("n", [0, 1, 5, 20, 200])
def test_the_answer_stays_among_the_first_five(n: int, role: str) -> None:
    assert ANSWER in first_five(blockers(n), role)


def test_all_echoes_together_take_two_places_at_most() -> None:
    five = first_five(blockers(20))
    assert sum(text in blockers(4) for text in five) <= 2


def test_short_answers_in_the_questions_words_stay_the_first_and_the_newest() -> None:
    first = "Petra chose the colour for the kitchen door: green."
    newest = "Petra chose the colour for the kitchen door: blue."
    assert {first, newest} <= set(first_five([first, newest]))
    assert {first, newest} <= set(first_five([first, *blockers(20), newest]))
