"""How pages fade for demos and measurements: so that every rung shows, or nothing is lost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from optical_memory.memory import OpticalMemory
from optical_memory.profiles import Ladder
from optical_memory.session.fade import page_state
from optical_memory.session.forgetting.plan import plan, tokens_kept
from optical_memory.session.forgetting.policy import (
    CONDENSED,
    FORGOTTEN,
    STUB,
    ForgettingPolicy,
    PageState,
    Schedule,
)

__all__ = [
    "NO_LIMIT",
    "capacity_for_every_rung",
    "halving_policy",
    "lossless_capacity",
    "page_states_of",
]

NO_LIMIT = 2**40
"""A capacity that no session exceeds: nothing fades before it is told to."""

FLOOR = ForgettingPolicy().floor


def page_states_of(memory: OpticalMemory) -> list[PageState]:
    """The pages of a memory as its plan takes them."""
    return [page_state(memory.inspect(page.id).record) for page in memory.pages()]


def halving_policy(n_pages: int, ladder: Ladder, floor: float = FLOOR) -> ForgettingPolicy:
    """By this policy half of the pages stand at the last rung by their age, a quarter at the rung
    before it, and so on.
    """
    ages = tuple(max(1, n_pages) / 2**step for step in range(len(ladder) - 1, 0, -1))
    return ForgettingPolicy(schedule=Schedule(ages), every=1, floor=floor)


def capacity_for_every_rung(
    pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder
) -> int:
    """The capacity (tokens) at which most rungs show, most evenly.

    Of two such capacities, it is that with fewer condensed pages, stubs and forgotten pages.
    """

    def quality(capacity: int) -> tuple[int, int, int, int]:
        forms = _forms_after_fading(pages, capacity, policy, ladder)
        counts = [forms.count(rung.name) for rung in ladder]
        n_rungs = sum(map(bool, counts))
        n_lost = sum(forms.count(form) for form in (CONDENSED, STUB, FORGOTTEN))
        return n_rungs, -n_lost, min(filter(None, counts), default=0), capacity

    # From a capacity that all pages fit as they are, down to half a page, in small steps.
    finest = ladder[0].n_tokens
    upper = max(finest, tokens_kept(pages, policy, ladder))
    return max(range(upper, finest // 2, -finest // 8), key=quality)


def lossless_capacity(pages: Sequence[PageState], policy: ForgettingPolicy, ladder: Ladder) -> int:
    """The smallest capacity (tokens) at which no page loses its last picture."""

    def is_lossless(capacity: int) -> bool:
        forms = _forms_after_fading(pages, capacity, policy, ladder)
        return not {CONDENSED, STUB, FORGOTTEN}.intersection(forms)

    upper = tokens_kept(pages, policy, ladder)
    return bisect_left(range(upper), True, key=is_lossless)


def _forms_after_fading(
    pages: Sequence[PageState], capacity: int, policy: ForgettingPolicy, ladder: Ladder
) -> list[str | None]:
    forms = {page.page: page.rung for page in pages}
    forms.update((step.page, step.rung) for step in plan(pages, capacity, policy, ladder))
    return list(forms.values())
