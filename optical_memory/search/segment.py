"""A segment: the units of some turns in arrays, and the postings of their keys.

A segment never changes. A session's index is a few segments, so that a new turn costs by its own
length, and a question reads arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.turns import Role, short_repr

__all__ = [
    "ASKS",
    "CALLS",
    "MAX_NUMBER",
    "NO_DAY",
    "NUMBERS",
    "ROLES",
    "SEGMENT_TYPES",
    "Segment",
    "group_postings",
    "int32",
]

Int = npt.NDArray[np.int32]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")

ASKS = 1
"""Flag of a unit that ends with a question mark."""

NUMBERS = 2
"""Flag of a unit with a number, a day, a month, or another word of time."""

CALLS = 4
"""Flag of a unit with a tool call, or behind it in its turn."""

MAX_NUMBER = 2**31 - 1
"""The largest number in a segment's arrays: no turn is so long, no day so late."""

NO_DAY = -(2**31)
"""The day of a turn without a time."""


@short_repr
@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Units of turns in the order of the conversation.

    A row a turn: `ordinals`, `roles` (positions in `ROLES`), `speakers` (positions in `names`, -1
    for nobody), `days` (since 1970, in the turn's own zone; `NO_DAY`). A row a unit: `turns` (its
    row of turns), `starts` and `ends` in the turn's body, `n_tokens`, `n_terms`, `flags`. `keys`
    (sorted) have postings `units[offsets[i]:offsets[i + 1]]`, and `counts` beside them. `vectors`
    is (n_units, width) by the embedder `model`, of width 0 without one.
    """

    names: tuple[str, ...]
    ordinals: Int
    roles: npt.NDArray[np.uint8]
    speakers: Int
    days: Int
    turns: Int
    starts: Int
    ends: Int
    n_tokens: Int
    n_terms: Int
    flags: npt.NDArray[np.uint8]
    keys: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]
    units: Int
    counts: npt.NDArray[np.uint8]
    model: str
    vectors: npt.NDArray[np.int8]

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(self.starts)

    @classmethod
    def merged(cls, segments: Sequence[Segment]) -> Segment:
        """A segment with the turns of all of these, in their order."""
        segments = _with_same_model([_EMPTY, *segments])
        names = _all_names(segments)
        first_turns = np.cumsum([0, *(len(segment.ordinals) for segment in segments)])
        first_units = np.cumsum([0, *(segment.n_units for segment in segments)])
        speakers = [_renamed(segment, names) for segment in segments]
        keys = np.concatenate([np.repeat(s.keys, np.diff(s.offsets)) for s in segments])
        units = np.concatenate([s.units + n for s, n in zip(segments, first_units, strict=False)])
        counts = np.concatenate([s.counts for s in segments])
        values: dict[str, Any] = {
            name: np.concatenate([getattr(segment, name) for segment in segments])
            for name in ("ordinals", "roles", "days", *_UNIT_ROWS)
        }
        turns = [s.turns + n for s, n in zip(segments, first_turns, strict=False)]
        return cls(
            names=tuple(names),
            speakers=np.concatenate(speakers),
            turns=np.concatenate(turns).astype(np.int32),
            **values,
            model=segments[0].model,
            **group_postings(keys, np.stack([units, counts], 1)),
        )

    def in_order(self) -> Segment:
        """The segment with its turns by ordinal; equal ordinals stay in their order."""
        order = np.argsort(self.ordinals, kind="stable")
        if (np.diff(order) > 0).all():
            return self
        rank = np.argsort(order)
        unit_order = np.argsort(rank[self.turns], kind="stable")
        unit_rank = np.argsort(unit_order).astype(np.int32)
        keys = np.repeat(self.keys, np.diff(self.offsets))
        values: dict[str, Any] = {name: getattr(self, name)[order] for name in _TURN_ROWS}
        values |= {name: getattr(self, name)[unit_order] for name in _UNIT_ROWS}
        return Segment(
            names=self.names,
            turns=rank[self.turns[unit_order]].astype(np.int32),
            **values,
            model=self.model,
            **group_postings(keys, np.stack([unit_rank[self.units], self.counts], 1)),
        )

    def places(self, keys: npt.NDArray[np.uint64]) -> list[tuple[int, slice]]:
        """The position of each key that units have, and the place of its postings."""
        if not len(self.keys):
            return []
        rows = self.keys.searchsorted(keys)
        rows[rows == len(self.keys)] = 0
        (positions,) = (self.keys[rows] == keys).nonzero()
        rows = rows[positions]
        places = map(slice, self.offsets[rows].tolist(), self.offsets[rows + 1].tolist())
        return list(zip(positions.tolist(), places, strict=True))

    def without(self, ordinals: Collection[int]) -> Segment:
        """The segment without these turns."""
        stays = ~np.isin(self.ordinals, list(ordinals))
        return _with_units(self, stays, np.ones(self.n_units, np.bool_))

    def moved(self, n_chars: int) -> Segment:
        """The segment with all units so many characters later in their turns' bodies."""
        return replace(self, starts=self.starts + n_chars, ends=self.ends + n_chars)

    def cut(self, ordinal: int, start: int, end: int, n_left: int = 0) -> Segment:
        """The segment without the units in this range of a turn's body.

        The offsets of the turn's later units move, as if the range had only `n_left` characters. A
        unit that is partly in the range goes too.
        """
        is_turn = (self.ordinals == ordinal)[self.turns]
        goes = is_turn & (self.starts < end) & (self.ends > start)
        shift = np.where(is_turn & (self.starts >= end), end - start - n_left, 0).astype(np.int32)
        shifted = replace(self, starts=self.starts - shift, ends=self.ends - shift)
        return _with_units(shifted, np.ones(len(self.ordinals), np.bool_), ~goes)


