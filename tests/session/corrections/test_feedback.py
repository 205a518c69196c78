"""`feedback`: what was of use stays longer, what was not goes sooner."""

from __future__ import annotations

import pytest
from support.condensed_pages import exact_reader
from support.memories import Open
from support.shelf_turns import said

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.errors import InputError

FIRST = Turn("user", "The gate code is 4417.", id="first")


def filled(opened: Open) -> OpticalMemory:
    memory = opened(keep_turns=0, reader=exact_reader())
    memory.remember([FIRST, *said(60), Turn("user", "The gate is green.", id="last")])
    memory.flush()
    return memory


def hits(memory: OpticalMemory) -> list[int]:
    snapshot = memory._archive.snapshot()
    return [page.hits for page in snapshot.pages.values()]


def lost_pages(memory: OpticalMemory, capacity: int) -> list[str]:
    steps = memory.plan(capacity).steps
    return [step.page for step in steps if step.rung in ("stub", "forgotten")]


def turn_on(memory: OpticalMemory, page: str) -> str:
    return memory.read(page).turns[-1]


def test_feedback_counts_as_a_recall_of_the_turns_pages(opened: Open) -> None:
    memory = filled(opened)
    memory.feedback("first")
    memory.feedback("first", useful=True)
    assert hits(memory) == [2, *[0] * (len(memory.pages()) - 1)]
    memory.feedback("first", useful=False)
    assert hits(opened())[0] == 1
    assert memory.check() == []


def test_a_useful_turn_is_kept_where_the_capacity_is_too_small(opened: Open) -> None:
    memory = filled(opened)
    capacity = 4 * 13
    page = lost_pages(memory, capacity)[0]
    turn = turn_on(memory, page)
    for _ in range(60):
        memory.feedback(turn)
    assert page not in lost_pages(memory, capacity)
    memory.fade(capacity)
    assert turn in memory.read(page).turns


def test_what_was_of_no_use_goes_before_what_nobody_asked_for(opened: Open) -> None:
    memory = filled(opened)
    newest = memory.pages()[-1].id
    assert newest not in lost_pages(memory, 4 * 13)
    for _ in range(4):
        memory.feedback(turn_on(memory, newest), useful=False)
    assert hits(memory)[-1] == -4
    assert memory.check() == []
    assert newest in lost_pages(memory, 4 * 13)


def test_a_turn_that_stands_on_no_page_yet_is_counted_nowhere(opened: Open) -> None:
    memory = filled(opened)
    memory.remember(Turn("user", "One more thing.", id="open"))
    memory.feedback("open")
    assert set(hits(memory)) == {0}


def test_a_turn_that_is_not_there_is_refused(opened: Open) -> None:
    memory = filled(opened)
    with pytest.raises(Forgotten):
        memory.feedback("nobody")
    memory.forget(turn="first")
    with pytest.raises(Forgotten):
        memory.feedback("first")
    with pytest.raises(InputError, match="turn must be text"):
        memory.feedback(7)  # type: ignore[arg-type]
