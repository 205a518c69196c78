"""`supersede`: a later statement takes the place of an older turn."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import pytest
from support.memories import Open
from support.shelf_turns import said

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.errors import InputError

TURIN = Turn("user", "I live in Turin, near the river.", id="a", when=datetime(2023, 3, 1))
OSLO = Turn("user", "I have moved to Oslo.", id="b", when=datetime(2024, 5, 1))
ROME = Turn("user", "Rome is my home now.", id="c", when=datetime(2025, 6, 1))


def texts(memory: OpticalMemory, question: str, **options: Any) -> list[str]:
    return [found.text for found in memory.recall(question, **options)]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_question_for_the_older_statement_is_answered_by_the_newer(opened: Open, sealed: bool):
    memory = opened(keep_turns=0)
    memory.remember([TURIN, *said(30)])
    if sealed:
        memory.flush()
    assert memory.supersede("a", by=OSLO) == "b"
    for again in (memory, opened()):
        assert texts(again, "Do I live in Turin?", k=1) == [OSLO.text]
        assert TURIN.text not in texts(again, "Do I live in Turin?")
        window = str(again.context("Do I live in Turin?", 500).to_messages())
        assert ("Oslo" in window, "Turin, near" in window) == (True, False)
        found = again.recall("Where did I live before?")
        marks = {r.turns[0]: (r.parts[0].superseded_by, r.parts[0].supersedes) for r in found}
        assert marks["a"] == ("b", ())
        assert marks["b"] == (None, ("a",))
    assert memory.stats().superseded_turns == 1
    assert memory.check() == []


def test_a_turn_that_is_there_may_supersede(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO, *said(2)])
    assert memory.supersede("a", by="b") == "b"
    assert texts(memory, "Turin", k=1) == [OSLO.text]
    recent = str(memory.context(budget=2_000).to_messages())
    assert ("Oslo" in recent, "Turin" in recent) == (True, False)


def test_a_chain_has_its_last_turn_as_current_whichever_is_named(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO, ROME])
    memory.supersede("a", by="b")
    memory.supersede("a", by="c")
    for question in ("Turin river", "moved Oslo", "Rome home"):
        assert texts(memory, question) == [ROME.text]
    assert len(texts(memory, "Turin Oslo Rome", superseded=True)) == 3


def test_a_turn_that_was_superseded_may_be_current_again(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO, ROME])
    memory.supersede("a", by="b")
    memory.supersede("b", by="c")
    memory.supersede("c", by="a")
    for question in ("Turin river", "moved Oslo", "Rome home"):
        assert texts(memory, question) == [TURIN.text]


def test_limits_of_days_give_what_was_said_then_with_its_mark(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO])
    memory.supersede("a", by="b")
    (found,) = memory.recall("Where do I live?", before=date(2023, 12, 31))
    assert (found.text, found.parts[0].superseded_by) == (TURIN.text, "b")
    assert memory.recall("live in Turin", before=date(2023, 12, 31), superseded=False) == []


def test_a_turn_stays_superseded_when_the_newer_is_forgotten(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO])
    memory.supersede("a", by="b")
    assert memory.forget(turn="b") == 1
    assert texts(memory, "Where do I live?") == []
    assert texts(memory, "Turin", superseded=True) == [TURIN.text]
    memory.supersede("a", by=ROME)
    assert texts(memory, "live in Turin") == [ROME.text]


def test_forgetting_the_older_leaves_the_newer(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO])
    memory.supersede("a", by="b")
    memory.forget(turn="a")
    assert texts(memory, "Turin Oslo moved", superseded=True) == [OSLO.text]
    assert memory.recall("moved to Oslo")[0].parts[0].supersedes == ()
    assert memory.stats().superseded_turns == 0


def test_an_edit_of_either_turn_changes_nothing_of_who_supersedes_whom(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO])
    memory.supersede("a", by="b")
    memory.remember(Turn("user", "My home is Turin.", id="a"))
    memory.remember(Turn("user", "I have moved to Bergen.", id="b"))
    for question in ("home Turin", "moved Oslo", "Bergen"):
        assert texts(memory, question) == ["I have moved to Bergen."]


def test_a_turn_with_the_same_id_is_an_edit(opened: Open):
    memory = opened()
    memory.remember(TURIN)
    assert memory.supersede("a", by=Turn("user", "I live in Milan.", id="a")) == "a"
    assert texts(memory, "Turin river") == ["I live in Milan."]


def test_a_host_that_sends_both_turns_again_changes_nothing(opened: Open):
    memory = opened()
    memory.sync([TURIN, OSLO])
    memory.supersede("a", by="b")
    version = memory._archive.snapshot().version
    for again in (memory, opened()):
        assert again.sync([TURIN, OSLO]) == ["a", "b"]
        assert again.remember([TURIN, OSLO]) == ["a", "b"]
    assert memory._archive.snapshot().version == version


def test_what_is_not_there_cannot_supersede_or_be_superseded(opened: Open):
    memory = opened()
    memory.remember([TURIN, OSLO])
    memory.forget(turn="b")
    for turn, by in (("a", "b"), ("b", "a"), ("a", "x"), ("x", "a"), ("a", OSLO), ("x", ROME)):
        with pytest.raises(Forgotten):
            memory.supersede(turn, by)  # type: ignore[arg-type]
    assert memory.stats().turns == 2, "a refusal remembers nothing"
    with pytest.raises(InputError, match="itself"):
        memory.supersede("a", by="a")
    for wrong in (None, 3, ["a"]):
        with pytest.raises(InputError, match="id of a turn"):
            memory.supersede("a", wrong)  # type: ignore[arg-type]


def test_the_async_twin_does_the_same(opened: Open):
    memory = opened()
    memory.remember(TURIN)
    assert asyncio.run(memory.asupersede("a", OSLO)) == "b"
    assert texts(memory, "Turin") == [OSLO.text]
