"""How fast a long session is planned when its capacity is exceeded."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from optical_memory.measure.bench.cpu_time import (
    MEDIAN,
    P95,
    old_objects_aside,
    time_in_turn,
    time_row,
)
from optical_memory.measure.bench.setup import BenchInputs, BenchRow
from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import plan, tokens_kept
from optical_memory.session.forgetting.policy import (
    FORGOTTEN,
    ForgettingPolicy,
    PageState,
    Weights,
)

__all__ = [
    "bench_plan",
]

ROUNDS = 9

FINE_SHARE = 0.01
"""Pages that are new and at the finest rung; the others have come to the last."""

EXCESS = 1.02
"""Tokens of the pages over the capacity: a compaction is due, of a tenth of them."""

LEAST_EXCESS = 1.0001
"""The same where pages are condensed: that is done as soon as a page is too many, for 3 % slack."""


def bench_plan(inputs: BenchInputs) -> Iterator[BenchRow]:
    """The steps of a compaction: pages as objects in, steps with their reasons out.

    At first pages fade only, as by the heap. Then all are at the last rung, and are condensed; the
    heap forgets pages instead.
    """
    n_pages = inputs.n_planned_pages
    yield from _rows("plan", _pages(n_pages, FINE_SHARE), ForgettingPolicy(condense=False), EXCESS)
    policy = ForgettingPolicy()
    yield from _rows("plan to condense", _pages(n_pages, 0.0), policy, LEAST_EXCESS)


def _rows(
    name: str, pages: Sequence[PageState], policy: ForgettingPolicy, excess: float
) -> Iterator[BenchRow]:
    capacity = int(tokens_kept(pages, policy, V1_LADDER) / excess)

    def plan_steps(pages: Sequence[PageState]) -> None:
        plan(pages, capacity, policy, V1_LADDER)

    def heap_steps(pages: Sequence[PageState]) -> None:
        _steps_by_heap(pages, capacity, policy)

    with old_objects_aside():
        time_in_turn((plan_steps, heap_steps), [pages])
        times, heap_times = time_in_turn((plan_steps, heap_steps), [pages] * ROUNDS)
    for quantile in (MEDIAN, P95):
        yield time_row(
            f"{name} {len(pages):,} pages", times, heap_times, "a heap of steps", quantile
        )


def _pages(n_pages: int, fine_share: float) -> list[PageState]:
    rng = np.random.default_rng(0)
    losses = np.sort(rng.exponential(0.004, (n_pages, len(V1_LADDER))), axis=1)
    hits = rng.poisson(0.3, n_pages)
    n_ledger_tokens = rng.integers(5, 40, n_pages)
    n_facts = rng.integers(0, 60, n_pages)
    n_fine = int(fine_share * n_pages)
    return [
        PageState(
            page=f"{i:07d}",
            ordinal=i,
            rung="large" if i >= n_pages - n_fine else "tiny",
            agreement=dict(zip(V1_LADDER.names, (1 - losses[i]).tolist(), strict=True)),
            hits=int(hits[i]),
            n_ledger_tokens=int(n_ledger_tokens[i]),
            n_facts=int(n_facts[i]),
        )
        for i in range(n_pages)
    ]


NEXT_STATES = dict(zip(V1_LADDER.names, (*V1_LADDER.names[1:], FORGOTTEN), strict=True))
N_TOKENS = {rung.name: rung.n_tokens for rung in V1_LADDER}


def _steps_by_heap(
    pages: Sequence[PageState], capacity: int, policy: ForgettingPolicy
) -> list[tuple[str, str]]:
    """The same choice a page at a time: the step that loses least value per token comes first.

    It knows neither hulls nor stubs, fills no rest, and gives no reasons.
    """
    heap: list[tuple[float, int, str]] = []
    excess = -int(policy.slack * capacity)
    for i, page in enumerate(pages):
        if page.rung in NEXT_STATES and not page.pinned:
            weight = _weight(page, len(pages) - 1 - i, policy.weights)
            heap.append((weight * _loss_per_token(page, page.rung), i, page.rung))
            excess += N_TOKENS[page.rung] + page.n_ledger_tokens
    heapq.heapify(heap)
    rungs: dict[str, str] = {}
    while excess > 0 and heap:
        _, i, rung = heapq.heappop(heap)
        page = pages[i]
        next_rung = NEXT_STATES[rung]
        rungs[page.page] = next_rung
        excess -= N_TOKENS[rung] - N_TOKENS.get(next_rung, -page.n_ledger_tokens)
        if next_rung in NEXT_STATES:
            weight = _weight(page, len(pages) - 1 - i, policy.weights)
            heapq.heappush(heap, (weight * _loss_per_token(page, next_rung), i, next_rung))
    return list(rungs.items())


def _weight(page: PageState, age: int, weights: Weights) -> float:
    salience = 1 + weights.per_hit * page.hits + weights.per_fact * page.n_facts
    return salience / (1 + age / weights.half_age)


def _loss_per_token(page: PageState, rung: str) -> float:
    """What a page of weight 1 loses per token when it leaves a rung for the next state."""
    next_rung = NEXT_STATES[rung]
    if next_rung == FORGOTTEN:
        return page.agreement[rung] / (N_TOKENS[rung] + page.n_ledger_tokens)
    loss = page.agreement[rung] - page.agreement[next_rung]
    return loss / (N_TOKENS[rung] - N_TOKENS[next_rung])
