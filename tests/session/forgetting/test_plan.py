"""Fading is a pure plan: the most worth stays, never below the floor, never more than needed."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import Step, plan, tokens_kept, value_kept
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState, Weights

NAMES = [rung.name for rung in V1_LADDER]
STATES = [*NAMES, "stub", "forgotten"]
PERFECT = dict.fromkeys(NAMES, 1.0)
BLURRED = dict(zip(NAMES, (1.0, 0.99, 0.97, 0.955), strict=True))
LOSING = ForgettingPolicy(condense=False)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


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


def rank(rung: str | None) -> int:
    """0 for the finest state."""
    return -1 if rung is None else STATES.index(rung)


def moves(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.page, step.rung) for step in steps]


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


def planned(pages: list[PageState], capacity: int | None, policy: ForgettingPolicy) -> list[Step]:
    return plan(pages, capacity, policy, V1_LADDER, NOW)


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor": 1.5},
        {"slack": 0.0},
        {"every": 0},
        {"stub_tokens": -1},
        {"stub_share": 1.5},
        {"last_resort": "x"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ForgettingPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"half_age": 0.0}, {"per_hit": -1.0}, {"unit": "weeks"}])
def test_weights_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|unit"):
        Weights(**wrong)  # type: ignore[arg-type]


def test_no_page_is_lost_for_slack_alone() -> None:
    pages = [PageState(f"p{i:04}", i, "large", BLURRED) for i in range(50)]
    smallest = V1_LADDER[-1].n_tokens * 50
    kept = after(pages, planned(pages, smallest, LOSING))
    assert set(states(kept)) == {V1_LADDER[-1].name}
    kept = after(pages, planned(pages, smallest - 1, LOSING))
    assert states(kept).count(V1_LADDER[-1].name) >= 48
