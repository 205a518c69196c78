"""What pages are worth: the weight of each page, and how much of it each state keeps."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.columns import STUB_STATE, Floats, PageColumns
from optical_memory.session.forgetting.knapsack import Problem
from optical_memory.session.forgetting.policy import ForgettingPolicy, Weights

__all__ = [
    "DETAIL",
    "LEAST_SALIENCE",
    "condensed_shares",
    "decays",
    "page_weights",
    "problem_of",
    "saliences",
]

DETAIL = 0.001
"""What the finest rung adds to its agreement, and smaller rungs by the square root of their tokens.

It decides between rungs that read equally well: the finer has more margin, for another reader too.
By the root each further token adds less: the newest pages are the finest, then come bands.
"""

LEAST_SALIENCE = 0.01
"""Of a page that a caller wants least: it goes before all others, but is kept if there is room."""


def page_weights(columns: PageColumns, policy: ForgettingPolicy, now: datetime) -> Floats:
    """(n,) the weight of each page, by the formula of `Weights`; of a page that was condensed, the
    share of it that is left.
    """
    n_pages = columns.n_pages
    weights = saliences(columns, policy.weights) * decays(columns, policy.weights, now)
    if n_pages.max(initial=1) > 1:
        weights *= condensed_shares(n_pages, policy)
    return weights


def saliences(columns: PageColumns, weights: Weights) -> Floats:
    """(n,) the weight of each page as if it were new; a condensed page counts as all its pages."""
    per_hit = weights.per_hit
    per_fact = weights.per_fact
    values = np.array(
        [page.feedback + per_hit * page.hits + per_fact * page.n_facts for page in columns.pages],
        np.float64,
    )
    saliences: Floats = np.maximum(values + columns.n_pages, LEAST_SALIENCE)
    return saliences


def decays(columns: PageColumns, weights: Weights, now: datetime) -> Floats:
    """(n,) how much of its weight each page has left at its age."""
    decays: Floats = 1.0 / (1.0 + _without_gaps(columns.ages(weights.unit, now)) / weights.half_age)
    return decays


def condensed_shares(n_pages: Floats, policy: ForgettingPolicy) -> Floats:
    """(n,) how much of their worth so many pages keep on one page."""
    shares: Floats = np.interp(
        np.log2(n_pages), np.arange(len(policy.condensed_shares)), policy.condensed_shares
    )
    return shares


def _without_gaps(ages: Floats) -> Floats:
    """Ages of 0 or more; that of the next newer page in place of nan, 0 if there is none."""
    sources = np.where(np.isnan(ages), 0, np.arange(len(ages)))
    ages = ages[np.maximum.accumulate(sources)]
    return np.maximum(np.nan_to_num(ages), 0.0)


def problem_of(columns: PageColumns, policy: ForgettingPolicy, now: datetime) -> Problem:
    """The choice of a state for each page that is there, as numbers."""
    costs = np.where(columns.may_have(policy), columns.costs(policy), np.inf)
    shares = np.zeros_like(costs)
    shares[STUB_STATE] = policy.stub_share
    shares[STUB_STATE + 1 :] = columns.agreements + _details(columns.ladder)[:, None]
    return Problem(costs, shares, page_weights(columns, policy, now))


def _details(ladder: Ladder) -> Floats:
    """(r,) of each rung, the smallest first."""
    n_tokens = np.array([rung.n_tokens for rung in reversed(ladder)], np.float64)
    details: Floats = DETAIL * np.sqrt(n_tokens / n_tokens[-1:])
    return details
