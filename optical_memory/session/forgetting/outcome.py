"""The outcome of a plan for each page, as arrays: its new state, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optical_memory.session.forgetting.columns import Ints

__all__ = [
    "NO_PAGE",
    "Outcome",
    "Texts",
    "no_reasons",
]

Texts = npt.NDArray[np.object_]

NO_PAGE = -1
"""The target of a page that is not condensed."""


@dataclass(frozen=True)
class Outcome:
    """(n,) arrays: the new state of each page, the page that it goes into (`NO_PAGE` for most),
    and the reason if it changes.
    """

    states: Ints
    targets: Ints
    reasons: Texts

    @classmethod
    def uncondensed(cls, states: Ints, reasons: Texts) -> Outcome:
        """Every page stays by itself."""
        return cls(states, np.full(len(states), NO_PAGE, np.intp), reasons)


def no_reasons(n_pages: int) -> Texts:
    """(n,) empty texts."""
    return np.full(n_pages, "", np.object_)
