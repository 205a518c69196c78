"""Plans that condense nothing: sessions, and the states of their pages after a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.plan import Step, plan
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState

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


def planned(pages: list[PageState], capacity: int | None, policy: ForgettingPolicy) -> list[Step]:
    return plan(pages, capacity, policy, V1_LADDER, NOW)
