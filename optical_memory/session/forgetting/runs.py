"""Runs: which neighbouring pages go on one page, so that a capacity costs sentences, not pages.

From pages as numbers to runs of them. Two neighbours at a time become one, those first that lose
least value per token; what they are is a neighbour again. So with less room the same runs grow on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from optical_memory.session.forgetting.columns import Flags, Floats, Ints
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.forgetting.worth import condensed_shares

__all__ = [
    "Candidates",
    "choose_runs",
]

Join = tuple[float, int, int, int]  # value per token, minus older, newer, pages of both


@dataclass(frozen=True)
class Candidates:
    """n pages that may be condensed, the newest first: (n,) arrays.

    `has_neighbour` is True if the next page in the arrays, which is older, is the neighbour.
    `costs` are in tokens. `n_pages` counts the pages that each stands for, `saliences` and `decays`
    are those of `worth`.
    """

    costs: Floats
    n_pages: Floats
    saliences: Floats
    decays: Floats
    has_neighbour: Flags


def choose_runs(pages: Candidates, excess: float, policy: ForgettingPolicy) -> Ints:
    """(n,) the oldest page of the run of each page, itself if it is in none.

    The runs save at least `excess` tokens; if all that there may be save less, these. A run costs
    as much as the page in it that costs most, and stands for `policy.most_pages` at most.
    """
    n_joins = 1 + math.ceil(max(0.0, excess) / pages.costs.min(initial=np.inf))
    chain = _Chain(pages, policy, n_joins)
    while excess > 0:
        join = chain.pop()
        if join is None:
            break
        excess -= chain.join(*join)
    return chain.oldest_pages()


class _Chain:
    """Pages and what has become of them. A run is named by its oldest page.

    A page that is in another's run has the size 0. Sizes tell if a join is still due: a run that
    has grown has another.

    Only as many of the first joins are looked at as `n_joins` joins can need: each takes one of
    them, and makes two others void. The last of them is the limit for what runs may lose later.
    """

    def __init__(self, pages: Candidates, policy: ForgettingPolicy, n_joins: int) -> None:
        self._most_pages = policy.most_pages
        sizes = np.arange(1, self._most_pages + 1, dtype=np.float64)
        shares = np.append(0.0, condensed_shares(sizes, policy))
        sizes_of_pages = pages.n_pages.astype(int)
        shares_of_pages = shares[np.minimum(sizes_of_pages, self._most_pages)]
        values = pages.saliences * pages.decays * shares_of_pages
        self._shares = shares.tolist()
        self._has_neighbour = pages.has_neighbour.tolist()
        self._costs = pages.costs.tolist()
        self._sizes = sizes_of_pages.tolist()
        self._saliences = pages.saliences.tolist()
        self._decays = pages.decays.tolist()
        self._values = values.tolist()
        self._newest: dict[int, int] = {}  # of runs by their oldest page
        self._oldest: dict[int, int] = {}  # of runs by their newest page
        slopes = _slopes(pages, sizes_of_pages, values, shares)
        self._limit = _limit(slopes, 3 * n_joins)
        first_pages = _pages_by_slope(slopes, self._limit)
        self._first_pages = first_pages.tolist()
        self._first_slopes = slopes[first_pages].tolist()
        self._joins: list[Join] = []  # a heap

    def pop(self) -> tuple[int, int] | None:
        """The neighbours (newer, older) that lose least value per token; None if none may join."""
        sizes = self._sizes
        joins = self._joins
        page = self._next_page()
        bound = (math.inf, 0) if page is None else (self._first_slopes[-1], -page - 1)
        while joins and joins[0] < bound:
            _, minus_older, newer, size = heappop(joins)
            older = -minus_older
            if sizes[newer] and sizes[older] and sizes[newer] + sizes[older] == size:
                return newer, older
        return None if page is None else (page, page + 1)

    def _next_page(self) -> int | None:
        """The page whose first join with the next older is the best of those that are still due."""
        while self._first_pages:
            page: int = self._first_pages[-1]
            if self._sizes[page] and self._sizes[page + 1] and page not in self._newest:
                return page
            self._first_pages.pop()
            self._first_slopes.pop()
        return None

    def join(self, newer: int, older: int) -> float:
        """Make one run of two; the tokens that it saves."""
        costs = self._costs
        size = self._sizes[newer] + self._sizes[older]
        salience = self._saliences[newer] + self._saliences[older]
        saving: float = min(costs[newer], costs[older])
        costs[older] = max(costs[newer], costs[older])
        self._sizes[older] = size
        self._sizes[newer] = 0
        self._saliences[older] = salience
        self._values[older] = salience * self._decays[older] * self._shares[size]
        newest = self._newest.pop(newer, newer)
        self._newest[older] = newest
        self._oldest[newest] = older
        if newest > 0 and self._has_neighbour[newest - 1]:
            self._weigh(newest - 1, older)
        if self._has_neighbour[older]:
            self._weigh(older, self._oldest.get(older + 1, older + 1))
        return saving

    def _weigh(self, newer: int, older: int) -> None:
        """Note the join of two neighbours, unless they stand for too many pages.

        A join above the limit never comes first.
        """
        size = self._sizes[newer] + self._sizes[older]
        if size > self._most_pages:
            return
        salience = self._saliences[newer] + self._saliences[older]
        value = salience * self._decays[older] * self._shares[size]
        loss = self._values[newer] + self._values[older] - value
        slope = loss / min(self._costs[newer], self._costs[older])
        if slope <= self._limit:
            heappush(self._joins, (slope, -older, newer, size))

    def oldest_pages(self) -> Ints:
        """(n,) the oldest page of the run of each page."""
        names = np.flatnonzero(np.array(self._sizes))
        oldest_pages: Ints = np.repeat(names, np.diff(names, prepend=-1))
        return oldest_pages


def _slopes(pages: Candidates, sizes: Ints, values: Floats, shares: Floats) -> Floats:
    """(n - 1,) the value per token that each page loses, joined with the next older.

    It is inf for pages that may not be joined. `shares` are by size.
    """
    size = sizes[:-1] + sizes[1:]
    may_join = pages.has_neighbour[:-1] & (size < len(shares))
    share = shares[np.where(may_join, size, 0)]
    value = (pages.saliences[:-1] + pages.saliences[1:]) * pages.decays[1:] * share
    savings = np.minimum(pages.costs[:-1], pages.costs[1:])
    return np.where(may_join, (values[:-1] + values[1:] - value) / savings, np.inf)


def _limit(slopes: Floats, n_joins: int) -> float:
    """The greatest of the `n_joins` least slopes and the next; inf if there are not so many."""
    if n_joins >= len(slopes):
        return math.inf
    return float(np.partition(slopes, n_joins)[n_joins])


def _pages_by_slope(slopes: Floats, limit: float) -> Ints:
    """The pages whose join with the next older is within the limit, the best last."""
    (pages,) = ((slopes <= limit) & (slopes < np.inf)).nonzero()
    return pages[np.argsort(-slopes[pages], kind="stable")]
