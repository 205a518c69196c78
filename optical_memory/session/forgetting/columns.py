"""Pages as arrays, the newest first: a long session is planned in a few passes over them.

States are numbers: 0 is forgotten, 1 a stub, then the rungs, the smallest first. A page fades from
a state to a lower state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.profiles import Ladder
from optical_memory.session.forgetting.policy import (
    FORGOTTEN,
    STUB,
    AgeUnit,
    ForgettingPolicy,
    PageState,
)

__all__ = [
    "FORGOTTEN_STATE",
    "STUB_STATE",
    "TEXT_STATE",
    "PageColumns",
    "state_names",
]

TEXT_STATE = -1
FORGOTTEN_STATE = 0
STUB_STATE = 1

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


def state_names(ladder: Ladder) -> tuple[str, ...]:
    """The name of each state by its number."""
    return (FORGOTTEN, STUB, *reversed(ladder.names))


@dataclass(frozen=True)
class PageColumns:
    """n pages, the newest first. `agreements` (r, n) are those of the rungs, the smallest first."""

    pages: Sequence[PageState]
    ladder: Ladder
    states: Ints
    agreements: Floats
    n_ledger_tokens: Floats
    is_pinned: Flags
    n_pages: Floats

    @classmethod
    def of(cls, pages: Sequence[PageState], ladder: Ladder) -> PageColumns:
        """The columns of these pages, in any order.

        Raises `KeyError` for a page at a rung that the ladder does not have.
        """
        pages = _newest_first(pages)
        codes: dict[str | None, int] = {None: TEXT_STATE}
        codes.update((name, number) for number, name in enumerate(state_names(ladder)))
        states = np.array([codes[page.rung] for page in pages], np.intp)
        return cls(
            pages=pages,
            ladder=ladder,
            states=states,
            agreements=_agreements(pages, states, ladder),
            n_ledger_tokens=_numbers("n_ledger_tokens", pages),
            is_pinned=np.fromiter(map(attrgetter("pinned"), pages), np.bool_, len(pages)),
            n_pages=_numbers("n_pages", pages),
        )

    def costs(self, policy: ForgettingPolicy) -> Floats:
        """(s, n) tokens of each page in each state."""
        n_pages = len(self.pages)
        rows = [np.zeros(n_pages), np.full(n_pages, float(policy.stub_tokens))]
        rows += [rung.n_tokens + self.n_ledger_tokens for rung in reversed(self.ladder)]
        return np.stack(rows)

    def tokens(self, states: Ints, policy: ForgettingPolicy) -> Floats:
        """(n,) tokens of each page if it were in this state; 0 for text."""
        of_states = [0.0, float(policy.stub_tokens)]
        of_states += [float(rung.n_tokens) for rung in reversed(self.ladder)]
        of_states.append(0.0)  # the last is at index -1, the state of text
        tokens: Floats = np.array(of_states)[states]
        return tokens + np.where(states > STUB_STATE, self.n_ledger_tokens, 0.0)

    def may_have(self, policy: ForgettingPolicy) -> Flags:
        """(s, n) True for the states that each page may have: its own, and those that it may fade
        to.

        These are smaller rungs of which the certificate's agreement is not below the floor, the
        stub if that costs less than all of them, and forgotten.
        """
        n_states = len(self.ladder) + 2
        numbers = np.arange(n_states)[:, None]
        is_open = numbers < self.states
        is_open[2:] &= self.agreements >= policy.floor
        is_open |= numbers == self.states
        tokens = np.where(is_open[2:], self.costs(policy)[2:], np.inf).min(0, initial=np.inf)
        may_be_stub = (policy.last_resort == STUB) & (policy.stub_tokens < tokens)
        is_open[STUB_STATE] &= may_be_stub | (self.states == STUB_STATE)
        is_open[FORGOTTEN_STATE] |= True
        return is_open

    @property
    def can_condense(self) -> Flags:
        """(n,) True for pages that may be condensed."""
        return np.fromiter(map(attrgetter("can_condense"), self.pages), np.bool_, len(self.pages))

    def lossless_states(self, policy: ForgettingPolicy) -> Ints:
        """(n,) the state of each page with the fewest tokens at which it loses no more than it has
        lost: its last legible rung, or the state that it has.
        """
        smallest_pictures = STUB_STATE + 1 + self.may_have(policy)[STUB_STATE + 1 :].argmax(0)
        return np.where(self.states > STUB_STATE, smallest_pictures, self.states)

    # ---- ages ------------------------------------------------------------------------------------

    def ages(self, unit: AgeUnit, now: datetime) -> Floats:
        """(n,) the number of newer pages or turns, or the days until `now`; nan if unknown."""
        if unit == "pages":
            return np.arange(len(self.pages), dtype=np.float64)
        if unit == "turns":
            turns = self._optional("last_turn", float)
            return _newest(turns) - turns
        return self._optional("last_when", lambda time: _days(time, now))

    def ages_at_point(self, unit: AgeUnit, now: datetime, every: int) -> Floats:
        """As `ages`, at the last point when the number of pages was a multiple of `every`.

        Days count until the last midnight UTC. A page that is newer than the point has age 0 or
        below.
        """
        n_newer = len(self.pages) % every
        if unit == "pages":
            return self.ages(unit, now) - n_newer
        if unit == "turns":
            turns = self._optional("last_turn", float)
            return _newest(turns[n_newer:]) - turns
        if every > 1:
            now = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return self.ages(unit, now)

    def _optional(self, name: str, number: Callable[[Any], float]) -> Floats:
        """A field of the pages as numbers, nan for None."""
        values = map(attrgetter(name), self.pages)
        return np.array([np.nan if value is None else number(value) for value in values])


def _numbers(name: str, pages: Sequence[PageState]) -> Floats:
    return np.fromiter(map(attrgetter(name), pages), np.float64, len(pages))


def _newest_first(pages: Sequence[PageState]) -> Sequence[PageState]:
    ordinals = np.fromiter(map(attrgetter("ordinal"), pages), np.intp, len(pages))
    if (ordinals[1:] > ordinals[:-1]).all():
        return pages[::-1]
    return sorted(pages, key=lambda page: (page.ordinal, page.page), reverse=True)


def _agreements(pages: Sequence[PageState], states: Ints, ladder: Ladder) -> Floats:
    """(r, n) the agreement of each page at the rungs that it may have; 0 without a certificate."""
    agreements = np.zeros((len(ladder), len(pages)))
    for step, rung in enumerate(reversed(ladder.names)):
        indices = np.flatnonzero(states > STUB_STATE + step)
        if len(indices) == len(pages):
            agreements[step] = _agreements_at(rung, pages)
        else:
            agreements[step, indices] = _agreements_at(rung, [pages[i] for i in indices.tolist()])
    return agreements


def _agreements_at(rung: str, pages: Sequence[PageState]) -> Floats:
    try:
        values = map(itemgetter(rung), map(attrgetter("agreement"), pages))
        return np.fromiter(values, np.float64, len(pages))
    except KeyError:  # of a page without a certificate at this rung
        return np.array([page.agreement.get(rung, 0.0) for page in pages])


def _newest(turns: Floats) -> float:
    return float(np.nanmax(turns, initial=-np.inf))


def _days(time: datetime, now: datetime) -> float:
    """The days that have passed; a time without a zone is of the zone of this machine."""
    return (now - (time if time.tzinfo is not None else time.astimezone())) / timedelta(days=1)
