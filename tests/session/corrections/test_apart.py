"""Two conversations whose messages have the same ids, in one session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memories import Open

from optical_memory import OpticalMemory, Turn

TOPICS = ("beans", "slates", "mortar", "ladders", "gutters")


def chat(place: str, n: int = 5) -> list[Turn]:
    """Messages with the ids 1 to n."""
    return [
        Turn("user", f"{place} {topic} {place}{i} {topic}{i}", id=str(i))
        for i, topic in enumerate(TOPICS[:n], 1)
    ]


def texts(memory: OpticalMemory) -> set[str]:
    return {recollection.text for topic in TOPICS for recollection in memory.recall(topic, k=9)}


@pytest.mark.parametrize("sealed", [False, True])
def test_both_are_kept_and_neither_comes_twice(opened: Open, sealed: bool):
    memory = opened(keep_turns=0)
    first = [replace(turn, text=f"{turn.text} " * 40) for turn in chat("garden")]
    memory.remember(first)
    if sealed:
        memory.flush()
    second = chat("roof")
    for _ in range(2):
        memory.remember(second)
        memory.remember(first)
        assert memory.stats().turns == 10
        assert memory.stats().superseded_turns == 0
    memory.remember([*second, Turn("user", "and the roof's chimney", id="6")])
    assert memory.stats().turns == 11
    assert memory.check() == []


def test_edits_of_most_words_are_edits_still(opened: Open):
    memory = opened()
    memory.remember(chat("garden"))
    memory.remember([replace(turn, text=f"{turn.text} (corrected)") for turn in chat("garden")])
    assert memory.stats().turns == 5


def test_other_words_beside_the_same_turn_are_edits(opened: Open):
    memory = opened()
    memory.remember(chat("garden"))
    memory.remember([chat("garden")[0], *chat("roof")[1:]])
    assert memory.stats().turns == 5
    assert {text.split()[0] for text in texts(memory)} == {"garden", "roof"}
    assert not any("garden slates" in text for text in texts(memory))


def test_edits_here_and_there_are_edits_whatever_their_words(opened: Open):
    memory = opened()
    memory.remember([Turn("user", f"garden bed {i}", id=str(i)) for i in range(20)])
    memory.remember([Turn("user", f"roof tile {i}", id=str(i)) for i in (2, 9, 18)])
    assert memory.stats().turns == 20
    assert memory.recall("roof tile 9", 1)[0].turns == ("9",)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_turns_with_other_words_are_edits(opened: Open, n: int):
    memory = opened()
    memory.remember(chat("garden", n))
    memory.remember(chat("roof", n))
    assert memory.stats().turns == n


def test_a_forgotten_turn_does_not_come_back_as_another_conversation(opened: Open):
    memory = opened()
    memory.remember(chat("garden"))
    memory.forget(turn="3")
    memory.remember(chat("roof"))
    assert not any("mortar" in text for text in texts(memory))
