"""With all defaults nothing is forgotten; with a capacity the loss is told before and counted."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from support.memories import Open
from support.page_life import RUNGS, turns_with_secret

from optical_memory import ForgettingPolicy, OpticalMemory, Schedule

QUICK = ForgettingPolicy(schedule=Schedule((2.0, 4.0, 6.0)), every=1)


def filled(opened: Open, **settings: object) -> OpticalMemory:
    memory = opened(**{"keep_turns": 0, "capacity": None, "background": False} | settings)
    memory.remember(turns_with_secret(120))
    memory.flush()
    return memory


def test_without_a_capacity_pages_fade_with_age_and_none_is_lost(opened: Open) -> None:
    memory = filled(opened, policy=QUICK)
    forms = [page.form for page in memory.pages()]
    assert len(forms) > 8
    assert set(forms) == set(RUNGS)
    assert forms == sorted(forms, key=RUNGS.index, reverse=True)
    assert memory.stats().capacity is None
    assert memory.stats().forgotten == []
    for turn in turns_with_secret(120)[:40]:
        assert any(turn.text in p.text for p in memory.recall(turn.text, 3))


def test_the_plan_tells_before_what_would_be_lost_and_changes_nothing(opened: Open) -> None:
    memory = filled(opened)
    before = [page.form for page in memory.pages()]
    preview = memory.plan(200)
    assert [page.form for page in memory.pages()] == before
    steps = memory.fade(200)
    assert tuple(steps) == preview.steps
    forms = [page.form for page in memory.pages()]
    assert (forms.count("stub"), forms.count("forgotten")) == (
        preview.n_stubs,
        preview.n_forgotten,
    )
    assert preview.loses
    assert memory.plan(10**6).steps == ()


def test_the_plan_counts_the_facts_that_go(opened: Open) -> None:
    memory = filled(opened)
    facts = sum(len(memory.inspect(page.id).ledger.spans) for page in memory.pages())
    preview = memory.plan(200)
    memory.fade(200)
    left = sum(len(memory.inspect(page.id).ledger.spans) for page in memory.pages())
    assert preview.n_facts == facts - left > 0


def test_the_first_loss_is_a_warning_and_no_other(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    memory = filled(opened)
    with caplog.at_level(logging.WARNING, "optical_memory"):
        memory.fade()
        assert caplog.records == []
        memory.fade(400)
        memory.fade(200)
    (record,) = caplog.records
    assert "lost their last picture" in record.getMessage()


def test_with_the_text_kept_nothing_is_called_lost(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    memory = filled(opened, retain="text")
    assert not memory.plan(0).loses
    memory.fade(0)
    assert {page.form for page in memory.pages()} == {"text"}
    assert memory.stats().forgotten == []
    assert memory.stats().pages == {"text": len(memory.pages())}
    assert caplog.records == []


def test_a_term_forgets_pages_of_any_state(opened: Open) -> None:
    filled(opened, policy=QUICK)
    memory = opened(policy=ForgettingPolicy(keep_for=timedelta(days=1)))
    memory.flush()
    page_of_secret, *others = memory.pages()
    assert {page.form for page in others} == {"forgotten"}
    assert len(memory.stats().forgotten) == len(others)
    # A turn without a time counts from the day on which the session first had a term.
    turns = memory._archive.snapshot().turns_on(page_of_secret.id)
    assert [turn.id for turn in turns if not turn.forgotten] == ["secret"]


def test_memories_that_are_opened_from_it_have_its_capacity(opened: Open) -> None:
    memory = opened(capacity=None)
    with memory.open("bob") as other:
        assert other.capacity is None
