"""Indexing: turns, or what is left of them, as a segment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from optical_memory.counting import count_batch
from optical_memory.search.meaning import Embedder, unit_vectors
from optical_memory.search.segment import (
    ASKS,
    CALLS,
    MAX_NUMBER,
    NO_DAY,
    NUMBERS,
    ROLES,
    Segment,
    group_postings,
    int32,
)
from optical_memory.search.terms import key as key_of
from optical_memory.search.terms import unit_keys
from optical_memory.search.times import has_time_or_number
from optical_memory.search.units import cut_units
from optical_memory.turns import Role, short_repr, without_addresses

__all__ = [
    "IndexedTurn",
    "KeyHash",
    "day_number",
    "index_terms",
    "index_turns",
]

CHARS_A_TOKEN = 4
"""Characters of English text for a token, to guess a cost when the text is gone."""

CALL = re.compile(r"^=> [^\s(]+\(", re.MULTILINE)
"""A tool call, as `turns.call_text` writes it."""

_EPOCH = date(1970, 1, 1).toordinal()


@short_repr
@dataclass(frozen=True, slots=True)
class IndexedTurn:
    """What the index needs of a turn; `body` is its canonical text."""

    ordinal: int
    role: Role
    name: str | None
    when: datetime | None
    body: str


class KeyHash:
    """Numbers for keys of terms, keyed by the session's salt.

    Nobody without the salt can test a guess of a word against a stored number.
    """

    def __init__(self, salt: str) -> None:
        self._salt = bytes.fromhex(salt)[:64]
        self._numbers: dict[str, int] = {}

    def __call__(self, key: str) -> int:
        """A number of 64 bits."""
        number = self._numbers.get(key)
        if number is None:
            digest = blake2b(key.encode("utf-8", "replace"), digest_size=8, key=self._salt).digest()
            number = int.from_bytes(digest, "little")
            self._numbers[key] = number
        return number


def index_turns(
    turns: Sequence[IndexedTurn], hash_key: KeyHash, embedder: Embedder | None = None
) -> Segment:
    """The units of these turns, with vectors by `embedder`; costs by the length of their text."""
    names = list(dict.fromkeys(turn.name for turn in turns if turn.name))
    units = _units(turns)
    bodies = [turns[row].body[start:end] for row, start, end in units]
    texts = [without_addresses(text) for text in bodies]
    counters = [Counter(unit_keys(text)) for text in bodies]
    keys, postings = _postings(counters, hash_key)
    spans = np.array(units, np.int32).reshape(-1, 3)
    vectors = _vectors(texts, embedder)
    return Segment(
        names=tuple(names),
        **_turn_rows(turns, names),
        turns=spans[:, 0].copy(),
        starts=spans[:, 1].copy(),
        ends=spans[:, 2].copy(),
        n_tokens=int32(count_batch(texts)),
        n_terms=int32([_n_terms(*pair) for pair in zip(bodies, texts, counters, strict=True)]),
        flags=np.array([_flags(text) for text in texts], np.uint8) | _call_flags(turns, spans),
        model=embedder.name if embedder is not None and vectors.shape[1] else "",
        vectors=vectors,
        **group_postings(np.array(keys, np.uint64), np.array(postings, np.int32).reshape(-1, 2)),
    )


def index_terms(
    turn: IndexedTurn, start: int, n_chars: int, counts: Mapping[str, int], hash_key: KeyHash
) -> Segment:
    """A unit whose text is gone, from the counts of its terms."""
    bare = index_turns([replace(turn, body="x")], hash_key)
    keys = np.array([hash_key(key_of(term.casefold())) for term in counts], np.uint64)
    postings = [(0, min(count, 255)) for count in counts.values()]
    return replace(
        bare,
        starts=bare.starts + start,
        ends=bare.starts + start + n_chars,
        n_tokens=int32([n_chars // CHARS_A_TOKEN + 1]),
        n_terms=int32([sum(counts.values())]),
        **group_postings(keys, np.array(postings, np.int32).reshape(-1, 2)),
    )


def _turn_rows(turns: Sequence[IndexedTurn], names: Sequence[str]) -> dict[str, Any]:
    """A value for each turn, by the name of the array."""
    return {
        "ordinals": int32([turn.ordinal for turn in turns]),
        "roles": np.array([ROLES.index(turn.role) for turn in turns], np.uint8),
        "speakers": int32([names.index(turn.name) if turn.name else -1 for turn in turns]),
        "days": int32([day_number(turn.when) for turn in turns]),
    }


def _units(turns: Sequence[IndexedTurn]) -> list[tuple[int, int, int]]:
    """(row of the turn, start, end) of every unit."""
    units: list[tuple[int, int, int]] = []
    for row, turn in enumerate(turns):
        units += [(row, start, end) for start, end in cut_units(turn.body)]
    return units


def _flags(text: str) -> int:
    asks = text.rstrip().endswith(("?", "？"))
    return ASKS * asks + NUMBERS * has_time_or_number(text)


def _n_terms(body: str, text: str, counter: Counter[str]) -> int:
    """The terms of a unit without those of addresses; `counter` has all of them."""
    return counter.total() if text == body else len(unit_keys(text))


def _call_flags(
    turns: Sequence[IndexedTurn], spans: npt.NDArray[np.int32]
) -> npt.NDArray[np.uint8]:
    """`CALLS` for units (row of the turn, start, end) that end behind the turn's first call."""
    matches = [CALL.search(turn.body) for turn in turns]
    starts = int32([match.start() if match is not None else MAX_NUMBER for match in matches])
    is_behind: npt.NDArray[np.bool_] = spans[:, 2] > starts[spans[:, 0]]
    return CALLS * is_behind.astype(np.uint8)


def _vectors(texts: Sequence[str], embedder: Embedder | None) -> npt.NDArray[np.int8]:
    if embedder is None:
        return np.zeros((len(texts), 0), np.int8)
    return unit_vectors(embedder, texts)


def _postings(
    counters: Sequence[Counter[str]], hash_key: KeyHash
) -> tuple[list[int], list[tuple[int, int]]]:
    """The number of each key of each unit, and beside it (unit, count)."""
    keys: list[int] = []
    postings: list[tuple[int, int]] = []
    for unit, counter in enumerate(counters):
        for unit_key, count in counter.items():
            keys.append(hash_key(unit_key))
            postings.append((unit, min(count, 255)))
    return keys, postings


def day_number(day: date | None) -> int:
    """Days since 1970, in the zone of the time; `NO_DAY` for None."""
    return NO_DAY if day is None else day.toordinal() - _EPOCH
