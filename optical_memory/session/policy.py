"""Who fades when, as a pure plan: pages and a capacity in, steps out.

The capacity counts the visual tokens that a session keeps, as the decoder receives them. A page
that is still text has none and costs 0; it is charged once it is certified. Pages stand in bands of
age, the finest rung for the newest. A page leaves a state when it is `growth` times as old as when
it came to it. The capacity sets the pace.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from optical_memory.errors import InputError
from optical_memory.profiles import Ladder

__all__ = [
    "FORGOTTEN",
    "STUB",
    "ForgettingPolicy",
    "PageState",
    "Step",
    "default_capacity",
    "plan",
    "tokens_kept",
]

# States of a page below its last rung, beside the names of rungs.
STUB = "stub"
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as the plan takes it.

    `rung` is None while the page is still text; else a rung's name, "stub" or "forgotten".
    `ordinal` orders pages by age (0 is the oldest). `agreement` is the certificate's, by rung.
    `hits` counts how often the page was recalled. A `pinned` page never fades.
    """

    page: str
    ordinal: int
    rung: str | None
    agreement: Mapping[str, float]
    hits: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class ForgettingPolicy:
    """How a session forgets.

    `floor`: a page fades to a rung only if its certificate's agreement there is at least this.
    `last_resort`: below its last rung a page becomes a "stub" of `stub_tokens`, until that too must
    go, or "forgotten" at once.
    `slack`: if the capacity is exceeded, pages fade until only this share of it is used. Steps come
    in chunks, and between them an agent's prompt cache stays valid.
    `growth`: how many times as old a page is when it leaves a state as when it came to it. With 1,
    pages go at once from the finest rung to nothing, the oldest first: truncation.
    `pages_per_hit`: how many pages younger each recall makes a page. 0: recall changes nothing.

    Raises `InputError` if a number is out of its range.
    """

    floor: float = 0.95
    last_resort: Literal["stub", "forgotten"] = "stub"
    stub_tokens: int = 32
    slack: float = 0.9
    growth: float = 2.0
    pages_per_hit: float = 0.0

    def __post_init__(self) -> None:
        in_range = {
            "floor": 0 <= self.floor <= 1,
            "slack": 0 < self.slack <= 1,
            "growth": self.growth >= 1,
            "pages_per_hit": self.pages_per_hit >= 0,
            "stub_tokens": self.stub_tokens >= 0,
            "last_resort": self.last_resort in (STUB, FORGOTTEN),
        }
        wrong = [name for name, is_right in in_range.items() if not is_right]
        if wrong:
            raise InputError(
                f"{' and '.join(wrong)} out of range: floor must be in 0..1, slack in (0, 1], "
                "growth >= 1, pages_per_hit >= 0, stub_tokens >= 0 and "
                f"last_resort 'stub' or 'forgotten': {self}"
            )


@dataclass(frozen=True, slots=True)
class Step:
    """Page `page` fades to `rung`: a rung's name, "stub" or "forgotten"."""

    page: str
    rung: str


def default_capacity(budget: int, ladder: Ladder) -> int:
    """The budget, but at least a page at every rung (visual tokens).

    Everything that is kept then fits the window as visual tokens, and the ladder has steps. With a
    budget of 8,000 and the v1 ladder that is 8,000 tokens, some 80 pages with their stubs; with any
    budget it is at least 878.
    """
    return max(budget, sum(rung.n_tokens for rung in ladder))


def tokens_kept(pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder) -> int:
    """Visual tokens that these pages use of the capacity.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    cost = _costs(policy, ladder)
    return sum(cost[page.rung] for page in pages)


def plan(
    pages: Sequence[PageState], capacity: int, policy: ForgettingPolicy, ladder: Ladder
) -> list[Step]:
    """The steps after which the pages fit the capacity: at most one step a page, the oldest first.

    No steps if they fit already. The oldest pages fade first and farthest. If a page's next rung is
    below the floor, it skips to its smallest rung that is not. If there is none, it goes to the
    stub, then to nothing. Planning on the result gives no steps. Pinned pages use capacity but
    stay, so they alone may exceed it; then no other page keeps anything that costs tokens.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    cost = _costs(policy, ladder)
    total = sum(cost[page.rung] for page in pages)
    if total <= capacity:
        return []
    target = _target(pages, capacity, policy, cost)
    rungs = {page.page: page.rung for page in pages}
    queue = _Queue(pages, policy, ladder, cost)
    while total > target:
        step = queue.pop()
        if step is None:
            break
        total += cost[step.rung] - cost[rungs[step.page]]
        rungs[step.page] = step.rung
    steps: list[Step] = []
    for page in sorted(pages, key=_by_age):
        rung = rungs[page.page]
        if rung is not None and rung != page.rung:
            steps.append(Step(page.page, rung))
    return steps


