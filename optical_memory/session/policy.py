"""Which page fades to what, as a pure plan: pages and a capacity in, steps out.

capacity counts the visual tokens that a session keeps, as the decoder receives them. A page that is
still text has none and costs 0; it is charged when it is certified. Pages stand in bands of age,
the finest rung for the newest: a page leaves each state when it is `growth` times as old as when it
came to it, at whatever pace the capacity asks for.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from optical_memory.profiles import Rung

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

STUB = "stub"
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as the plan sees it. `rung` is None while it is still text, a rung's name, "stub" or
    "forgotten".

    `ordinal` orders pages by age (0 is the oldest), `agreement` is its certificate by rung, `hits`
    how often it was recalled, and a `pinned` page never fades.
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

    `floor`: a page fades to a rung only where its certificate's agreement is at least this.
    `last_resort`: what a page keeps below its last rung, a "stub" of `stub_tokens` until it too
    must go, or nothing. `slack`: once capacity is exceeded, fade down to this share of it, so that
    steps come in chunks and what an agent has in its prompt cache stays the same between them.
    `growth`: how much older a page is when it leaves a state than when it came to it (1: pages go
    at once from the finest rung to nothing, oldest first: truncation). `pages_per_hit`: how many
    pages younger each recall makes a page (0: recall does not slow fading).
    """

    floor: float = 0.95
    last_resort: Literal["stub", "forgotten"] = "stub"
    stub_tokens: int = 32
    slack: float = 0.9
    growth: float = 2.0
    pages_per_hit: float = 0.0

    def __post_init__(self) -> None:
        if not (
            0 <= self.floor <= 1
            and 0 < self.slack <= 1
            and self.growth >= 1
            and self.pages_per_hit >= 0
        ):
            raise ValueError(
                f"floor must be in 0..1, slack in (0, 1], growth >= 1, pages_per_hit >= 0: {self}"
            )
        if self.stub_tokens < 0 or self.last_resort not in (STUB, FORGOTTEN):
            raise ValueError(
                f"stub_tokens must be >= 0 and last_resort 'stub' or 'forgotten': {self}"
            )


@dataclass(frozen=True, slots=True)
class Step:
    """Page `page` fades to `rung`: a rung's name, "stub" or "forgotten"."""

    page: str
    rung: str


def default_capacity(budget: int, ladder: Sequence[Rung]) -> int:
    """max(budget, one page at every rung): all that is kept fits the window as visual tokens, and
    the ladder has steps.

    With a budget of 8 000 and the v1 ladder that is 8 000 tokens, some 80 pages with their stubs;
    its least is 878.
    """
    return max(budget, sum(rung.n_tokens for rung in ladder))


def tokens_kept(
    pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Sequence[Rung]
) -> int:
    """Visual tokens that these pages count for against the capacity. Raises `KeyError` for a rung
    not in the ladder.
    """
    cost = _costs(policy, ladder)
    return sum(cost[page.rung] for page in pages)


def plan(
    pages: Sequence[PageState], capacity: int, policy: ForgettingPolicy, ladder: Sequence[Rung]
) -> list[Step]:
    """What must fade so that the pages fit the capacity, one step a page, the oldest first; nothing
    if they fit.

    The oldest fade first and farthest. A page whose next rung is below the floor skips to its
    smallest rung that is not, and where none is left to the stub, then to nothing. Planning on the
    result gives no steps. Pinned pages are charged but stay, so they alone may exceed the capacity;
    then nothing else that costs tokens is left.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    cost = _costs(policy, ladder)
    total = sum(cost[page.rung] for page in pages)
    if total <= capacity:
        return []
    target = _target(pages, capacity, policy, cost)
    now = {page.page: page.rung for page in pages}
    queue = _Queue(pages, policy, ladder, cost)
    while total > target and (step := queue.pop()):
        total += cost[step.rung] - cost[now[step.page]]
        now[step.page] = step.rung
    oldest_first = sorted(pages, key=_by_age)
    return [
        Step(p.page, rung)
        for p in oldest_first
        if (rung := now[p.page]) is not None and rung != p.rung
    ]


def _by_age(page: PageState) -> tuple[int, str]:
    return page.ordinal, page.page


def _costs(policy: ForgettingPolicy, ladder: Sequence[Rung]) -> dict[str | None, int]:
    return {
        None: 0,
        FORGOTTEN: 0,
        STUB: policy.stub_tokens,
        **{rung.name: rung.n_tokens for rung in ladder},
    }


def _target(
    pages: Sequence[PageState],
    capacity: int,
    policy: ForgettingPolicy,
    cost: Mapping[str | None, int],
) -> int:
    """Slack is taken of what may fade: what is pinned leaves the rest its share instead of none."""
    fixed = sum(cost[page.rung] for page in pages if page.pinned)
    return fixed + int(policy.slack * max(0, capacity - fixed))


class _Queue:
    """Pages that may fade, the most overdue first: the one whose age is largest for the state it
    would go to.
    """

    def __init__(
        self,
        pages: Sequence[PageState],
        policy: ForgettingPolicy,
        ladder: Sequence[Rung],
        cost: Mapping[str | None, int],
    ) -> None:
        self._policy = policy
        self._order = [
            *(rung.name for rung in ladder),
            *([STUB] if policy.last_resort == STUB else []),
            FORGOTTEN,
        ]
        self._roads = {
            page.page: self._road(page, [rung.name for rung in ladder], cost) for page in pages
        }
        self._ages = _ages(pages, policy)
        self._heap: list[tuple[float, int, str]] = []
        self._ordinals = {page.page: page.ordinal for page in pages}
        for page in pages:
            self._push(page.page)

    def pop(self) -> Step | None:
        """The next step, or None when nothing can fade any more."""
        if not self._heap:
            return None
        page = heapq.heappop(self._heap)[2]
        step = Step(page, self._roads[page].pop())
        self._push(page)
        return step

    def _push(self, page: str) -> None:
        if self._roads[page]:
            due = self._policy.growth ** self._order.index(self._roads[page][-1])
            heapq.heappush(self._heap, (-self._ages[page] / due, self._ordinals[page], page))

    def _road(self, page: PageState, names: list[str], cost: Mapping[str | None, int]) -> list[str]:
        """The states the page has still before it, the last first, each cheaper than the one before
        it.
        """
        if page.rung in (None, FORGOTTEN) or page.pinned:
            return []
        road: list[str] = []
        at = names.index(page.rung) if page.rung in names else len(names)
        while at + 1 < len(names):
            legible = [
                i
                for i in range(at + 1, len(names))
                if page.agreement.get(names[i], 0.0) >= self._policy.floor
            ]
            if not legible:
                break
            at = at + 1 if legible[0] == at + 1 else legible[-1]
            road.append(names[at])
        here = cost[road[-1] if road else page.rung]
        if page.rung != STUB and self._policy.last_resort == STUB and cost[STUB] < here:
            road.append(STUB)
        return [FORGOTTEN, *reversed(road)]


def _ages(pages: Sequence[PageState], policy: ForgettingPolicy) -> dict[str, float]:
    """Age in pages: 1 for the newest; each hit makes a page younger, never younger than new."""
    newest_first = sorted(pages, key=_by_age, reverse=True)
    return {
        page.page: max(1.0, age - policy.pages_per_hit * page.hits)
        for age, page in enumerate(newest_first, 1)
    }
