"""How a session forgets, as data: when pages fade with age, how far, and which are worth keeping.

Three things are apart. The budget is what enters the agent's window. The capacity is what the store
keeps, as many tokens as it says, or everything. Age is what makes pages fade without a capacity: to
smaller rungs, never below the last rung that their certificates allow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from optical_memory.errors import InputError, require_word
from optical_memory.profiles import Ladder

__all__ = [
    "CONDENSED",
    "FORGOTTEN",
    "STUB",
    "AgeUnit",
    "ForgettingPolicy",
    "PageState",
    "Schedule",
    "Weights",
]

AgeUnit = Literal["pages", "turns", "days"]

# States of a page below its last rung, beside the names of rungs.
STUB = "stub"
FORGOTTEN = "forgotten"

CONDENSED = "condensed"
"""A step, no state: the best sentences of neighbouring pages go on the first of them."""


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as the plan takes it.

    `rung` is None while the page is still text; else a rung's name, "stub" or "forgotten".
    `ordinal` orders pages by age (0 is the oldest). `agreement` is the certificate's, by rung.
    `hits` counts how often the page was recalled. A `pinned` page never fades. `last_turn` is the
    ordinal of the newest turn on it, and `last_when` the time of that turn, None without a time.
    `n_ledger_tokens` are the tokens of the exact facts that are kept beside the picture. `n_facts`
    counts the facts that the page tells: identifiers, dates, numbers. `feedback` is a caller's
    opinion of the page: above 0 it is worth more, below 0 less. `n_pages` is the number of pages
    that it stands for: more than 1 if it was condensed. Without `can_condense` it never is: a turn
    on it is still open, or its picture is not read for sure.
    """

    page: str
    ordinal: int
    rung: str | None
    agreement: Mapping[str, float]
    hits: int = 0
    pinned: bool = False
    last_turn: int | None = None
    last_when: datetime | None = None
    n_ledger_tokens: int = 0
    n_facts: int = 0
    feedback: float = 0.0
    n_pages: int = 1
    can_condense: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """At which age a page leaves each rung for the next, the finest rung first.

    Age is that of the page's newest turn: the number of newer pages or turns, or the days since. A
    page without a time has no age in days and stays. A ladder with more steps than there are ages
    stops there.

    >>> Schedule((8, 16)).n_steps(7), Schedule((8, 16)).n_steps(8), Schedule((8, 16)).n_steps(99)
    (0, 1, 2)

    Raises `InputError` if the ages do not rise from above 0, or the unit is unknown.
    """

    ages: tuple[float, ...] = (8.0, 16.0, 32.0, 64.0)
    unit: AgeUnit = "pages"

    def __post_init__(self) -> None:
        require_word("unit", self.unit, get_args(AgeUnit))
        steps = zip((0.0, *self.ages), self.ages, strict=False)
        if not all(younger < older for younger, older in steps):
            raise InputError(f"ages must rise, from above 0: {self.ages}")

    @classmethod
    def of_half_life(cls, half_life: float, ladder: Ladder, unit: AgeUnit = "days") -> Schedule:
        """A page has half of its visual tokens after each half-life, as near as the ladder can.

        Raises `InputError` unless `half_life` is above 0.
        """
        finest = ladder[0].n_tokens
        n_tokens = [rung.n_tokens for rung in ladder][1:]
        return cls(tuple(half_life * math.log2(finest / n) for n in n_tokens), unit)

    def n_steps(self, age: float) -> int:
        """How many steps below the finest rung a page of this age stands."""
        return sum(age >= limit for limit in self.ages)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much it is worth to remember a page: what a capacity is spent on.

    The weight of a page falls with its age and rises with its salience:
    `(1 + per_hit * hits + per_fact * n_facts + feedback) / (1 + age / half_age)`. What is needed
    falls off like a power of the time since it was last used, and rises with how often it was used
    (Anderson and Schooler, Psychological Science 2, 1991).

    The defaults stand in the middle of a grid over sessions that are asked all the while (LOG.md):
    with less decay or more for each recall, what was often asked long ago drives out what is new.

    `half_age`: at this age a page counts half, at three times this age a quarter; in `unit`. A page
    without an age in this unit has that of the next newer page.
    `per_hit`: how much each recall adds. `per_fact`: how much each identifier, date or number adds.

    Raises `InputError` if a number is out of its range, or the unit is unknown.
    """

    half_age: float = 16.0
    unit: AgeUnit = "pages"
    per_hit: float = 0.3
    per_fact: float = 0.01

    def __post_init__(self) -> None:
        require_word("unit", self.unit, get_args(AgeUnit))
        if not (0 < self.half_age < math.inf and self.per_hit >= 0 and self.per_fact >= 0):
            raise InputError(f"half_age must be above 0, per_hit and per_fact must be >= 0: {self}")


@dataclass(frozen=True, slots=True)
class ForgettingPolicy:
    """How a session forgets.

    `schedule`: how pages fade with age, without a capacity. `every`: pages grow older only at each
    so many pages, or at midnight UTC if the schedule counts days. So steps come in chunks, and
    between them an agent's prompt cache stays valid. A page fades at most `every` - 1 pages late.
    `pages_per_hit`: how many pages younger each recall makes a page for the schedule.
    `keep_for`: a certified page whose newest turn is older than this is forgotten, with or without
    a capacity; a page without a time stays.
    `floor`: a page fades to a rung only if its certificate's agreement there is at least this.
    `weights`: how much each page is worth, with a capacity.
    `last_resort`: below its last rung a page may become a "stub" of `stub_tokens`, if that is worth
    its tokens, or is "forgotten" at once. `stub_share`: how much of a page's worth its stub keeps,
    0..1. A stub of 32 tokens had 12 % of the words of LoCoMo's answers that its page has.
    `slack`: if the capacity is exceeded, pages fade until only this share of it is used: the next
    pages find room, and nothing changes until it is full again. No page is lost for that: slack is
    made of finer pictures. `slack_of_loss`: the same where pages must be lost, if it is nearer
    to 1: at 0.9 a tenth more of what is remembered would go at once, for the sake of fewer steps.
    `condense`: if the capacity does not even hold all pages at their last legible rungs, the best
    sentences of neighbouring pages are drawn on one page, before any page is lost as a whole.
    `condensed_shares`: how much of their worth 1, 2, 4, 8 ... pages keep on one page, linear in the
    logarithm between. The last number bounds how many pages one page may stand for. The defaults
    are guesses: in a simulation a quarter of the pages kept all planted facts (LOG.md).

    Raises `InputError` if a number is out of its range.
    """

    schedule: Schedule = field(default_factory=Schedule)
    keep_for: timedelta | None = None
    floor: float = 0.95
    last_resort: Literal["stub", "forgotten"] = "stub"
    stub_tokens: int = 32
    slack: float = 0.9
    slack_of_loss: float = 0.97
    pages_per_hit: float = 0.0
    weights: Weights = field(default_factory=Weights)
    stub_share: float = 0.15
    every: int = 8
    condense: bool = True
    condensed_shares: tuple[float, ...] = (1.0, 0.9, 0.75, 0.55, 0.35)

    def __post_init__(self) -> None:
        in_range = {
            "keep_for": self.keep_for is None or self.keep_for > timedelta(0),
            "floor": 0 <= self.floor <= 1,
            "slack": 0 < self.slack <= 1,
            "slack_of_loss": 0 < self.slack_of_loss <= 1,
            "pages_per_hit": self.pages_per_hit >= 0,
            "stub_tokens": self.stub_tokens >= 0,
            "stub_share": 0 <= self.stub_share <= 1,
            "every": self.every >= 1,
            "last_resort": self.last_resort in (STUB, FORGOTTEN),
            "condensed_shares": _is_falling_from_1(self.condensed_shares),
        }
        wrong = [name for name, is_right in in_range.items() if not is_right]
        if wrong:
            raise InputError(
                f"{' and '.join(wrong)} out of range: floor and stub_share must be in 0..1, slack "
                "and slack_of_loss in (0, 1], keep_for above 0, pages_per_hit >= 0, "
                "stub_tokens >= 0, every >= 1, condensed_shares from 1 on never rising to above "
                f"0, and last_resort 'stub' or 'forgotten': {self}"
            )

    @property
    def most_pages(self) -> int:
        """How many pages one page may stand for."""
        most: int = 2 ** (len(self.condensed_shares) - 1)
        return most


def _is_falling_from_1(shares: tuple[float, ...]) -> bool:
    """True for 1 and numbers above 0 that never rise."""
    steps = itertools.pairwise(shares)
    never_rises = all(share >= next_share for share, next_share in steps)
    return shares[:1] == (1.0,) and shares[-1] > 0 and never_rises