SEGMENT_TYPES: Mapping[str, type[np.generic]] = {
    "ordinals": np.int32,
    "roles": np.uint8,
    "speakers": np.int32,
    "days": np.int32,
    "turns": np.int32,
    "starts": np.int32,
    "ends": np.int32,
    "n_tokens": np.int32,
    "n_terms": np.int32,
    "flags": np.uint8,
    "keys": np.uint64,
    "offsets": np.int64,
    "units": np.int32,
    "counts": np.uint8,
}
"""The arrays of a segment in their order in its bytes."""

_TURN_ROWS = ("ordinals", "roles", "speakers", "days")
_UNIT_ROWS = ("starts", "ends", "n_tokens", "n_terms", "flags", "vectors")


def group_postings(keys: npt.NDArray[np.uint64], postings: npt.NDArray[Any]) -> dict[str, Any]:
    """Postings (unit, count) sorted by their key, and where each key's postings begin."""
    order = np.argsort(keys, kind="stable")
    unique, first = np.unique(keys[order], return_index=True)
    return {
        "keys": unique.astype(np.uint64),
        "offsets": np.append(first, len(keys)).astype(np.int64),
        "units": postings[order, 0].astype(np.int32),
        "counts": postings[order, 1].astype(np.uint8),
    }


def _all_names(segments: Sequence[Segment]) -> list[str]:
    """The speakers of all segments, each once."""
    names: dict[str, None] = {}
    for segment in segments:
        names.update(dict.fromkeys(segment.names))
    return list(names)


def _renamed(segment: Segment, names: Sequence[str]) -> Int:
    """The speakers of a segment as positions in `names`."""
    positions = int32([names.index(name) for name in segment.names] + [-1])
    return positions[segment.speakers]


def int32(values: Sequence[int]) -> Int:
    """The values as an array of the type that segments use."""
    return np.array(values, np.int32)


def _with_units(
    segment: Segment, turns_stay: npt.NDArray[np.bool_], units_stay: npt.NDArray[np.bool_]
) -> Segment:
    """The turns and units that stay, with new row numbers."""
    units_stay = units_stay & turns_stay[segment.turns]
    turns_stay = np.isin(np.arange(len(segment.ordinals)), segment.turns[units_stay])
    new_turns = np.cumsum(turns_stay) - 1
    new_units = np.cumsum(units_stay) - 1
    postings_stay = units_stay[segment.units]
    keys = np.repeat(segment.keys, np.diff(segment.offsets))[postings_stay]
    units = new_units[segment.units[postings_stay]]
    values: dict[str, Any] = {name: getattr(segment, name)[turns_stay] for name in _TURN_ROWS}
    values |= {name: getattr(segment, name)[units_stay] for name in _UNIT_ROWS}
    names = [name if row in values["speakers"] else "" for row, name in enumerate(segment.names)]
    return Segment(
        names=tuple(names),
        turns=new_turns[segment.turns[units_stay]].astype(np.int32),
        **values,
        model=segment.model,
        **group_postings(keys, np.stack([units, segment.counts[postings_stay]], 1)),
    )


def _with_same_model(segments: Sequence[Segment]) -> list[Segment]:
    """The segments with vectors of the newest model; units that have none get zeros."""
    model = next((segment.model for segment in reversed(segments) if segment.model), "")
    width = max(segment.vectors.shape[1] for segment in segments if segment.model == model)
    result: list[Segment] = []
    for segment in segments:
        if segment.vectors.shape[1] != width or segment.model != model:
            zeros = np.zeros((segment.n_units, width), np.int8)
            segment = replace(segment, model=model, vectors=zeros)
        result.append(segment)
    return result


_NO_ROWS: dict[str, Any] = {
    name: np.zeros(int(name == "offsets"), kind) for name, kind in SEGMENT_TYPES.items()
}
_EMPTY = Segment(names=(), model="", vectors=np.zeros((0, 0), np.int8), **_NO_ROWS)
