"""Who fades when, as a pure plan: pages and a capacity in, steps with their reasons out.

The capacity counts the tokens that a session keeps: visual tokens, as the decoder receives them,
and those of the exact facts beside the pictures. A page that is still text has none and costs 0; it
is charged once it is certified. Without a capacity pages fade with age, by the policy's schedule,
and none is lost. With a capacity the plan keeps what is worth most: the sum over all pages of
weight times fidelity is as great as the capacity allows, within a step of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.columns import (
    FORGOTTEN_STATE,
    Flags,
    Floats,
    Ints,
    PageColumns,
    state_names,
)
from optical_memory.session.forgetting.condensing import condense_pages
from optical_memory.session.forgetting.knapsack import Choice, Problem, choose
from optical_memory.session.forgetting.outcome import NO_PAGE, Outcome, Texts, no_reasons
from optical_memory.session.forgetting.policy import CONDENSED, ForgettingPolicy, PageState
from optical_memory.session.forgetting.worth import problem_of

__all__ = [
    "Step",
    "plan",
    "tokens_kept",
    "value_kept",
]


@dataclass(frozen=True, slots=True)
class Step:
    """Page `page` fades to `rung`: a rung's name, "stub" or "forgotten"; `reason` says why.

    With `rung` "condensed", its best sentences go on the page `into`, the first of their run.
    """

    page: str
    rung: str
    reason: str = ""
    into: str | None = None


def tokens_kept(pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder) -> int:
    """Tokens that these pages use of the capacity: of pictures, their facts, and stubs.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    columns = PageColumns.of(pages, ladder)
    return int(columns.tokens(columns.states, policy).sum())


def value_kept(
    pages: Sequence[PageState],
    policy: ForgettingPolicy,
    ladder: Ladder,
    now: datetime | None = None,
) -> float:
    """The sum of weight times fidelity of these pages: `plan` keeps it as great as it can.

    Pages that are still text count nothing. Raises `KeyError` as `tokens_kept`.
    """
    columns = PageColumns.of(pages, ladder)
    problem = problem_of(columns, policy, _in_utc(now))
    return problem.value(np.maximum(columns.states, FORGOTTEN_STATE))


