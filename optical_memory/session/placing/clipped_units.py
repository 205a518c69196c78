"""Units at the border of a range that is cut out of a turn: what is left of them is still found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from optical_memory.search.build import CHARS_A_TOKEN
from optical_memory.search.segment import CALLS, Segment, group_postings

__all__ = ["clipped"]


def clipped(
    segment: Segment, ordinal: int, start: int, end: int, keys_left: npt.NDArray[np.uint64]
) -> Segment:
    """The segment with each unit that crosses a border of this range ended or begun there.

    Such a unit keeps those keys alone that are among `keys_left`, and no vector: both halves made
    it. A unit without such a key stays as it is, in the range. Of a unit with text on both sides
    the first part stays.
    """
    is_turn = (segment.ordinals == ordinal)[segment.turns]
    is_before = is_turn & (segment.starts < start) & (segment.ends > start)
    is_behind = is_turn & (segment.starts >= start) & (segment.starts < end) & (segment.ends > end)
    keys = np.repeat(segment.keys, np.diff(segment.offsets))
    is_left = np.isin(keys, keys_left)
    crosses = is_before | is_behind
    crosses &= np.isin(np.arange(segment.n_units), segment.units[is_left])
    if not crosses.any():
        return segment
    starts = np.where(crosses & is_behind, end, segment.starts).astype(np.int32)
    ends = np.where(crosses & is_before, start, segment.ends).astype(np.int32)
    stays = is_left | ~crosses[segment.units]
    postings = np.stack([segment.units[stays], segment.counts[stays]], 1)
    n_terms = np.bincount(postings[:, 0], postings[:, 1], segment.n_units)
    return replace(
        segment,
        starts=starts,
        ends=ends,
        n_tokens=_where(crosses, (ends - starts) // CHARS_A_TOKEN + 1, segment.n_tokens),
        n_terms=_where(crosses, n_terms, segment.n_terms),
        flags=np.where(crosses, segment.flags & CALLS, segment.flags).astype(np.uint8),
        vectors=np.where(crosses[:, None], 0, segment.vectors).astype(np.int8),
        **group_postings(keys[stays], postings),
    )


def _where(
    rows: npt.NDArray[np.bool_], values: npt.NDArray[np.generic], others: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    return np.where(rows, values, others).astype(np.int32)
