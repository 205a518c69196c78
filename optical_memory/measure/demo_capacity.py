"""Capacities for demos and measurements: at which every rung shows, or nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.plan import plan
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB, ForgettingPolicy, PageState
from optical_memory.session.stored_page import PageInfo

__all__ = [
    "capacity_for_every_rung",
    "lossless_capacity",
]


def capacity_for_every_rung(
    pages: Sequence[PageInfo], policy: ForgettingPolicy, ladder: Ladder
) -> int:
    """The capacity (visual tokens) at which most rungs show, most evenly.

    Of two such capacities, it is that with fewer stubs and forgotten pages.
    """
    states = [_state(info) for info in pages]

    def quality(capacity: int) -> tuple[int, int, int, int]:
        forms = _forms_after_fading(states, capacity, policy, ladder)
        counts = [forms.count(rung.name) for rung in ladder]
        n_rungs = sum(map(bool, counts))
        n_lost = forms.count(STUB) + forms.count(FORGOTTEN)
        return n_rungs, -n_lost, min(filter(None, counts), default=0), capacity

    # From a capacity that all pages fit at their finest rung, down to half a page, in small steps.
    finest = ladder[0].n_tokens
    upper = max(1, len(pages)) * finest
    return max(range(upper, finest // 2, -finest // 8), key=quality)


def lossless_capacity(pages: Sequence[PageInfo], policy: ForgettingPolicy, ladder: Ladder) -> int:
    """The smallest capacity (visual tokens) at which no page loses its last picture."""
    states = [_state(info) for info in pages]
    finest = ladder[0].n_tokens
    upper = max(1, len(pages)) * finest
    capacity = upper
    for smaller in range(upper, 0, -max(1, finest // 16)):
        forms = _forms_after_fading(states, smaller, policy, ladder)
        if STUB in forms or FORGOTTEN in forms:
            break
        capacity = smaller
    return capacity


def _state(info: PageInfo) -> PageState:
    """The page as a plan sees it: never recalled, not pinned."""
    rung = None if info.form == "text" else info.form
    return PageState(info.id, info.ordinal, rung, info.agreements)


def _forms_after_fading(
    states: Sequence[PageState], capacity: int, policy: ForgettingPolicy, ladder: Ladder
) -> list[str | None]:
    forms = {state.page: state.rung for state in states}
    forms.update((step.page, step.rung) for step in plan(states, capacity, policy, ladder))
    return list(forms.values())
