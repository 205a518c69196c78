"""Where not all pages fit, neighbours become one page before any page is lost."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planned_pages import after

from optical_memory.errors import InputError
from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import Step, plan, tokens_kept, value_kept
from optical_memory.session.forgetting.policy import CONDENSED, ForgettingPolicy, PageState, Weights

NAMES = [rung.name for rung in V1_LADDER]
TINY = V1_LADDER[-1].n_tokens
PERFECT = dict.fromkeys(NAMES, 1.0)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
POLICY = ForgettingPolicy()

policies = st.builds(
    ForgettingPolicy,
    floor=st.sampled_from([0.0, 0.95, 1.0]),
    last_resort=st.sampled_from(["stub", "forgotten"]),
    stub_tokens=st.sampled_from([0, 32, 80]),
    slack=st.sampled_from([0.5, 0.9, 1.0]),
    condensed_shares=st.sampled_from([(1.0, 0.9, 0.75, 0.55, 0.35), (1.0, 0.6), (1.0,)]),
    weights=st.builds(
        Weights,
        half_age=st.sampled_from([2.0, 64.0]),
        unit=st.sampled_from(["pages", "days"]),
        per_hit=st.sampled_from([0.0, 1.0]),
    ),
)
pages_of_any_kind = st.builds(
    PageState,
    page=st.just(""),
    ordinal=st.just(0),
    rung=st.sampled_from([None, *NAMES, *NAMES, "stub", "forgotten"]),
    agreement=st.sampled_from([PERFECT, PERFECT, {**PERFECT, "tiny": 0.2}]),
    hits=st.integers(0, 5),
    pinned=st.sampled_from([False, False, False, True]),
    last_when=st.one_of(
        st.none(), st.integers(0, 400).map(lambda days: NOW - timedelta(days=days))
    ),
    n_ledger_tokens=st.sampled_from([0, 7, 40]),
    n_facts=st.sampled_from([0, 3, 60]),
    n_pages=st.sampled_from([1, 1, 1, 2, 5, 16]),
    can_condense=st.sampled_from([True, True, True, False]),
)
some_pages = st.lists(pages_of_any_kind, max_size=25).map(
    lambda pages: [replace(page, page=f"p{i}", ordinal=i) for i, page in enumerate(pages)]
)
capacities = st.integers(0, 4_000)


def session(n: int, rung: str = "tiny") -> list[PageState]:
    return [PageState(f"p{i:06}", i, rung, PERFECT) for i in range(n)]


def planned(pages: list[PageState], capacity: int, policy: ForgettingPolicy = POLICY) -> list[Step]:
    return plan(pages, capacity, policy, V1_LADDER, NOW)


def left(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy = POLICY
) -> list[PageState]:
    return after(pages, planned(pages, capacity, policy), V1_LADDER, policy.floor)


def runs_of(steps: list[Step]) -> dict[str, list[str]]:
    runs: dict[str, list[str]] = {}
    for step in steps:
        if step.into is not None:
            runs.setdefault(step.into, []).append(step.page)
    return runs


@given(some_pages, capacities, policies)
def test_what_is_left_fits_unless_pinned_pages_alone_do_not(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    rest = left(pages, capacity, policy)
    fits = tokens_kept(rest, policy, V1_LADDER) <= capacity
    assert fits or tokens_kept([page for page in rest if not page.pinned], policy, V1_LADDER) == 0


@given(some_pages, capacities, policies)
def test_planning_again_changes_nothing(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    assert planned(left(pages, capacity, policy), capacity, policy) == []


@given(some_pages, capacities, policies)
def test_a_run_is_of_neighbours_that_may_be_condensed_and_its_first_page_stays(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    steps = planned(pages, capacity, policy)
    assert [step.rung == CONDENSED for step in steps] == [step.into is not None for step in steps]
    by_id = {page.page: page for page in pages}
    for first, members in runs_of(steps).items():
        run = [by_id[id] for id in members]
        assert members[0] == first
        assert len(run) > 1
        assert all(page.rung in NAMES and page.can_condense and not page.pinned for page in run)
        assert sum(page.n_pages for page in run) <= policy.most_pages
        between = pages[run[0].ordinal : run[-1].ordinal]
        assert all(page in run or page.rung == "forgotten" for page in between)


@given(some_pages, capacities, policies)
def test_nothing_is_condensed_while_fading_is_enough_and_nothing_pinned_or_text_is_touched(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    steps = planned(pages, capacity, policy)
    by_id = {page.page: page for page in pages}
    assert not any(by_id[step.page].pinned or by_id[step.page].rung is None for step in steps)
    as_before = planned(pages, capacity, replace(policy, condense=False))
    is_lossless = not any(step.rung in ("stub", "forgotten") for step in as_before)
    if is_lossless:
        assert steps == as_before


@given(some_pages, capacities, policies, st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_its_input(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy, random: object
) -> None:
    shuffled = list(pages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert planned(shuffled, capacity, policy) == planned(pages, capacity, policy)


@given(some_pages, capacities, st.integers(0, 2_000), policies)
def test_more_capacity_never_keeps_less_value(
    pages: list[PageState], capacity: int, more: int, policy: ForgettingPolicy
) -> None:
    pages = [replace(page, agreement=PERFECT, feedback=0.0) for page in pages]
    values = [
        value_kept(left(pages, tokens, policy), policy, V1_LADDER, NOW)
        for tokens in (capacity, capacity + more)
    ]
    assert values[0] <= values[1] + 1e-9


@given(some_pages, capacities, policies)
def test_without_condensing_the_plan_has_no_run(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    assert runs_of(planned(pages, capacity, replace(policy, condense=False))) == {}


def test_a_quarter_of_the_tokens_loses_no_page_and_old_pages_stand_closer() -> None:
    rest = left(session(64), 16 * TINY, ForgettingPolicy(slack=1.0))
    pictures = [page for page in rest if page.rung == "tiny"]
    assert len(pictures) <= 16
    sizes = [page.n_pages for page in pictures]
    assert sum(sizes) == 64
    assert sizes[0] > sizes[-1]
    assert {page.rung for page in rest} == {"tiny", "forgotten"}


def test_pages_are_lost_only_where_all_are_condensed_as_far_as_they_may() -> None:
    rest = left(session(64), 3 * TINY, ForgettingPolicy(slack=1.0, last_resort="forgotten"))
    assert [page.n_pages for page in rest if page.rung == "tiny"] == [16, 16, 16]


def test_a_session_that_grows_stays_within_its_capacity_and_keeps_a_share_of_all() -> None:
    pages: list[PageState] = []
    for i in range(150):
        pages.append(PageState(f"p{i}", i, "large", PERFECT))
        pages = left(pages, 20 * TINY)
        assert tokens_kept(pages, POLICY, V1_LADDER) <= 20 * TINY
    assert sum(page.n_pages for page in pages if page.rung == "tiny") == 150


def test_a_reason_tells_how_many_pages_become_one() -> None:
    (first, second) = planned(session(2), TINY, ForgettingPolicy(slack=1.0))
    assert first == Step(
        "p000000", CONDENSED, "capacity: the best of 2 pages goes on one", "p000000"
    )
    assert second.into == "p000000"


def test_a_hundred_thousand_pages_are_planned_in_a_moment() -> None:
    pages = session(100_000)
    capacity = tokens_kept(pages, POLICY, V1_LADDER) - 300 * TINY
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        steps = planned(pages, capacity)
        times.append(time.process_time() - start)
    assert runs_of(steps)
    assert min(times) < 0.4  # 0.06 to 0.1 s on two busy cores


@pytest.mark.parametrize("shares", [(), (0.9, 0.5), (1.0, 0.5, 0.6), (1.0, 0.0)])
def test_shares_that_rise_or_do_not_begin_at_1_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="condensed_shares"):
        ForgettingPolicy(condensed_shares=shares)
