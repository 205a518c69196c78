"""Every plan, of any pages and any policy: what it may do, and what it never does."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.plain_plans import (
    BLURRED,
    NAMES,
    NOW,
    PERFECT,
    STATES,
    after,
    planned,
    rank,
    session,
    states,
)

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import tokens_kept, value_kept
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState, Weights

agreements = st.fixed_dictionaries(
    {name: st.sampled_from([0.2, 0.94, 0.95, 0.99, 1.0]) for name in NAMES}
)
policies = st.builds(
    ForgettingPolicy,
    floor=st.sampled_from([0.0, 0.95, 1.0]),
    last_resort=st.sampled_from(["stub", "forgotten"]),
    stub_tokens=st.sampled_from([0, 32, 80, 500]),
    stub_share=st.sampled_from([0.0, 0.15, 0.4, 0.9]),
    slack=st.sampled_from([0.5, 0.9, 1.0]),
    condense=st.just(False),
    weights=st.builds(
        Weights,
        half_age=st.sampled_from([2.0, 64.0]),
        unit=st.sampled_from(["pages", "turns", "days"]),
        per_hit=st.sampled_from([0.0, 1.0]),
    ),
)
pages_of_any_kind = st.builds(
    PageState,
    page=st.just(""),
    ordinal=st.just(0),
    rung=st.sampled_from([None, *STATES]),
    agreement=agreements,
    hits=st.integers(0, 5),
    pinned=st.sampled_from([False, False, False, True]),
    last_turn=st.one_of(st.none(), st.integers(0, 300)),
    last_when=st.one_of(
        st.none(), st.integers(0, 400).map(lambda days: NOW - timedelta(days=days))
    ),
    n_ledger_tokens=st.sampled_from([0, 7, 40]),
    n_facts=st.sampled_from([0, 3, 60]),
    feedback=st.sampled_from([-2.0, 0.0, 1.5]),
)
some_pages = st.lists(pages_of_any_kind, max_size=25).map(
    lambda pages: [replace(page, page=f"p{i}", ordinal=i) for i, page in enumerate(pages)]
)
capacities = st.integers(0, 8_000)


@given(some_pages, capacities, policies)
def test_what_is_left_fits_unless_pinned_pages_alone_do_not(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    left = after(pages, planned(pages, capacity, policy))
    fits = tokens_kept(left, policy, V1_LADDER) <= capacity
    assert fits or tokens_kept([page for page in left if not page.pinned], policy, V1_LADDER) == 0


@given(some_pages, st.one_of(st.none(), capacities), policies)
def test_planning_again_changes_nothing(
    pages: list[PageState], capacity: int | None, policy: ForgettingPolicy
) -> None:
    left = after(pages, planned(pages, capacity, policy))
    assert planned(left, capacity, policy) == []


@given(some_pages, capacities, policies)
def test_nothing_is_ever_restored_and_what_is_pinned_or_text_stays(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    by_id = {page.page: page for page in pages}
    for step in planned(pages, capacity, policy):
        page = by_id[step.page]
        assert not page.pinned
        assert page.rung is not None
        assert rank(step.rung) > rank(page.rung)


@given(some_pages, capacities, policies)
def test_a_step_never_costs_tokens(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    left = after(pages, planned(pages, capacity, policy))
    for old, new in zip(pages, left, strict=True):
        assert tokens_kept([new], policy, V1_LADDER) <= tokens_kept([old], policy, V1_LADDER)


@given(some_pages, capacities, policies)
def test_no_page_fades_to_a_rung_below_the_floor(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    by_id = {page.page: page for page in pages}
    for step in planned(pages, capacity, policy):
        assert (
            step.rung in ("stub", "forgotten")
            or by_id[step.page].agreement[step.rung] >= policy.floor
        )


@given(some_pages, st.one_of(st.none(), capacities), policies)
def test_every_step_has_its_reason(
    pages: list[PageState], capacity: int | None, policy: ForgettingPolicy
) -> None:
    policy = replace(policy, keep_for=timedelta(days=90), every=1)
    kinds = ("age: ", "term: ") if capacity is None else ("capacity: ", "term: ")
    for step in planned(pages, capacity, policy):
        assert step.reason.startswith(kinds)


@given(some_pages, capacities, policies)
def test_no_page_fades_while_all_fit(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy
) -> None:
    if tokens_kept(pages, policy, V1_LADDER) <= capacity:
        assert planned(pages, capacity, policy) == []


@given(st.integers(1, 60), capacities, policies, st.sampled_from([PERFECT, BLURRED]))
def test_tokens_fall_with_age_where_every_rung_is_legible(
    n: int, capacity: int, policy: ForgettingPolicy, agreement: dict[str, float]
) -> None:
    pages = session(n, agreement=agreement)
    left = after(pages, planned(pages, capacity, policy))
    indices = [rank(rung) for rung in states(left)]
    assert indices == sorted(indices, reverse=True)


@given(st.integers(1, 60), capacities, policies)
def test_no_more_fades_than_the_chunk_that_was_asked_for(
    n: int, capacity: int, policy: ForgettingPolicy
) -> None:
    """At most a step of a page (421 tokens) beyond the slack."""
    left = after(session(n), planned(session(n), capacity, policy))
    if left != session(n):
        assert (
            tokens_kept(left, policy, V1_LADDER) > policy.slack * capacity - V1_LADDER[0].n_tokens
        )


@given(some_pages, capacities, policies, st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_its_input(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy, random: object
) -> None:
    steps = planned(pages, capacity, policy)
    assert planned(pages, capacity, policy) == steps
    shuffled = list(pages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert planned(shuffled, capacity, policy) == steps
    ordinals = {page.page: page.ordinal for page in pages}
    assert [ordinals[step.page] for step in steps] == sorted(ordinals[step.page] for step in steps)


@given(some_pages.filter(bool), capacities, policies, st.data())
def test_a_page_that_is_worth_more_never_ends_in_a_worse_state(
    pages: list[PageState], capacity: int, policy: ForgettingPolicy, data: st.DataObject
) -> None:
    i = data.draw(st.integers(0, len(pages) - 1))
    page = pages[i]
    more = data.draw(
        st.sampled_from(
            [
                {"hits": page.hits + 3},
                {"n_facts": page.n_facts + 20},
                {"feedback": page.feedback + 0.5},
                {"pinned": True},
            ]
        )
    )
    better = [*pages[:i], replace(page, **more), *pages[i + 1 :]]
    old_state = after(pages, planned(pages, capacity, policy))[i].rung
    new_state = after(better, planned(better, capacity, policy))[i].rung
    assert rank(new_state) <= rank(old_state)


def as_if_sharp(page: PageState) -> PageState:
    """The page with a certificate by which a finer rung never reads worse."""
    sharp = dict(zip(NAMES, sorted(page.agreement.values(), reverse=True), strict=True))
    return replace(page, agreement=sharp)


@given(
    some_pages.map(lambda pages: [as_if_sharp(page) for page in pages]),
    capacities,
    st.integers(0, 2_000),
    policies.filter(lambda policy: policy.stub_share <= 0.15),
)
def test_more_capacity_never_keeps_less_value(
    pages: list[PageState], capacity: int, more: int, policy: ForgettingPolicy
) -> None:
    """If all fit, nothing changes; so this holds where a finer state is never worse."""
    values = [
        value_kept(after(pages, planned(pages, tokens, policy)), policy, V1_LADDER, NOW)
        for tokens in (capacity, capacity + more)
    ]
    assert values[0] <= values[1] + 1e-9


@given(st.integers(900, 8_000), policies.filter(lambda policy: policy.stub_tokens <= 32))
def test_a_session_that_grows_page_by_page_never_exceeds_its_capacity(
    capacity: int, policy: ForgettingPolicy
) -> None:
    pages: list[PageState] = []
    for i in range(60):
        pages.append(PageState(f"p{i}", i, "large", PERFECT))
        pages = after(pages, planned(pages, capacity, policy))
        assert tokens_kept(pages, policy, V1_LADDER) <= capacity
        indices = [rank(rung) for rung in states(pages)]
        assert indices == sorted(indices, reverse=True)
