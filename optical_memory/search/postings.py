"""Postings of the keys of a question, over all parts of an index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "PartPostings",
    "Postings",
]

Int = npt.NDArray[np.int32]

PartPostings = tuple[int, Int, npt.NDArray[np.uint8]]
"""The number of a part's first unit, and (units, counts) of a key in the part."""


class Postings:
    """Postings of keys, the keys in rows: `rows`, `units` of the index and `counts`, (n,) each."""

    def __init__(self, lists: Sequence[Sequence[PartPostings]]) -> None:
        self._lists = lists
        self.n_with_key = np.array(
            [sum(len(units) for _, units, _ in parts) for parts in lists], np.int32
        )
        flat = [postings for parts in lists for postings in parts]
        lengths = [len(units) for _, units, _ in flat]
        no_units = np.zeros(0, np.int32)
        self.units: Int = np.concatenate([no_units, *(units for _, units, _ in flat)])
        self.units += np.repeat(np.array([start for start, _, _ in flat], np.int32), lengths)
        self.counts = np.concatenate([np.zeros(0, np.uint8), *(counts for *_, counts in flat)])
        self.rows = np.repeat(np.arange(len(lists), dtype=np.int32), self.n_with_key)

    def of_keys(self, rows: Sequence[int]) -> Postings:
        """The postings of the keys in these rows; the others have none."""
        if len(rows) == len(self._lists):
            return self
        return Postings([parts if i in rows else () for i, parts in enumerate(self._lists)])
