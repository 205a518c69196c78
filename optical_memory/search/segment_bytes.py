"""Segments as bytes: a line of JSON, then the arrays as they are."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np

from optical_memory.errors import StoreError
from optical_memory.search.build import day_number
from optical_memory.search.segment import MAX_NUMBER, NO_DAY, ROLES, SEGMENT_TYPES, Segment

__all__ = [
    "segment_from_bytes",
    "segment_to_bytes",
]

FIRST_DAY = day_number(date.min)
LAST_DAY = day_number(date.max)
"""The ends of the calendar of Python: many programs write them for "no time" and "for ever"."""

MOST_TOKENS = 2**30
"""More tokens than a unit has; with what a passage costs beside it, the sum is still an int32."""

ALIGNMENT = 8
"""The bytes of the largest numbers in a segment."""


def _padding(n_bytes: int) -> int:
    """Bytes from here to the next multiple of `ALIGNMENT`."""
    return -n_bytes % ALIGNMENT


def segment_to_bytes(segment: Segment) -> bytes:
    """A line of JSON that names the arrays and their sizes, then the arrays.

    Each begins at a multiple of `ALIGNMENT` bytes, so that numpy reads it where it lies.
    """
    arrays = [getattr(segment, name) for name in SEGMENT_TYPES]
    sizes = [len(array) for array in arrays]
    width = segment.vectors.shape[1]
    header = {
        "v": 2,
        "names": segment.names,
        "sizes": sizes,
        "model": segment.model,
        "width": width,
    }
    line = json.dumps(header).encode()
    content = [array.tobytes() for array in (*arrays, segment.vectors)]
    head = line + b" " * _padding(len(line) + 1) + b"\n"
    return head + b"".join(data + bytes(_padding(len(data))) for data in content)


def segment_from_bytes(data: bytes) -> Segment:
    """The segment in these bytes, which the segment keeps. Raises `StoreError` if they are none."""
    try:
        offset = data.index(b"\n") + 1
        header = json.loads(data[:offset])
        is_padded = {1: False, 2: True}[header["v"]]
        arrays: dict[str, Any] = {}
        for name, size in zip(SEGMENT_TYPES, header["sizes"], strict=True):
            arrays[name] = np.frombuffer(data, SEGMENT_TYPES[name], size, offset)
            offset += arrays[name].nbytes
            offset += _padding(offset) if is_padded else 0
        names = tuple(map(str, header["names"]))
        n_units = len(arrays["starts"])
        vectors = np.frombuffer(data, np.int8, -1, offset)
        width = header["width"] if is_padded else len(vectors) // max(1, n_units)
        arrays["vectors"] = vectors[: n_units * width].reshape(n_units, width)
        model = str(header["model"])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(f"a part of the search index does not parse: {error}") from error
    segment = Segment(names=names, model=model, **arrays)
    wrong = _of_other_length(segment) or _out_of_range(segment)
    if wrong:
        raise StoreError(f"a part of the search index is damaged: {' and '.join(wrong)}")
    return segment


def _of_other_length(segment: Segment) -> list[str]:
    """The arrays that are not as long as those they belong to: a size in the header has changed."""
    n_turns = len(segment.ordinals)
    lengths = {
        **dict.fromkeys(("roles", "speakers", "days"), n_turns),
        **dict.fromkeys(("turns", "ends", "n_tokens", "n_terms", "flags"), segment.n_units),
        "offsets": len(segment.keys) + 1,
        "counts": len(segment.units),
    }
    return [name for name, length in lengths.items() if len(getattr(segment, name)) != length]


def _out_of_range(segment: Segment) -> list[str]:
    """The arrays with numbers that point to nothing: a byte of them has changed."""
    days = segment.days[segment.days != NO_DAY]
    ranges = {
        "turns": (segment.turns, 0, len(segment.ordinals)),
        "units": (segment.units, 0, segment.n_units),
        "roles": (segment.roles, 0, len(ROLES)),
        "speakers": (segment.speakers, -1, len(segment.names)),
        "offsets": (segment.offsets, 0, len(segment.units) + 1),
        "steps between offsets": (np.diff(segment.offsets), 0, len(segment.units) + 1),
        "lengths": (segment.ends - segment.starts, 0, MAX_NUMBER),
        "n_tokens": (segment.n_tokens, 0, MOST_TOKENS),
        "n_terms": (segment.n_terms, 0, MAX_NUMBER),
        "days": (days, FIRST_DAY, LAST_DAY + 1),
    }
    return [
        name
        for name, (values, least, end) in ranges.items()
        if len(values) and not (least <= values.min() and values.max() < end)
    ]
