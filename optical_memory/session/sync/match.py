"""Matching: which turn of the session each turn of a host's list is, and which turns are gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from optical_memory.session.corrections.tombstones import (
    came_back,
    has_host_id,
    is_comparable,
    known_tombstone,
)
from optical_memory.session.records import SessionRecord, TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.sync.align import align
from optical_memory.turns import Turn, body

__all__ = [
    "Match",
    "digest_of",
    "host_id_of",
    "match_turns",
    "with_forgotten",
]

SIMILAR = 0.5
"""Share of common words from which two texts are versions of the same message."""


@dataclass(frozen=True, slots=True)
class Match:
    """Turns of a list beside those of the session.

    `records` has for each turn of the list the record that it is, or that it takes the place of;
    `is_same` says if it is the same. `old` are the records that the list has no more.
    """

    records: list[TurnRecord | None]
    is_same: list[bool]
    old: list[TurnRecord]


@dataclass(frozen=True, slots=True)
class _Gap:
    """Turns of the list and records between two pairs: `turns` and `records` are positions."""

    turns: range
    records: range
    has_left: bool
    has_right: bool


def match_turns(
    snapshot: Snapshot,
    records: Sequence[TurnRecord],
    turns: Sequence[Turn],
    *,
    follows: bool,
) -> Match:
    """The match of a list of turns with records in the order of the list before.

    `follows` says that both go on after the same turn. If not, the list may have been cut at its
    front: records before the first match are not gone. Neither are records that are missing between
    others that are there, unless as many turns stand in their place. After the last match, the list
    goes another way: all other records are gone.
    """
    matcher = _Matcher(snapshot, records, turns)
    if follows:
        matcher.match(range(len(turns)), range(len(records)), follows=True)
    else:
        n_head = _n_head([turn.role for turn in turns])
        n_old_head = _n_head([record.role for record in records])
        matcher.match_head(range(n_head), range(n_old_head))
        matcher.match(range(n_head, len(turns)), range(n_old_head, len(records)), follows=False)
    return matcher.result()


def _n_head(roles: Sequence[str]) -> int:
    """How many system messages stand at the head of a list."""
    return len(list(takewhile(lambda role: role == "system", roles)))


class _Matcher:
    """Pairs of turns and records, by position."""

    def __init__(
        self, snapshot: Snapshot, records: Sequence[TurnRecord], turns: Sequence[Turn]
    ) -> None:
        self._snapshot = snapshot
        self._records = records
        self._turns = turns
        self._digests = [digest_of(snapshot.session, turn) for turn in turns]
        self._places = _places_by_id(records, turns)
        self._keys = [self._key(i) for i in range(len(turns))]
        self._old_keys = [self._old_key(i) for i in range(len(records))]
        self._pairs = {
            i: self._places[turn.id] for i, turn in enumerate(turns) if turn.id in self._places
        }
        self._old: set[int] = set()

    def _key(self, turn: int) -> str:
        id = self._turns[turn].id
        if id in self._places:
            return f"id {id}"
        digest = self._digests[turn]
        return known_tombstone(self._snapshot, digest) or digest

    def _old_key(self, record: int) -> str:
        id = host_id_of(self._records[record])
        if self._places.get(id) == record:
            return f"id {id}"
        return self._records[record].digest or self._records[record].tombstone or ""

    def match_head(self, turns: range, records: range) -> None:
        """Match the system messages at the head: the same, then by place."""
        self._align(turns, records)
        self._pair_rest(turns, records)

    def _pair_rest(self, turns: range, records: range) -> None:
        """Pair turns and records that are left, in order, as versions of each other."""
        used = set(self._pairs.values())
        rest = [i for i in records if i not in used and not is_comparable(self._records[i])]
        for turn in turns:
            if turn in self._pairs or not rest:
                continue
            if self._turns[turn].role != self._records[rest[0]].role:
                return
            self._pairs[turn] = rest.pop(0)

    def match(self, turns: range, records: range, *, follows: bool) -> None:
        """Match turns and records in order, then those in the gaps by their place."""
        chain = self._align(turns, records)
        for gap in _gaps(chain, turns, records, follows=follows):
            self._fill(gap)

    def _align(self, turns: range, records: range) -> list[tuple[int, int]]:
        old_keys = self._old_keys[records.start : records.stop]
        keys = self._keys[turns.start : turns.stop]
        pairs = align(old_keys, keys)
        chain = [(turns.start + i, records.start + place) for i, place in pairs.items()]
        self._pairs.update(chain)
        return sorted(chain)

    def _fill(self, gap: _Gap) -> None:
        """Pair what stands in a gap, and note which records are gone."""
        turns, records = self._without_forgotten(gap)
        if self._is_rewritten(gap, turns, records):
            self._pair_rest(turns, records)
            self._old.update(records)

    def _without_forgotten(self, gap: _Gap) -> tuple[range, range]:
        """What is left of a gap without forgotten turns at its ends, whose text may stand there.

        Without a tombstone, nothing is left that could tell their text from an edit, and it must
        not come back. With a tombstone, another text is an edit only if all other turns of the gap
        have their places too.
        """
        turns = gap.turns
        records = gap.records
        is_sure = gap.has_left and gap.has_right and len(turns) == len(records)
        if not is_sure and any(is_comparable(self._records[i]) for i in records):
            return turns, records
        while gap.has_left and self._may_be_forgotten(turns[:1], records[:1]):
            self._pairs[turns[0]] = records[0]
            turns = turns[1:]
            records = records[1:]
        while gap.has_right and self._may_be_forgotten(turns[-1:], records[-1:]):
            self._pairs[turns[-1]] = records[-1]
            turns = turns[:-1]
            records = records[:-1]
        return turns, records

    def _may_be_forgotten(self, turns: range, records: range) -> bool:
        if not turns or not records or turns[0] in self._pairs:
            return False
        is_unknown = not self._records[records[0]].digest
        return is_unknown and self._has_same_role(turns, records)

    def _has_same_role(self, turns: range, records: range) -> bool:
        pairs = zip(turns, records, strict=True)
        return all(self._turns[i].role == self._records[place].role for i, place in pairs)

    def _is_rewritten(self, gap: _Gap, turns: range, records: range) -> bool:
        """True if the turns of a gap stand there in place of its records."""
        if not gap.has_left and not gap.has_right:
            return bool(turns and records) and self._is_similar(turns[0], records[0])
        if not gap.has_left:
            is_same_size = len(turns) == len(records)
            return is_same_size and self._has_same_role(turns[:1], records[:1])
        if not gap.has_right:
            return True
        return len(turns) >= len(records)

    def _is_similar(self, turn: int, record: int) -> bool:
        """True if a turn reads like a version of a record whose text is there."""
        old = self._records[record]
        if old.role != self._turns[turn].role or old.text is None:
            return False
        words = set(re.findall(r"\w+", body(self._turns[turn])))
        old_words = set(re.findall(r"\w+", body(old.turn)))
        return len(words & old_words) >= SIMILAR * max(1, len(words | old_words))

    def result(self) -> Match:
        """The match of all turns."""
        places = [self._pairs.get(i) for i in range(len(self._turns))]
        partners = [None if place is None else self._records[place] for place in places]
        is_same = [
            record is not None and record.digest in ("", digest)
            for record, digest in zip(partners, self._digests, strict=True)
        ]
        old_places = sorted(self._old.difference(self._pairs.values()))
        return Match(partners, is_same, [self._records[i] for i in old_places])


def with_forgotten(
    snapshot: Snapshot, match: Match, turns: Sequence[Turn], previous_digest: str
) -> Match:
    """The match, with forgotten turns that were not among the records but stand in the list again.

    Each stands there once. `previous_digest` is that of the turn before the first.
    """
    if not snapshot.tombstones:
        return match
    records = list(match.records)
    is_same = list(match.is_same)
    used_ordinals = {record.ordinal for record in records if record is not None}
    for i, turn in enumerate(turns):
        digest = digest_of(snapshot.session, turn)
        if records[i] is None and not has_host_id(turn):
            old = came_back(snapshot, turn, digest, previous_digest)
            if old is not None and old.ordinal in used_ordinals:
                old = _same_words(snapshot, old, used_ordinals)
            if old is not None:
                records[i] = old
                is_same[i] = True
                used_ordinals.add(old.ordinal)
        previous_digest = digest
    return Match(records, is_same, match.old)


def _same_words(
    snapshot: Snapshot, forgotten: TurnRecord, used_ordinals: Collection[int]
) -> TurnRecord | None:
    """Another forgotten turn with the same words, which is no turn of the list yet."""
    mark = (forgotten.tombstone or "").encode()
    for key, data in snapshot.turns.data.pairs():
        if mark in data and snapshot.turns[key].ordinal not in used_ordinals:
            return snapshot.turns[key]
    return None


def _gaps(
    chain: Sequence[tuple[int, int]], turns: range, records: range, *, follows: bool
) -> Iterator[_Gap]:
    """The gaps before, between and after the pairs of a chain."""
    bounds = [(turns.start - 1, records.start - 1), *chain, (turns.stop, records.stop)]
    last = len(bounds) - 2
    for i, ((turn, record), (next_turn, next_record)) in enumerate(pairwise(bounds)):
        new = range(turn + 1, next_turn)
        old = range(record + 1, next_record)
        if new or old:
            yield _Gap(new, old, has_left=follows or i > 0, has_right=i < last)


def _places_by_id(records: Sequence[TurnRecord], turns: Sequence[Turn]) -> dict[str | None, int]:
    """The place of the last version of each record whose id the list has too."""
    ids = {turn.id for turn in turns if turn.id is not None}
    return {host_id_of(r): i for i, r in enumerate(records) if host_id_of(r) in ids}


def host_id_of(record: TurnRecord) -> str:
    """The id that the host gave to a turn, or our own."""
    return record.host_id or record.id


def digest_of(session: SessionRecord, turn: Turn) -> str:
    """The digest of a turn's content in this session."""
    return session.digest(TurnRecord.of(turn, turn.id or "", 0).content)
