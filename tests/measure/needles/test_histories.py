"""Needles and the histories in which they are planted."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from optical_memory import Turn
from optical_memory.errors import InputError
from optical_memory.measure.finding.stems import stems
from optical_memory.measure.needles.histories import make_histories, read_haystack
from optical_memory.measure.needles.kinds import KINDS, WORDINGS, make_needle, topics

START = datetime(2023, 5, 8, 13, 56)
HAYSTACK = [
    Turn(
        "user" if i % 2 == 0 else "assistant",
        f"We talked about hedge number {i}, which the gardener cut a little too short last week.",
        name="Ann" if i % 2 == 0 else "Ben",
        when=START + timedelta(hours=i),
        id=f"h{i}",
    )
    for i in range(600)
]
ALL = list(KINDS)


def test_there_are_five_topics_of_each_kind() -> None:
    assert Counter(topic.kind for topic in topics()) == dict.fromkeys(KINDS, 5)


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.statement[:30])
def test_the_questions_of_a_topic_are_as_far_from_its_words_as_they_say(topic) -> None:
    words = set(stems(topic.statement))
    assert len(words & set(stems(topic.own_words))) >= 2
    in_common = words & set(stems(topic.other_words))
    assert 1 <= len(in_common) <= (2 if topic.kind == "chinese" else 1)  # 保险箱 is two pairs
    assert not words & set(stems(topic.no_common_word))


@pytest.mark.parametrize("kind", KINDS)
def test_the_value_stands_in_the_statement_and_in_no_question(kind: str) -> None:
    topic = next(topic for topic in topics() if topic.kind == kind)
    needle = make_needle(topic, random.Random(1))
    assert needle.value in needle.statement
    assert all(needle.value not in question for question in needle.questions)
    assert len(needle.questions) == len(WORDINGS)


def test_histories_have_the_length_that_was_asked_for_and_enough_needles() -> None:
    histories = make_histories(HAYSTACK, 4_000, 30, ALL)

    assert all(3_700 <= history.n_tokens <= 4_050 for history in histories)
    assert sum(len(history.needles) for history in histories) >= 30
    kinds = Counter(p.needle.kind for history in histories for p in history.needles)
    assert max(kinds.values()) - min(kinds.values()) <= 1


def test_a_topic_occurs_once_in_a_history_and_needles_stand_at_all_depths() -> None:
    (history,) = make_histories(HAYSTACK, 8_000, 10, ALL)

    statements = [planted.needle.statement for planted in history.needles]
    assert len({statement[:20] for statement in statements}) == len(statements)
    depths = sorted(planted.depth for planted in history.needles)
    assert depths[0] < 0.15
    assert depths[-1] > 0.85
    turns = {turn.id: turn for turn in history.conversation.turns}
    assert len(turns) == len(history.conversation.turns)
    for planted in history.needles:
        turn = turns[planted.turn_id]
        number = history.conversation.turns.index(turn)
        assert turn.text == planted.needle.statement
        assert planted.age_turns == len(turns) - 1 - number


def test_a_needle_is_said_by_the_user_at_the_time_of_the_turn_before_it() -> None:
    (history,) = make_histories(HAYSTACK, 4_000, 5, ["price"])

    turns = history.conversation.turns
    for before, turn in pairwise(turns):
        if (turn.id or "").startswith("needle"):
            assert (turn.role, turn.name, turn.when) == ("user", "Ann", before.when)


def test_the_same_seed_gives_the_same_histories() -> None:
    assert make_histories(HAYSTACK, 4_000, 9, ALL) == make_histories(HAYSTACK, 4_000, 9, ALL)
    assert make_histories(HAYSTACK, 4_000, 9, ALL) != make_histories(HAYSTACK, 4_000, 9, ALL, 1)


def test_a_haystack_that_is_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="at least 50000 tokens"):
        make_histories(HAYSTACK, 50_000, 1, ALL)


def test_a_haystack_may_be_any_text(tmp_path: Path) -> None:
    file = tmp_path / "walden.txt"
    file.write_text("I went to the woods.\n\nI wished to live deliberately.\n")
    assert [turn.text for turn in read_haystack([file])] == [
        "I went to the woods.",
        "I wished to live deliberately.",
    ]