def plan(
    pages: Sequence[PageState],
    capacity: int | None,
    policy: ForgettingPolicy,
    ladder: Ladder,
    now: datetime | None = None,
) -> list[Step]:
    """The steps that are due: at most one a page, the oldest page first.

    >>> from optical_memory.profiles import V1_LADDER
    >>> pages = [PageState(str(i), i, "base", {"base": 1.0, "tiny": 0.99}) for i in range(2)]
    >>> steps = plan(pages, 400, ForgettingPolicy(), V1_LADDER)
    >>> [(step.page, step.rung) for step in steps]
    [('0', 'tiny')]
    >>> steps[0].reason
    'capacity: base is worth 0.049 per 1,000 tokens, the limit is 0.049'

    Without a capacity pages fade to the rung of their age, or to the smallest legible rung before
    it. With a capacity there are no steps if they fit it; else pages fade to the states in which
    they are worth most together, within `policy.slack` of it, or nearer to it if pages must be
    lost. A page fades to a smaller rung that is not below the floor, to a stub, or to nothing; it
    never comes back. If not even all pages at their last legible rungs fit, neighbours are
    condensed (`ForgettingPolicy.condense`), and pages are lost only where that is not enough.
    Pinned pages use capacity but stay, so they alone may exceed it; then no other page keeps
    anything that costs tokens. Planning on the result gives no steps.

    Certified pages past the policy's term are forgotten, with or without a capacity. `now` is the
    time from which ages count, by default the present.

    The same pages in any order give the same steps. `bench --only plan` tells how long it takes.
    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    moment = _in_utc(now)
    columns = PageColumns.of(pages, ladder)
    is_expired = _is_expired(columns, policy, moment)
    may_fade = (columns.states > FORGOTTEN_STATE) & ~columns.is_pinned & ~is_expired
    if capacity is None:
        outcome = _by_age(columns, may_fade, policy, moment)
    else:
        outcome = _by_capacity(columns, may_fade, is_expired, capacity, policy, moment)
    return _steps(columns, _after_term(outcome, is_expired, policy))


def _in_utc(now: datetime | None) -> datetime:
    return datetime.now(UTC) if now is None else now.astimezone(UTC)


def _after_term(outcome: Outcome, is_expired: Flags, policy: ForgettingPolicy) -> Outcome:
    """The outcome, with the pages past their term forgotten."""
    return replace(
        outcome,
        states=np.where(is_expired, FORGOTTEN_STATE, outcome.states),
        reasons=np.where(is_expired, f"term: older than {policy.keep_for}", outcome.reasons),
    )


def _steps(columns: PageColumns, outcome: Outcome) -> list[Step]:
    names = state_names(columns.ladder)
    pages = columns.pages
    has_changed = (outcome.states != columns.states) | (outcome.targets != NO_PAGE)
    changes = np.flatnonzero(has_changed)[::-1]
    ids = [pages[i].page for i in changes.tolist()]
    rungs = [names[state] for state in outcome.states[changes].tolist()]
    reasons = outcome.reasons[changes].tolist()
    targets = outcome.targets[changes].tolist()
    if max(targets, default=NO_PAGE) == NO_PAGE:
        return list(map(Step, ids, rungs, reasons))
    homes = [None if target == NO_PAGE else pages[target].page for target in targets]
    rungs = [rung if home is None else CONDENSED for rung, home in zip(rungs, homes, strict=True)]
    return list(map(Step, ids, rungs, reasons, homes))


def _is_expired(columns: PageColumns, policy: ForgettingPolicy, now: datetime) -> Flags:
    """(n,) True for pages past the term. The turns of a page that is still text have their text."""
    if policy.keep_for is None:
        return np.zeros(len(columns.pages), np.bool_)
    days = columns.ages("days", now)
    is_old: Flags = days > policy.keep_for / timedelta(days=1)
    return is_old & (columns.states > FORGOTTEN_STATE) & ~columns.is_pinned


# ---- by age --------------------------------------------------------------------------------------


def _by_age(
    columns: PageColumns, may_fade: Flags, policy: ForgettingPolicy, now: datetime
) -> Outcome:
    schedule = policy.schedule
    ages = columns.ages_at_point(schedule.unit, now, policy.every)
    if policy.pages_per_hit:
        ages = ages - policy.pages_per_hit * np.array([page.hits for page in columns.pages])
    n_steps = np.searchsorted(schedule.ages, np.nan_to_num(ages), side="right")
    finest = len(columns.ladder) + 1
    lowest_states = finest - n_steps
    states = columns.states.copy()
    may_have = columns.may_have(policy)
    for state in range(finest, FORGOTTEN_STATE + 1, -1):
        is_due = may_fade & may_have[state] & (state >= lowest_states)
        states[is_due] = state
    limits = [f"age: {limit:g} {schedule.unit} or more" for limit in schedule.ages]
    texts = np.array(["", *limits], np.object_)
    return Outcome.uncondensed(states, texts[n_steps])


# ---- by capacity ---------------------------------------------------------------------------------


def _by_capacity(
    columns: PageColumns,
    may_fade: Flags,
    is_expired: Flags,
    capacity: int,
    policy: ForgettingPolicy,
    now: datetime,
) -> Outcome:
    tokens = np.where(is_expired, 0.0, columns.tokens(columns.states, policy))
    if tokens.sum() <= capacity:
        return Outcome.uncondensed(columns.states, no_reasons(len(columns.pages)))
    n_pinned_tokens = int(tokens[~may_fade].sum())
    pages = np.flatnonzero(may_fade)
    capacity = max(0, capacity - n_pinned_tokens)
    lossless_states = columns.lossless_states(policy)
    n_lossless = float(columns.tokens(lossless_states, policy)[pages].sum())
    room = _room(capacity, n_lossless, policy)
    if policy.condense and n_lossless > capacity:
        states = np.where(may_fade, lossless_states, columns.states)
        return condense_pages(columns, states, may_fade, room, capacity, policy, now)
    problem = problem_of(columns, policy, now).part(pages)
    choice = choose(problem, room)
    states = columns.states.copy()
    states[pages] = choice.states
    reasons = no_reasons(len(states))
    reasons[pages] = _reasons(problem, columns.states[pages], choice, columns.ladder)
    return Outcome.uncondensed(states, reasons)


def _room(capacity: int, n_lossless: float, policy: ForgettingPolicy) -> int:
    """The tokens to fade down to, of the part of the capacity that pinned pages leave to the rest.

    No page is lost for slack that finer pictures can make.
    """
    if n_lossless <= capacity:
        return int(max(policy.slack * capacity, n_lossless))
    return int(max(policy.slack, policy.slack_of_loss) * capacity)


def _reasons(problem: Problem, states: Ints, choice: Choice, ladder: Ladder) -> Texts:
    """(n,) why each page leaves its state: what that would be worth, and the limit."""
    reasons = no_reasons(len(states))
    limit = f"the limit is {1_000 * choice.limit:.2g}"
    has_changed = choice.states != states
    for state, name in enumerate(state_names(ladder)):
        pages = np.flatnonzero(has_changed & (states == state))
        new_states = choice.states[pages]
        worths, numbers = np.unique(
            _two_digits(1_000 * problem.gains(new_states, states[pages], pages)),
            return_inverse=True,
        )
        texts = [f"capacity: {name} is worth {x:.2g} per 1,000 tokens, {limit}" for x in worths]
        reasons[pages] = np.array(texts, np.object_)[numbers]
    return reasons


def _two_digits(values: Floats) -> Floats:
    """Values of 0 or more, each rounded to two digits, so that few texts are made of many."""
    numbers = values.copy()
    is_plain = (values > 0) & (values < np.inf)
    units = 10 ** (np.floor(np.log10(values[is_plain])) - 1)
    numbers[is_plain] = np.round(values[is_plain] / units) * units
    return numbers
