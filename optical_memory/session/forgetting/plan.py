"""Who fades when, as a pure plan: pages and a capacity in, steps out.

The capacity counts the visual tokens that a session keeps, as the decoder receives them. A page
that is still text has none and costs 0; it is charged once it is certified. Without a capacity
pages fade with age, by the policy's schedule, and none is lost. With a capacity pages stand in
bands of age, the finest rung for the newest: a page leaves a state when it is `growth` times as old
as when it came to it, and the capacity sets the pace.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB, ForgettingPolicy, PageState

__all__ = [
    "Step",
    "plan",
    "tokens_kept",
]


@dataclass(frozen=True, slots=True)
class Step:
    """Page `page` fades to `rung`: a rung's name, "stub" or "forgotten"."""

    page: str
    rung: str


def tokens_kept(pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder) -> int:
    """Visual tokens that these pages use of the capacity.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    cost = _costs(policy, ladder)
    return sum(cost[page.rung] for page in pages)


def plan(
    pages: Sequence[PageState],
    capacity: int | None,
    policy: ForgettingPolicy,
    ladder: Ladder,
    now: datetime | None = None,
) -> list[Step]:
    """The steps that are due: at most one a page, the oldest page first.

    Without a capacity pages fade to the rung of their age, or to the smallest legible rung before
    it. With a capacity there are no steps if they fit it; else the oldest pages fade first and
    farthest. If a page's next rung is below the floor, it skips to its smallest rung that is not.
    If there is none, it goes to the stub, then to nothing. Pinned pages use capacity but stay, so
    they alone may exceed it; then no other page keeps anything that costs tokens. Planning on the
    result gives no steps.

    Certified pages past the policy's term are forgotten, with or without a capacity. `now` is the
    time from which ages count, by default the present.

    Raises `KeyError` for a page at a rung that the ladder does not have.
    """
    moment = now or datetime.now(UTC)
    rungs = {page.page: page.rung for page in pages}
    rungs.update((page.page, FORGOTTEN) for page in pages if _is_expired(page, policy, moment))
    rest = [page for page in pages if rungs[page.page] == page.rung]
    if capacity is None:
        rungs.update(_rungs_by_age(rest, policy, ladder, moment))
    else:
        rungs.update(_rungs_by_capacity(rest, capacity, policy, ladder))
    steps: list[Step] = []
    for page in sorted(pages, key=_by_age):
        rung = rungs[page.page]
        if rung is not None and rung != page.rung:
            steps.append(Step(page.page, rung))
    return steps


def _is_expired(page: PageState, policy: ForgettingPolicy, now: datetime) -> bool:
    if policy.keep_for is None or page.last_when is None or page.rung is None or page.pinned:
        return False  # the turns of a page that is still text have their text
    return _since(page.last_when, now) > policy.keep_for


def _since(time: datetime, now: datetime) -> timedelta:
    """The time that has passed; a time without a zone is of the zone of this machine."""
    return now - (time if time.tzinfo is not None else time.astimezone())


# ---- by age --------------------------------------------------------------------------------------


def _rungs_by_age(
    pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder, now: datetime
) -> dict[str, str]:
    """The rungs of the pages that fade, by page."""
    rungs: dict[str, str] = {}
    ages = _schedule_ages(pages, policy, now)
    for page in pages:
        if page.rung in (None, STUB, FORGOTTEN) or page.pinned:
            continue
        n_steps = policy.schedule.n_steps(ages.get(page.page, 0.0))
        due_rungs = ladder.names[: n_steps + 1]
        legible = [
            rung.name
            for rung in ladder.coarser(page.rung)
            if rung.name in due_rungs and _is_legible(page, rung.name, policy)
        ]
        if legible:
            rungs[page.page] = legible[-1]
    return rungs


def _schedule_ages(
    pages: Sequence[PageState], policy: ForgettingPolicy, now: datetime
) -> dict[str, float]:
    """Ages in the schedule's unit, 0 for the newest; pages whose age is unknown are left out."""
    if policy.schedule.unit == "pages":
        return {page: age - 1 for page, age in _ages(pages, policy).items()}
    if policy.schedule.unit == "turns":
        turns = {page.page: page.last_turn for page in pages if page.last_turn is not None}
        newest = max(turns.values(), default=0)
        return {page: float(newest - turn) for page, turn in turns.items()}
    times = {page.page: page.last_when for page in pages if page.last_when is not None}
    return {page: _since(time, now) / timedelta(days=1) for page, time in times.items()}


def _is_legible(page: PageState, rung: str, policy: ForgettingPolicy) -> bool:
    return page.agreement.get(rung, 0.0) >= policy.floor


# ---- by capacity ---------------------------------------------------------------------------------


def _rungs_by_capacity(
    pages: Sequence[PageState], capacity: int, policy: ForgettingPolicy, ladder: Ladder
) -> dict[str, str | None]:
    """The rung of each page after it all fits the capacity."""
    cost = _costs(policy, ladder)
    rungs = {page.page: page.rung for page in pages}
    total = sum(cost[page.rung] for page in pages)
    if total <= capacity:
        return rungs
    target = _target(pages, capacity, policy, cost)
    queue = _Queue(pages, policy, ladder, cost)
    while total > target:
        step = queue.pop()
        if step is None:
            break
        total += cost[step.rung] - cost[rungs[step.page]]
        rungs[step.page] = step.rung
    return rungs


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
            legible = [r for r in coarser if _is_legible(page, r.name, self._policy)]
            if not legible:
                break
            rung = legible[0] if legible[0] == coarser[0] else legible[-1]
            rungs.append(rung.name)
            coarser = self._ladder.coarser(rung.name)
        return rungs


def _ages(pages: Sequence[PageState], policy: ForgettingPolicy) -> dict[str, float]:
    """Age in pages: 1 for the newest. Hits make a page younger, but no page is younger than 1."""
    ages: dict[str, float] = {}
    for age, page in enumerate(sorted(pages, key=_by_age, reverse=True), 1):
        ages[page.page] = max(1.0, age - policy.pages_per_hit * page.hits)
    return ages
