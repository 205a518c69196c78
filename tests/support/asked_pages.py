"""A session that grows and is asked all the while: how much of the asked has been forgotten.

A question asks for a fact of a page. Half of the questions fall off with the age of the page like a
power of it; half go to pages that are asked again and again. Both are drawn before, so that all
planners answer the same questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optical_memory.profiles import V1_LADDER
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB, PageState

__all__ = [
    "Planner",
    "Question",
    "first_in_first_out",
    "lost_share",
    "questions_of",
]

Planner = Callable[[Sequence[PageState]], Sequence[tuple[str, str]]]
"""Gives the steps, (page, rung), that are due."""

N_PAGES = 400
QUESTIONS_A_PAGE = 4
STUB_FACTS = 4
"""Facts that a stub of 32 tokens has room for."""


@dataclass(frozen=True)
class Question:
    """Asked when `time` + 1 pages are there, for a fact of a page; `fact` is drawn from 0..1."""

    time: int
    page: int
    fact: float


def questions_of(seed: int, hit_share: float = 0.5) -> list[Question]:
    """The questions of a session, `hit_share` of them to pages that are asked again and again."""
    rng = np.random.default_rng(seed)
    fame = rng.pareto(1.0, N_PAGES) + 0.01
    questions: list[Question] = []
    for time in range(N_PAGES):
        ages = np.arange(time, -1, -1)
        recency = 1.0 / (1.0 + ages / 16.0)
        by_fame = rng.random(QUESTIONS_A_PAGE) < hit_share
        for is_famous in by_fame:
            odds = fame[: time + 1] if is_famous else recency
            page = int(rng.choice(time + 1, p=odds / odds.sum()))
            questions.append(Question(time, page, float(rng.random())))
    return questions


def new_page(i: int, seed: int) -> PageState:
    """A page that has just been certified, with an agreement and facts of its own."""
    rng = np.random.default_rng((seed, i))
    losses = np.sort(rng.exponential(0.004, 4))
    agreement = dict(zip(V1_LADDER.names, (1 - losses).tolist(), strict=True))
    n_facts = int(rng.integers(2, 40))
    return PageState(
        f"p{i:04}", i, "large", agreement, n_ledger_tokens=int(rng.integers(5, 30)), n_facts=n_facts
    )


def lost_share(planner: Planner, seed: int, hit_share: float = 0.5) -> tuple[int, int]:
    """How many questions find their fact lost, and how many there are, after the first half."""
    pages: list[PageState] = []
    n_lost = 0
    n_questions = 0
    questions = iter(questions_of(seed, hit_share))
    for time in range(N_PAGES):
        pages.append(new_page(time, seed))
        for page, rung in planner(pages):
            ordinal = int(page[1:])
            pages[ordinal] = replace(pages[ordinal], rung=rung)
        for _ in range(QUESTIONS_A_PAGE):
            question = next(questions)
            page = pages[question.page]
            is_lost = not _knows(page, question.fact)
            if not is_lost:
                pages[question.page] = replace(page, hits=page.hits + 1)
            if time >= N_PAGES // 2:
                n_lost += is_lost
                n_questions += 1
    return n_lost, n_questions


def _knows(page: PageState, fact: float) -> bool:
    if page.rung == FORGOTTEN:
        return False
    return page.rung != STUB or fact * page.n_facts < STUB_FACTS


def first_in_first_out(capacity: int, rung: str) -> Planner:
    """Pages go to this rung at once, and the oldest are forgotten when the capacity is exceeded."""

    def due(pages: Sequence[PageState]) -> list[tuple[str, str]]:
        steps = [(page.page, rung) for page in pages if page.rung == "large" != rung]
        n_tokens = V1_LADDER[V1_LADDER.step(rung)].n_tokens
        total = sum(n_tokens + page.n_ledger_tokens for page in pages if page.rung != FORGOTTEN)
        for page in pages:
            if total <= capacity:
                break
            if page.rung != FORGOTTEN:
                steps.append((page.page, FORGOTTEN))
                total -= n_tokens + page.n_ledger_tokens
        return steps

    return due
