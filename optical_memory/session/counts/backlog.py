"""Work that waits for the background: how many pages, and for how long the oldest of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

__all__ = [
    "Backlog",
    "pages_to_seal",
]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Pages that wait, by the work that is to be done.

    `seconds` is how long the oldest has waited, at least; 0.0 if none waits. A page waits from when
    it was full, and as many newer turns were there as stay text.
    """

    n_to_seal: int = 0
    n_to_certify: int = 0
    n_to_fade: int = 0
    seconds: float = 0.0

    @property
    def waiting(self) -> dict[str, int]:
        """The numbers of pages by the work, without zeros."""
        numbers = {"seal": self.n_to_seal, "certify": self.n_to_certify, "fade": self.n_to_fade}
        return {work: n_pages for work, n_pages in numbers.items() if n_pages}


def pages_to_seal(rows: Mapping[int, int], rows_a_page: int) -> tuple[int, int | None]:
    """How many pages these rows fill, and the turn that filled the first; None if none is full.

    `rows` has the rows that each turn fills at least, by its ordinal, in order.
    """
    n_pages = sum(rows.values()) // rows_a_page
    if not n_pages:
        return 0, None
    filled = zip(rows, accumulate(rows.values()), strict=True)
    return n_pages, next(ordinal for ordinal, n_rows in filled if n_rows >= rows_a_page)
