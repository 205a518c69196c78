"""Runs: which neighbouring pages go on one page, so that a capacity costs sentences, not pages.

From pages as numbers to runs of them. Two neighbours at a time become one, those first that lose
least value per token; what they are is a neighbour again. So with less room the same runs grow on.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from optical_memory.session.forgetting.columns import Flags, Floats, Ints
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.forgetting.worth import condensed_shares

__all__ = [
    "Candidates",
    "choose_runs",
]

Join = tuple[float, int, int, int, int]  # value per token, minus older, newer, stamps of both


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


def choose_runs(pages: Candidates, excess: float, policy: ForgettingPolicy) -> list[list[int]]:
    """Runs of two pages or more, each the newest first, that save at least `excess` tokens.

    If all runs that there may be save less, gives all of them. A run costs as much as the page in
    it that costs most, and stands for `policy.most_pages` at most.
    """
    chain = _Chain(pages, policy)
    chain.start(1 + math.ceil(max(0.0, excess) / pages.costs.min(initial=np.inf)))
    while excess > 0:
        join = chain.pop()
        if join is None:
            break
        excess -= chain.join(*join)
    return chain.runs()


class _Chain:
    """Pages and what has become of them, each with its newer and its older neighbour.

    A run is named by its oldest page. A `stamp` counts how often a run has grown.
    """

    def __init__(self, pages: Candidates, policy: ForgettingPolicy) -> None:
        self._pages = pages
        self._policy = policy
        sizes = np.arange(1, policy.most_pages + 1, dtype=np.float64)
        self._shares = [0.0, *condensed_shares(sizes, policy).tolist()]
        n = len(pages.costs)
        older = np.where(pages.has_neighbour, np.arange(1, n + 1), -1)
        self._older = older.tolist()
        self._newer = [-1, *np.where(pages.has_neighbour, np.arange(n), -1).tolist()][:n]
        self._costs = pages.costs.tolist()
        self._sizes = pages.n_pages.astype(int).tolist()
        self._saliences = pages.saliences.tolist()
        self._decays = pages.decays.tolist()
        self._stamps: defaultdict[int, int] = defaultdict(int)
        self._members: dict[int, list[int]] = {}
        self._joins: list[Join] = []

    def start(self, n_joins: int) -> None:
        """Weigh the first joins, as many as so many joins can need.

        Each join takes one of them, and makes two others void.
        """
        pages = self._pages
        (newer,) = pages.has_neighbour.nonzero()
        older = newer + 1
        sizes = pages.n_pages[newer] + pages.n_pages[older]
        fits = sizes <= self._policy.most_pages
        newer = newer[fits]
        order = np.argsort(self._slopes(newer), kind="stable")[: 4 * n_joins]
        for i in sorted(newer[order].tolist()):
            self._weigh(i, i + 1)

    def _slopes(self, newer: Ints) -> Floats:
        """(m,) the value per token that each of these pages loses, joined with its neighbour."""
        pages = self._pages
        older = newer + 1
        values = pages.saliences * pages.decays * condensed_shares(pages.n_pages, self._policy)
        shares = condensed_shares(pages.n_pages[newer] + pages.n_pages[older], self._policy)
        value = (pages.saliences[newer] + pages.saliences[older]) * pages.decays[older] * shares
        savings = np.minimum(pages.costs[newer], pages.costs[older])
        slopes: Floats = (values[newer] + values[older] - value) / savings
        return slopes

    def _weigh(self, newer: int, older: int) -> None:
        """Note the join of two neighbours, unless they stand for too many pages."""
        size = self._sizes[newer] + self._sizes[older]
        if size > self._policy.most_pages:
            return
        salience = self._saliences[newer] + self._saliences[older]
        value = salience * self._decays[older] * self._shares[size]
        loss = self._value(newer) + self._value(older) - value
        slope = loss / min(self._costs[newer], self._costs[older])
        join = (slope, -older, newer, self._stamps[newer], self._stamps[older])
        heapq.heappush(self._joins, join)

    def _value(self, i: int) -> float:
        value: float = self._saliences[i] * self._decays[i] * self._shares[self._sizes[i]]
        return value

    def pop(self) -> tuple[int, int] | None:
        """The neighbours (newer, older) that lose least value per token; None if none may join."""
        while self._joins:
            _, minus_older, newer, newer_stamp, older_stamp = heapq.heappop(self._joins)
            older = -minus_older
            stamps = (self._stamps[newer], self._stamps[older])
            if stamps == (newer_stamp, older_stamp):
                return newer, older
        return None

    def join(self, newer: int, older: int) -> float:
        """Make one run of two; the tokens that it saves."""
        saving: float = min(self._costs[newer], self._costs[older])
        self._costs[older] = max(self._costs[newer], self._costs[older])
        self._sizes[older] += self._sizes[newer]
        self._saliences[older] += self._saliences[newer]
        newer_members = self._members.pop(newer, [newer])
        self._members[older] = [*newer_members, *self._members.get(older, [older])]
        self._stamps[newer] += 1
        self._stamps[older] += 1
        neighbour = self._newer[newer]
        self._newer[older] = neighbour
        if neighbour >= 0:
            self._older[neighbour] = older
            self._weigh(neighbour, older)
        if self._older[older] >= 0:
            self._weigh(older, self._older[older])
        return saving

    def runs(self) -> list[list[int]]:
        """The runs of two pages or more, the newest first."""
        return sorted(self._members.values())
