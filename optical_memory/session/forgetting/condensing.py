"""The plan where not even all pages at their last legible rung fit: what is condensed, what goes.

Pages fade to their last legible rung, and neighbours become one page until the capacity holds all.
Only if all pages are condensed as far as they may, stubs are made and pages are lost.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from optical_memory.session.forgetting.columns import (
    FORGOTTEN_STATE,
    STUB_STATE,
    Flags,
    Floats,
    Ints,
    PageColumns,
)
from optical_memory.session.forgetting.knapsack import Problem, choose
from optical_memory.session.forgetting.outcome import NO_PAGE, Outcome, Texts, no_reasons
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.forgetting.runs import Candidates, choose_runs
from optical_memory.session.forgetting.worth import condensed_shares, decays, saliences

__all__ = [
    "condense_pages",
]

LOSSLESS = 2
"""The state of a page of the small problem here: as it is at its last legible rung."""


def condense_pages(
    columns: PageColumns,
    states: Ints,
    may_fade: Flags,
    room: float,
    capacity: float,
    policy: ForgettingPolicy,
    now: datetime,
) -> Outcome:
    """Fade and condense pages until they fit `room`; pages are lost only if that is too little.

    `states` (n,) are those at their last legible rungs, where pages may fade. `capacity` is that of
    the pages that may fade, and `room` a little less. What fits the capacity once all is condensed
    stays.
    """
    costs = np.where(may_fade, columns.tokens(states, policy), 0.0)
    joiners = np.flatnonzero(may_fade & columns.can_condense & (states > STUB_STATE))
    candidates = _candidates(columns, joiners, costs, policy, now)
    targets = np.arange(len(states))
    targets[joiners] = joiners[choose_runs(candidates, costs.sum() - room, policy)]
    others = np.flatnonzero(targets != np.arange(len(states)))
    np.maximum.at(costs, targets[others], costs[others])
    costs[others] = 0.0
    is_alone = np.ones(len(states), np.bool_)
    is_alone[others] = False
    is_alone[targets[others]] = False
    targets[is_alone] = NO_PAGE
    outcome = Outcome(states, targets, _reasons(columns, states, targets, policy))
    if costs.sum() <= max(room, capacity):
        return outcome
    return _with_losses(columns, outcome, costs, room, policy, now)


def _reasons(columns: PageColumns, states: Ints, targets: Ints, policy: ForgettingPolicy) -> Texts:
    """(n,) why each page fades or goes on another page."""
    reasons = no_reasons(len(states))
    reasons[states != columns.states] = "capacity: the last legible rung, before pages are lost"
    (members,) = (targets != NO_PAGE).nonzero()
    n_pages = np.zeros(len(states), np.intp)
    np.add.at(n_pages, targets[members], columns.n_pages[members].astype(int))
    sizes = range(policy.most_pages + 1)
    texts = [f"capacity: the best of {n} pages goes on one" for n in sizes]
    reasons[members] = np.array(texts, np.object_)[n_pages[targets[members]]]
    return reasons


def _candidates(
    columns: PageColumns, pages: Ints, costs: Floats, policy: ForgettingPolicy, now: datetime
) -> Candidates:
    """These pages as numbers. Pages of which nothing is left stand between no neighbours."""
    places = np.cumsum(columns.states != FORGOTTEN_STATE)[pages]
    return Candidates(
        costs=costs[pages],
        n_pages=columns.n_pages[pages],
        saliences=saliences(columns, policy.weights)[pages],
        decays=decays(columns, policy.weights, now)[pages],
        has_neighbour=np.diff(places, append=-1) == 1,
    )


def _with_losses(
    columns: PageColumns,
    outcome: Outcome,
    costs: Floats,
    room: float,
    policy: ForgettingPolicy,
    now: datetime,
) -> Outcome:
    """The outcome, with the pages and runs that are worth least as stubs or forgotten."""
    pages = np.flatnonzero(costs > 0)
    choice = choose(_problem(columns, outcome, pages, costs, policy, now), room)
    states = outcome.states.copy()
    targets = outcome.targets.copy()
    reasons = outcome.reasons.copy()
    for i, state in zip(pages.tolist(), choice.states.tolist(), strict=True):
        if state == LOSSLESS or state == columns.states[i]:
            continue
        members = np.flatnonzero(outcome.targets == i) if outcome.targets[i] == i else [i]
        states[members] = FORGOTTEN_STATE
        states[i] = state
        targets[members] = NO_PAGE
        reasons[members] = f"capacity: worth less than {1_000 * choice.limit:.2g} per 1,000 tokens"
    return Outcome(states, targets, reasons)


def _problem(
    columns: PageColumns,
    outcome: Outcome,
    pages: Ints,
    costs: Floats,
    policy: ForgettingPolicy,
    now: datetime,
) -> Problem:
    """The choice between nothing, a stub, and the last legible rung, for pages and runs.

    A run is no stub: it was not drawn yet, so nobody has its words.
    """
    is_stub = outcome.states[pages] == STUB_STATE
    may_be_stub = columns.may_have(policy)[STUB_STATE, pages] & (outcome.targets[pages] == NO_PAGE)
    stubs = np.where(may_be_stub | is_stub, float(policy.stub_tokens), np.inf)
    pictures = np.where(is_stub, np.inf, costs[pages])
    agreements = columns.agreements[np.maximum(outcome.states[pages] - STUB_STATE - 1, 0), pages]
    shares = np.stack([np.zeros(len(pages)), np.full(len(pages), policy.stub_share), agreements])
    weights = _weights(columns, outcome, policy, now)[pages]
    return Problem(np.stack([np.zeros(len(pages)), stubs, pictures]), shares, weights)


def _weights(
    columns: PageColumns, outcome: Outcome, policy: ForgettingPolicy, now: datetime
) -> Floats:
    """(n,) the weight of each page, or of the run of which it is the first page."""
    page_saliences = saliences(columns, policy.weights)
    n_pages = columns.n_pages.copy()
    (members,) = (outcome.targets != NO_PAGE).nonzero()
    targets = outcome.targets[members]
    others = members[members != targets]
    np.add.at(page_saliences, outcome.targets[others], page_saliences[others])
    np.add.at(n_pages, outcome.targets[others], n_pages[others])
    n_pages = np.minimum(n_pages, policy.most_pages)
    shares = condensed_shares(n_pages, policy)
    weights: Floats = page_saliences * decays(columns, policy.weights, now) * shares
    return weights
