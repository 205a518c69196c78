"""Without a capacity pages fade with age, and nothing is ever lost by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.errors import InputError
from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import plan
from optical_memory.session.forgetting.policy import (
    FORGOTTEN,
    STUB,
    AgeUnit,
    ForgettingPolicy,
    PageState,
    Schedule,
)

NAMES = [rung.name for rung in V1_LADDER]
PERFECT = dict.fromkeys(NAMES, 1.0)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
UNITS = ("pages", "turns", "days")

agreements = st.fixed_dictionaries(
    {name: st.sampled_from([0.2, 0.94, 0.95, 1.0]) for name in NAMES}
)
times = st.one_of(st.none(), st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)))
some_pages = st.lists(
    st.tuples(
        st.sampled_from([None, *NAMES, STUB, FORGOTTEN]),
        agreements,
        st.integers(0, 5),
        st.booleans(),
        st.one_of(st.none(), st.integers(0, 300)),
        times,
    ),
    max_size=25,
).map(lambda rows: [PageState(f"p{i}", i, *row) for i, row in enumerate(rows)])
schedules = st.builds(
    Schedule,
    st.sampled_from([(), (1.0,), (2.0, 4.0), (8.0, 16.0, 32.0, 64.0)]),
    st.sampled_from(UNITS),
)


def rungs(pages: list[PageState], policy: ForgettingPolicy) -> list[str | None]:
    steps = {step.page: step.rung for step in plan(pages, None, policy, V1_LADDER, NOW)}
    return [steps.get(page.page, page.rung) for page in pages]


@given(some_pages, schedules, st.sampled_from([1, 3, 8]))
def test_pages_fade_down_the_ladder_to_legible_rungs_and_no_further(
    pages: list[PageState], schedule: Schedule, every: int
) -> None:
    policy = ForgettingPolicy(schedule=schedule, every=every)
    steps = plan(pages, None, policy, V1_LADDER, NOW)
    by_page = {page.page: page for page in pages}
    for step in steps:
        page = by_page[step.page]
        assert page.rung in NAMES
        assert not page.pinned
        assert NAMES.index(step.rung) > NAMES.index(page.rung)
        assert page.agreement[step.rung] >= policy.floor
    after = [replace(p, rung=rung) for p, rung in zip(pages, rungs(pages, policy), strict=True)]
    assert plan(after, None, policy, V1_LADDER, NOW) == []


def test_ages_in_pages_give_bands_of_rungs() -> None:
    pages = [PageState(f"p{i}", i, "large", PERFECT) for i in range(20)]
    policy = ForgettingPolicy(schedule=Schedule((4.0, 8.0)), every=1)
    assert rungs(pages, policy) == ["small"] * 12 + ["base"] * 4 + ["large"] * 4


def test_ages_in_turns_count_newer_turns() -> None:
    turns = (0, 50, 90, 100)
    pages = [PageState(f"p{t}", i, "large", PERFECT, last_turn=t) for i, t in enumerate(turns)]
    policy = ForgettingPolicy(schedule=Schedule((10.0, 100.0), "turns"), every=1)
    assert rungs(pages, policy) == ["small", "base", "base", "large"]


def test_ages_in_days_count_from_now_and_a_page_without_a_time_stays() -> None:
    days = (400, 31, 29, None)
    pages = [
        PageState(
            f"p{i}",
            i,
            "large",
            PERFECT,
            last_when=None if age is None else NOW - timedelta(days=age),
        )
        for i, age in enumerate(days)
    ]
    policy = ForgettingPolicy(schedule=Schedule((30.0, 365.0), "days"))
    assert rungs(pages, policy) == ["small", "base", "large", "large"]


def test_by_default_no_page_fades_until_the_next_eighth_page_and_then_a_chunk_does() -> None:
    pages: list[PageState] = []
    n_steps: list[int] = []
    for i in range(64):
        pages.append(PageState(f"p{i}", i, "large", PERFECT, last_turn=10 * i))
        steps = plan(pages, None, ForgettingPolicy(), V1_LADDER, NOW)
        n_steps.append(len(steps))
        fading = {step.page: step.rung for step in steps}
        pages = [replace(page, rung=fading.get(page.page, page.rung)) for page in pages]
    assert {i + 1 for i, n in enumerate(n_steps) if n} == set(range(16, 65, 8))
    assert min(n for n in n_steps if n) == 8


@pytest.mark.parametrize("unit", ["pages", "turns"])
def test_ages_count_from_the_last_point_of_pages_or_turns(unit: AgeUnit) -> None:
    """The page number eight was the last point; the ninth and tenth make nothing older."""
    pages = [PageState(f"p{i}", i, "large", PERFECT, last_turn=i) for i in range(10)]
    policy = ForgettingPolicy(schedule=Schedule((4.0,), unit))
    for n in (8, 9, 10):
        assert rungs(pages[:n], policy) == ["base"] * 4 + ["large"] * (n - 4)
    assert rungs(pages[:7], policy) == ["large"] * 7


def test_days_end_at_midnight_so_that_the_pages_of_a_day_fade_together() -> None:
    policy = ForgettingPolicy(schedule=Schedule((30.0,), "days"))
    pages = [
        PageState(
            f"p{hour}", hour, "large", PERFECT, last_when=datetime(2026, 10, 28, hour, tzinfo=UTC)
        )
        for hour in (8, 10, 18)
    ]
    assert rungs(pages, policy) == ["large"] * 3  # though two are 30 days old by the clock
    tomorrow = plan(pages, None, policy, V1_LADDER, NOW + timedelta(hours=13))
    assert [step.rung for step in tomorrow] == ["base"] * 3


def test_the_reason_is_the_age_that_the_schedule_names() -> None:
    pages = [PageState(f"p{i}", i, "large", PERFECT) for i in range(16)]
    reasons = {step.reason for step in plan(pages, None, ForgettingPolicy(), V1_LADDER, NOW)}
    assert reasons == {"age: 8 pages or more"}


def test_recalls_make_a_page_younger_where_the_policy_says_so() -> None:
    pages = [PageState(f"p{i}", i, "large", PERFECT, hits=i % 2) for i in range(16)]
    policy = ForgettingPolicy(pages_per_hit=8.0)
    assert [rung == "base" for rung in rungs(pages, policy)[:8]] == [True, False] * 4


def test_a_half_life_halves_the_tokens_as_near_as_the_ladder_can() -> None:
    schedule = Schedule.of_half_life(30, V1_LADDER)
    assert schedule.unit == "days"
    for age in (0, 20, 40, 70, 80):
        rung = V1_LADDER[schedule.n_steps(age)]
        due_tokens = V1_LADDER[0].n_tokens * 2 ** (-age / 30)
        coarser = V1_LADDER.coarser(rung.name)
        assert rung.n_tokens >= due_tokens or not coarser
        if coarser:
            assert coarser[0].n_tokens < due_tokens


def test_a_page_stays_at_its_smallest_legible_rung() -> None:
    agreement = {"large": 1.0, "base": 0.99, "small": 0.5, "tiny": 0.4}
    page = PageState("p", 0, "large", agreement)
    newer = [PageState(f"q{i}", i + 1, "large", PERFECT) for i in range(99)]
    assert rungs([page, *newer], ForgettingPolicy())[0] == "base"


@pytest.mark.parametrize("capacity", [None, 10**6])
@pytest.mark.parametrize("time", [NOW - timedelta(days=8), datetime(2026, 11, 1)])
def test_a_page_past_its_term_is_forgotten(capacity: int | None, time: datetime) -> None:
    policy = ForgettingPolicy(keep_for=timedelta(days=7))
    old = PageState("old", 0, "large", PERFECT, last_when=time)
    pages = [
        old,
        replace(old, page="pinned", ordinal=1, pinned=True),
        replace(old, page="timeless", ordinal=2, last_when=None),
        replace(old, page="new", ordinal=3, last_when=NOW - timedelta(days=6)),
        replace(old, page="text", ordinal=4, rung=None),
    ]
    (step,) = plan(pages, capacity, policy, V1_LADDER, NOW)
    assert (step.page, step.rung) == ("old", FORGOTTEN)
    assert step.reason == "term: older than 7 days, 0:00:00"


@pytest.mark.parametrize("ages", [(0.0,), (4.0, 4.0), (8.0, 4.0), (-1.0,)])
def test_ages_that_do_not_rise_are_refused(ages: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="ages must rise"):
        Schedule(ages)


def test_an_unknown_unit_and_a_term_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="unit"):
        Schedule(unit="weeks")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="keep_for"):
        ForgettingPolicy(keep_for=timedelta(0))