def _by_age(page: PageState) -> tuple[int, str]:
    return page.ordinal, page.page


def _costs(policy: ForgettingPolicy, ladder: Ladder) -> dict[str | None, int]:
    """Visual tokens of a page in each state; None is text."""
    costs: dict[str | None, int] = {None: 0, FORGOTTEN: 0, STUB: policy.stub_tokens}
    for rung in ladder:
        costs[rung.name] = rung.n_tokens
    return costs


def _target(
    pages: Sequence[PageState],
    capacity: int,
    policy: ForgettingPolicy,
    cost: Mapping[str | None, int],
) -> int:
    """Tokens to fade down to. Slack is a share of the part that pinned pages leave to the rest."""
    n_pinned_tokens = sum(cost[page.rung] for page in pages if page.pinned)
    return n_pinned_tokens + int(policy.slack * max(0, capacity - n_pinned_tokens))


class _Queue:
    """Pages that may fade, the most overdue first.

    A page is overdue by its age over the age that is due for its next state.
    """

    def __init__(
        self,
        pages: Sequence[PageState],
        policy: ForgettingPolicy,
        ladder: Ladder,
        cost: Mapping[str | None, int],
    ) -> None:
        self._policy = policy
        self._ladder = ladder
        self._cost = cost
        self._states = [*ladder.names, FORGOTTEN]
        if policy.last_resort == STUB:
            self._states.insert(-1, STUB)
        self._next_states = {page.page: self._states_ahead(page) for page in pages}
        self._ages = _ages(pages, policy)
        self._ordinals = {page.page: page.ordinal for page in pages}
        self._heap: list[tuple[float, int, str]] = []
        for page in pages:
            self._push(page.page)

    def pop(self) -> Step | None:
        """The next step; None if nothing can fade any more."""
        if not self._heap:
            return None
        _, _, page = heapq.heappop(self._heap)
        step = Step(page, self._next_states[page].pop())
        self._push(page)
        return step

    def _push(self, page: str) -> None:
        if not self._next_states[page]:
            return
        due = self._policy.growth ** self._states.index(self._next_states[page][-1])
        heapq.heappush(self._heap, (-self._ages[page] / due, self._ordinals[page], page))

    def _states_ahead(self, page: PageState) -> list[str]:
        """The states that the page may still fade to, the last first; each costs fewer tokens."""
        if page.rung in (None, FORGOTTEN) or page.pinned:
            return []
        states = self._rungs_ahead(page)
        last = states[-1] if states else page.rung
        may_be_stub = page.rung != STUB and self._policy.last_resort == STUB
        if may_be_stub and self._cost[STUB] < self._cost[last]:
            states.append(STUB)
        states.append(FORGOTTEN)
        return states[::-1]

    def _rungs_ahead(self, page: PageState) -> list[str]:
        """The rungs that a page fades to in turn.

        That is the next rung if it is legible, else the smallest legible rung.
        """
        rungs: list[str] = []
        coarser = self._ladder.coarser(page.rung)
        while coarser:
            legible = [r for r in coarser if self._is_legible(page, r.name)]
            if not legible:
                break
            rung = legible[0] if legible[0] == coarser[0] else legible[-1]
            rungs.append(rung.name)
            coarser = self._ladder.coarser(rung.name)
        return rungs

    def _is_legible(self, page: PageState, rung: str) -> bool:
        return page.agreement.get(rung, 0.0) >= self._policy.floor


def _ages(pages: Sequence[PageState], policy: ForgettingPolicy) -> dict[str, float]:
    """Age in pages: 1 for the newest. Hits make a page younger, but no page is younger than 1."""
    ages: dict[str, float] = {}
    for age, page in enumerate(sorted(pages, key=_by_age, reverse=True), 1):
        ages[page.page] = max(1.0, age - policy.pages_per_hit * page.hits)
    return ages
