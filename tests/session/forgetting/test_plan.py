"""Fading is a pure plan: the most worth stays, never below the floor, never more than needed."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from support.plain_plans import (
    BLURRED,
    LOSING,
    NAMES,
    NOW,
    PERFECT,
    STATES,
    after,
    moves,
    planned,
    session,
    states,
)

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import Step, plan, tokens_kept
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState, Weights


def test_where_rungs_read_equally_well_pages_stand_in_bands_with_the_newest_finest() -> None:
    capacity = 200 * V1_LADDER[-1].n_tokens + 8_000
    policy = ForgettingPolicy(condense=False, weights=Weights(half_age=8.0))
    left = states(after(session(200), planned(session(200), capacity, policy)))
    bands = [rung for i, rung in enumerate(left) if i == 0 or left[i - 1] != rung]
    assert bands == NAMES[::-1]


def test_under_more_pressure_old_pages_become_stubs_and_older_ones_nothing() -> None:
    pages: list[PageState] = []
    for i in range(400):
        pages.append(PageState(f"p{i:04}", i, "large", BLURRED, n_ledger_tokens=20))
        pages = after(pages, planned(pages, 8_000, LOSING))
    left = states(pages)
    bands = [rung for i, rung in enumerate(left) if i == 0 or left[i - 1] != rung]
    assert [rung for rung in bands if rung in STATES[-3:]] == ["forgotten", "stub", "tiny"]
    assert left[-1] not in ("stub", "forgotten")


def test_fading_comes_in_chunks_so_that_most_pages_added_change_nothing() -> None:
    pages, changed = session(80, "tiny"), 0
    for i in range(80, 180):
        pages.append(PageState(f"p{i:04}", i, "tiny", PERFECT))
        steps = planned(
            pages, 5_000, ForgettingPolicy(condense=False, slack=0.8, slack_of_loss=0.8)
        )
        changed += bool(steps)
        pages = after(pages, steps)
    assert 1 <= changed <= 20


def test_a_page_added_after_a_compaction_changes_nothing() -> None:
    pages = after(session(200), planned(session(200), 20_000, LOSING))
    pages.append(PageState("new", 200, "large", PERFECT))
    assert planned(pages, 20_000, LOSING) == []


def test_a_rung_below_the_floor_is_skipped_for_the_smallest_that_is_not() -> None:
    page = PageState("p", 0, "large", {"large": 1.0, "base": 0.90, "small": 0.97, "tiny": 0.96})
    newest = PageState("q", 1, "large", PERFECT, pinned=True)
    tight = 421 + V1_LADDER[-1].n_tokens
    assert moves(planned([page, newest], tight, replace(LOSING, slack=1.0))) == [("p", "tiny")]
    assert moves(
        planned([page, newest], 421 + 300, ForgettingPolicy(condense=False, slack=1.0))
    ) == [("p", "small")]


def test_a_page_with_no_legible_rung_left_becomes_a_stub_then_nothing() -> None:
    page = PageState("p", 0, "base", {"base": 0.99, "small": 0.5, "tiny": 0.4})
    policy = ForgettingPolicy(condense=False, slack=1.0)
    assert moves(planned([page], 200, policy)) == [("p", "stub")]
    assert moves(planned([page], 10, policy)) == [("p", "forgotten")]
    assert moves(planned([page], 200, replace(policy, last_resort="forgotten"))) == [
        ("p", "forgotten")
    ]


def test_a_rung_never_certified_is_never_used() -> None:
    assert moves(planned([PageState("p", 0, "large", {})], 400, LOSING)) == [("p", "stub")]


def test_pages_that_are_still_text_cost_nothing_and_never_fade() -> None:
    pages = [PageState(f"p{i}", i, None, {}, n_ledger_tokens=9) for i in range(50)]
    assert tokens_kept(pages, LOSING, V1_LADDER) == 0
    assert planned(pages, 0, LOSING) == []


def test_the_exact_facts_beside_a_picture_count_and_those_of_a_stub_are_in_it() -> None:
    page = PageState("p", 0, "tiny", PERFECT, n_ledger_tokens=20)
    policy = ForgettingPolicy(condense=False, slack=1.0)
    assert tokens_kept([page], policy, V1_LADDER) == 73 + 20
    assert tokens_kept([replace(page, rung="stub")], policy, V1_LADDER) == policy.stub_tokens
    assert planned([page], 93, policy) == []
    assert moves(planned([page], 92, policy)) == [("p", "stub")]


@pytest.mark.parametrize("salience", [{"hits": 3}, {"n_facts": 150}, {"feedback": 3.0}])
def test_a_page_that_is_worth_more_fades_later_where_the_policy_says_so(
    salience: dict[str, float],
) -> None:
    pages = session(4)
    pages[0] = replace(pages[0], **salience)  # type: ignore[arg-type]
    capacity = 3 * 421 + 273
    policy = ForgettingPolicy(condense=False, slack=1.0)
    assert moves(planned(pages, capacity, policy)) == [("p0001", "base")]
    blind = replace(policy, weights=Weights(per_hit=0, per_fact=0))
    if "feedback" not in salience:
        assert moves(planned(pages, capacity, blind)) == [("p0000", "base")]


@pytest.mark.parametrize("unit", ["turns", "days"])
def test_weights_may_count_age_in_turns_or_days(unit: str) -> None:
    """The oldest page by its number tells of yesterday, the next of a year ago."""
    yesterday, last_year = NOW - timedelta(days=1), NOW - timedelta(days=365)
    pages = [
        PageState("p0", 0, "tiny", PERFECT, last_turn=990, last_when=yesterday),
        PageState("p1", 1, "tiny", PERFECT, last_turn=10, last_when=last_year),
        PageState("p2", 2, "tiny", PERFECT, last_turn=1000, last_when=NOW),
    ]
    weights = Weights(half_age=10.0, unit=unit)  # type: ignore[arg-type]
    policy = ForgettingPolicy(condense=False, slack=1.0, last_resort="forgotten", weights=weights)
    assert moves(planned(pages, 2 * 73, policy)) == [("p1", "forgotten")]
    pages[1] = replace(pages[1], last_turn=None, last_when=None)  # as old as the next newer page
    assert moves(planned(pages, 2 * 73, policy)) == [("p0", "forgotten")]


def test_a_reason_tells_what_the_state_was_worth_and_the_limit() -> None:
    pages = session(3, "tiny")
    (step,) = planned(
        pages, 2 * 73, ForgettingPolicy(condense=False, slack=1.0, last_resort="forgotten")
    )
    assert step == Step(
        "p0000",
        "forgotten",
        "capacity: tiny is worth 12 per 1,000 tokens, the limit is 12",
    )


def test_a_hundred_thousand_pages_are_planned_in_a_moment() -> None:
    """90 ms where nothing else runs (`bench --only plan`); a plan page by page took seconds."""
    pages = [
        PageState(f"p{i:06}", i, "tiny", BLURRED, hits=i % 3, n_ledger_tokens=i % 40)
        for i in range(100_000)
    ]
    capacity = int(0.97 * tokens_kept(pages, LOSING, V1_LADDER))
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        steps = planned(pages, capacity, LOSING)
        times.append(time.process_time() - start)
    assert len(steps) > 5_000
    assert min(times) < 0.5


def test_a_rung_of_another_ladder_is_refused() -> None:
    with pytest.raises(KeyError, match="gundam"):
        plan([PageState("p", 0, "gundam", {})], 10, LOSING, V1_LADDER)


def test_no_page_is_lost_for_slack_alone() -> None:
    pages = [PageState(f"p{i:04}", i, "large", BLURRED) for i in range(50)]
    smallest = V1_LADDER[-1].n_tokens * 50
    kept = after(pages, planned(pages, smallest, LOSING))
    assert set(states(kept)) == {V1_LADDER[-1].name}
    kept = after(pages, planned(pages, smallest - 1, LOSING))
    assert states(kept).count(V1_LADDER[-1].name) >= 48
