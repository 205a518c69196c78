"""Fading is a pure plan: the oldest first and farthest, never below the floor, never more than
needed.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import Step, plan, tokens_kept
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState

NAMES = [rung.name for rung in V1_LADDER]
STATES = [*NAMES, "stub", "forgotten"]
PERFECT = dict.fromkeys(NAMES, 1.0)


def session(
    n: int, rung: str = "large", agreement: dict[str, float] | None = None
) -> list[PageState]:
    return [
        PageState(f"p{i:04}", i, rung, PERFECT if agreement is None else agreement)
        for i in range(n)
    ]


def after(pages: list[PageState], steps: list[Step]) -> list[PageState]:
    rungs = {step.page: step.rung for step in steps}
    return [replace(page, rung=rungs.get(page.page, page.rung)) for page in pages]


def states(pages: list[PageState]) -> list[str | None]:
    return [page.rung for page in sorted(pages, key=lambda page: page.ordinal)]


agreements = st.fixed_dictionaries(
    {name: st.sampled_from([0.2, 0.94, 0.95, 1.0]) for name in NAMES}
)
policies = st.builds(
    ForgettingPolicy,
    floor=st.sampled_from([0.0, 0.95, 1.0]),
    last_resort=st.sampled_from(["stub", "forgotten"]),
    stub_tokens=st.sampled_from([0, 32, 80, 500]),
    slack=st.sampled_from([0.5, 0.9, 1.0]),
    growth=st.sampled_from([1.0, 1.6, 3.0]),
    pages_per_hit=st.sampled_from([0.0, 2.5]),
)
some_pages = st.lists(
    st.tuples(st.sampled_from([None, *STATES]), agreements, st.integers(0, 5), st.booleans()),
    max_size=25,
).map(lambda rows: [PageState(f"p{i}", i, *row) for i, row in enumerate(rows)])
capacities = st.integers(0, 8_000)


@given(some_pages, capacities, policies)
def test_what_is_left_fits_unless_pinned_pages_alone_do_not(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    left = after(pages, plan(pages, capacity, policy, V1_LADDER))
    fits = tokens_kept(left, policy, V1_LADDER) <= capacity
    assert fits or tokens_kept([page for page in left if not page.pinned], policy, V1_LADDER) == 0


@given(some_pages, capacities, policies)
def test_planning_again_changes_nothing(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    left = after(pages, plan(pages, capacity, policy, V1_LADDER))
    assert plan(left, capacity, policy, V1_LADDER) == []


@given(some_pages, capacities, policies)
def test_nothing_is_ever_restored_and_what_is_pinned_or_text_stays(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    by_id = {page.page: page for page in pages}
    for step in plan(pages, capacity, policy, V1_LADDER):
        page = by_id[step.page]
        assert not page.pinned
        assert page.rung is not None
        assert STATES.index(step.rung) > STATES.index(page.rung)


@given(some_pages, capacities, policies)
def test_no_page_fades_to_a_rung_below_the_floor(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    by_id = {page.page: page for page in pages}
    for step in plan(pages, capacity, policy, V1_LADDER):
        assert (
            step.rung in ("stub", "forgotten")
            or by_id[step.page].agreement[step.rung] >= policy.floor
        )


@given(some_pages, capacities, policies)
def test_no_page_fades_while_all_fit(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    if tokens_kept(pages, policy, V1_LADDER) <= capacity:
        assert plan(pages, capacity, policy, V1_LADDER) == []


@given(st.integers(1, 60), capacities, policies)
def test_tokens_fall_with_age_where_every_rung_is_legible(
    n: int, capacity: int, policy: ForgettingPolicy
) -> None:
    left = states(after(session(n), plan(session(n), capacity, policy, V1_LADDER)))
    indices = [STATES.index(rung) for rung in left if rung is not None]
    assert indices == sorted(indices, reverse=True)


@given(st.integers(1, 60), capacities, policies)
def test_no_more_fades_than_the_chunk_that_was_asked_for(
    n: int, capacity: int, policy: ForgettingPolicy
) -> None:
    """At most one step of one page (421 tokens) beyond the slack."""
    left = after(session(n), plan(session(n), capacity, policy, V1_LADDER))
    if left != session(n):
        assert (
            tokens_kept(left, policy, V1_LADDER) > policy.slack * capacity - V1_LADDER[0].n_tokens
        )


@given(some_pages, capacities, policies)
def test_the_plan_does_not_depend_on_the_order_of_its_input(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    steps = plan(pages, capacity, policy, V1_LADDER)
    assert plan(pages[::-1], capacity, policy, V1_LADDER) == steps
    ordinals = {page.page: page.ordinal for page in pages}
    assert [ordinals[step.page] for step in steps] == sorted(ordinals[step.page] for step in steps)


@given(st.integers(900, 8_000), policies.filter(lambda policy: policy.stub_tokens <= 32))
def test_a_session_that_grows_page_by_page_never_exceeds_its_capacity(
    capacity: int, policy: ForgettingPolicy
) -> None:
    pages: list[PageState] = []
    for i in range(60):
        pages.append(PageState(f"p{i}", i, "large", PERFECT))
        pages = after(pages, plan(pages, capacity, policy, V1_LADDER))
        assert tokens_kept(pages, policy, V1_LADDER) <= capacity
        indices = [STATES.index(rung) for rung in states(pages) if rung is not None]
        assert indices == sorted(indices, reverse=True)


def test_a_long_session_settles_into_bands_of_age_with_the_newest_finest() -> None:
    pages: list[PageState] = []
    for i in range(200):
        pages.append(PageState(f"p{i:04}", i, "large", PERFECT))
        pages = after(pages, plan(pages, 8_000, ForgettingPolicy(), V1_LADDER))
    left = states(pages)
    assert [rung for i, rung in enumerate(left) if i == 0 or left[i - 1] != rung] == STATES[::-1]
    assert left.count("tiny") > left.count("small") > left.count("base")


def test_fading_comes_in_chunks_so_that_most_pages_added_change_nothing() -> None:
    pages, changed = session(80, "tiny"), 0
    for i in range(80, 180):
        pages.append(PageState(f"p{i:04}", i, "tiny", PERFECT))
        steps = plan(pages, 5_000, ForgettingPolicy(slack=0.8), V1_LADDER)
        changed += bool(steps)
        pages = after(pages, steps)
    assert 1 <= changed <= 20


def test_a_rung_below_the_floor_is_skipped_for_the_smallest_that_is_not() -> None:
    page = PageState("p", 0, "large", {"large": 1.0, "base": 0.90, "small": 0.97, "tiny": 0.96})
    newest = PageState("q", 1, "large", PERFECT, pinned=True)
    assert plan([page, newest], 421 + 300, ForgettingPolicy(slack=1.0), V1_LADDER) == [
        Step("p", "tiny")
    ]


def test_a_page_with_no_legible_rung_left_becomes_a_stub_then_nothing() -> None:
    page = PageState("p", 0, "base", {"base": 0.99, "small": 0.5, "tiny": 0.4})
    policy = ForgettingPolicy(slack=1.0)
    assert plan([page], 200, policy, V1_LADDER) == [Step("p", "stub")]
    assert plan([page], 10, policy, V1_LADDER) == [Step("p", "forgotten")]
    assert plan([page], 200, replace(policy, last_resort="forgotten"), V1_LADDER) == [
        Step("p", "forgotten")
    ]


def test_a_rung_never_certified_is_never_used() -> None:
    assert plan([PageState("p", 0, "large", {})], 400, ForgettingPolicy(), V1_LADDER) == [
        Step("p", "stub")
    ]


def test_pages_that_are_still_text_cost_nothing_and_never_fade() -> None:
    pages = [PageState(f"p{i}", i, None, {}) for i in range(50)]
    assert tokens_kept(pages, ForgettingPolicy(), V1_LADDER) == 0
    assert plan(pages, 0, ForgettingPolicy(), V1_LADDER) == []


def test_a_page_that_is_recalled_fades_later_where_the_policy_says_so() -> None:
    pages = session(4)
    pages[0] = replace(pages[0], hits=3)
    policy = ForgettingPolicy(slack=1.0, pages_per_hit=1.0)
    capacity = 3 * 421 + 273
    assert plan(pages, capacity, policy, V1_LADDER) == [Step("p0001", "base")]
    assert plan(pages, capacity, ForgettingPolicy(slack=1.0), V1_LADDER) == [Step("p0000", "base")]


def test_a_rung_of_another_ladder_is_refused() -> None:
    with pytest.raises(KeyError, match="gundam"):
        plan([PageState("p", 0, "gundam", {})], 10, ForgettingPolicy(), V1_LADDER)


@pytest.mark.parametrize(
    "wrong",
    [{"floor": 1.5}, {"slack": 0.0}, {"growth": 0.5}, {"stub_tokens": -1}, {"last_resort": "x"}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ForgettingPolicy(**wrong)  # type: ignore[arg-type]
