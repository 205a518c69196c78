"""Pages as they are after the steps of a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import CONDENSED, FORGOTTEN, PageState


def after(
    pages: Sequence[PageState], steps: Sequence[Step], ladder: Ladder, floor: float = 0.0
) -> list[PageState]:
    """The pages after these steps. A page that others went into counts as all of them."""
    by_page = {step.page: step for step in steps}
    runs: defaultdict[str, list[PageState]] = defaultdict(list)
    for page in pages:
        step = by_page.get(page.page)
        if step is not None and step.into is not None:
            runs[step.into].append(page)
    result: list[PageState] = []
    for page in pages:
        step = by_page.get(page.page)
        if step is None:
            result.append(page)
        elif step.rung != CONDENSED:
            result.append(replace(page, rung=step.rung))
        elif step.into == page.page:
            result.append(of_run(page, runs[page.page], ladder, floor))
        else:
            result.append(replace(page, rung=FORGOTTEN))
    return result


def of_run(first: PageState, run: Sequence[PageState], ladder: Ladder, floor: float) -> PageState:
    """The page that a run becomes: no finer than it must be, and with as many facts beside it."""
    rungs = [last_legible_rung(page, ladder, floor) for page in run]
    costs = [_n_tokens(page, rung, ladder) for page, rung in zip(run, rungs, strict=True)]
    finest = min(rungs, key=ladder.names.index)
    return replace(
        first,
        rung=finest,
        agreement={**first.agreement, finest: 1.0},
        n_pages=sum(page.n_pages for page in run),
        hits=sum(page.hits for page in run),
        n_facts=sum(page.n_facts for page in run),
        feedback=sum(page.feedback for page in run),
        n_ledger_tokens=max(costs) - ladder[ladder.step(finest)].n_tokens,
    )


def _n_tokens(page: PageState, rung: str, ladder: Ladder) -> int:
    return ladder[ladder.step(rung)].n_tokens + page.n_ledger_tokens


def last_legible_rung(page: PageState, ladder: Ladder, floor: float) -> str:
    """The smallest rung that the page may have."""
    below = [r for r in ladder.coarser(page.rung).names if page.agreement.get(r, 0.0) >= floor]
    return below[-1] if below else str(page.rung)
