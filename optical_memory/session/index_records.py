"""The search index of a session in its records: segments that grow, merge, and lose text.

A turn is indexed in the commit that remembers it. Small segments are merged, so that a session has
few of them however it was written.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

import numpy as np

from optical_memory.errors import StoreError
from optical_memory.search import build
from optical_memory.search.build import IndexedTurn
from optical_memory.search.meaning import Embedder
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_from_bytes, segment_to_bytes
from optical_memory.search.terms import key as key_of
from optical_memory.session.maps.page_parts import PlacedTurn
from optical_memory.session.opening.index_rebuilt import indexed, key_hash, rebuild, segment_of
from optical_memory.session.placing.clipped_units import clipped
from optical_memory.session.placing.turn_places import offset_in_body, spans_of, turns_placed_on
from optical_memory.session.records import PageRecord, TurnRecord, page_key, turn_key
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.base import Delete, Put
from optical_memory.stores.protection.base import refuse_damage
from optical_memory.telemetry.event_table import INDEX_DAMAGED
from optical_memory.telemetry.events import emit

__all__ = [
    "IndexDraft",
    "is_stub_key",
    "key_hash",
    "lacks_index",
    "load_segment",
    "merge_index",
    "rebuild",
    "stub_page",
]

SMALL_UNITS = 128
"""A segment of fewer units is merged with the next when a turn is remembered: about 1 ms."""

FAN_OUT = 8
"""So many segments of about the same size become a single segment when pages are sealed."""

_STUB = "stub-"
"""Keys of segments with the words that are left of a page; other keys are digits."""


def stub_page(ordinal: int) -> str:
    """The id of the page whose words stand under this negative ordinal."""
    return page_key(-1 - ordinal)


# ---- changes -------------------------------------------------------------------------------------


class IndexDraft:
    """The index of a snapshot that is being changed; `changes` gives the writes.

    All turns are indexed again if the snapshot lacks an index. `embedder` gives new turns their
    vectors.
    """

    def __init__(self, snapshot: Snapshot, embedder: Embedder | None = None) -> None:
        self._snapshot = snapshot
        self._embedder = embedder
        self._hash_key = key_hash(snapshot.session.salt)
        self._segments: dict[str, Segment] = {}  # those that have changed, by key
        self._cut_pages: set[str] = set()
        if lacks_index(snapshot):
            self._segments = dict.fromkeys(snapshot.index, Segment.merged([]))
            self._segments[turn_key(0)] = rebuild(snapshot)

    def add(self, records: Sequence[TurnRecord]) -> None:
        """Index turns, which are new or take the place of an open turn."""
        edits = [record for record in records if turn_key(record.ordinal) in self._snapshot.turns]
        self.remove([record.ordinal for record in edits])
        for key, group in groupby(edits, lambda record: self._key_for(record.ordinal)):
            self._insert(key, self._indexed(group))
        new_records = [record for record in records if record not in edits]
        if new_records:
            first_key = turn_key(new_records[0].ordinal)
            key = self._key_for(new_records[0].ordinal)
            last = self._segment(key)
            is_full = last is not None and last.n_units >= SMALL_UNITS
            self._insert(first_key if is_full else key, self._indexed(new_records))

    def _indexed(self, records: Iterable[TurnRecord]) -> Segment:
        turns = [indexed(record) for record in records]
        return build.index_turns(turns, self._hash_key, self._embedder)

    def _key_for(self, ordinal: int) -> str:
        """The key of the segment in which a turn of this ordinal has its place."""
        keys = self._keys()
        first = min(keys, default=turn_key(ordinal))
        return max((key for key in keys if key <= turn_key(ordinal)), default=first)

    def _insert(self, key: str, segment: Segment) -> None:
        old = self._segment(key)
        segments = [segment] if old is None else [old, segment]
        self._segments[key] = Segment.merged(segments).in_order()

    def remove(self, ordinals: Collection[int]) -> None:
        """Take every word of these turns out of the index."""
        for key, segment in self._segments_with(ordinals):
            self._segments[key] = segment.without(ordinals)

    def renew(self, record: TurnRecord, *, without: Collection[str] = ()) -> bool:
        """Index a turn again, without these pages; False if nothing of it is left to index."""
        self.remove([record.ordinal])
        segment = segment_of(self._snapshot, record, self._hash_key, without)
        if segment.n_units:
            self._insert(self._key_for(record.ordinal), segment)
        return segment.n_units > 0

    def cut_page(self, page: PageRecord, words: str = "", *, keeps_text: bool = False) -> None:
        """Take the text of a page out of the index; only `words` stay for the page.

        With `keeps_text`, text of the page that turns have in hand too stays in the index.
        """
        ranges = self._ranges_on(page, keeps_text=keeps_text)
        self._cut_pages.add(page.id)
        for ordinal, start, end in ranges:
            self._clip(ordinal, start, end)
            self.cut_turn(ordinal, start, end)
        ordinals = [ordinal for ordinal, _, _ in ranges]
        self.keep_rest(ordinals, (), keeps_text=keeps_text)
        stub_key = _STUB + page.id
        if words:
            stub = IndexedTurn(-1 - page.ordinal, "system", None, page.first_when, words)
            self._segments[stub_key] = build.index_turns([stub], self._hash_key)
        elif stub_key in self._snapshot.index:
            self._segments[stub_key] = Segment.merged([])

    def _ranges_on(self, page: PageRecord, *, keeps_text: bool) -> list[tuple[int, int, int]]:
        """(ordinal, start, end) of the turns' bodies on a page, without the pages that are cut."""
        ranges: list[tuple[int, int, int]] = []
        for ordinal in {turn.ordinal for turn in self._turns_on(page.id)}:
            record = self._snapshot.turns.get(turn_key(ordinal))
            if record is None:
                continue
            spans = list(spans_of(record, self._turns_on))
            is_kept = keeps_text and record.text is not None
            end_of_pages = offset_in_body(record, spans) if is_kept else sys.maxsize
            for turn_page, span, offset in spans:
                if turn_page == page.id and offset < end_of_pages:
                    ranges.append((ordinal, offset, offset + span.end - span.body))
        return ranges

    def _turns_on(self, page: str) -> tuple[PlacedTurn, ...]:
        """The turns on a page; none on a page that is cut, so that later text moves."""
        return () if page in self._cut_pages else turns_placed_on(self._snapshot, page)

    def _clip(self, ordinal: int, start: int, end: int) -> None:
        """Leave of the units at the borders of this range what other pages have of them."""
        units = self.units_of(ordinal)
        if not any(first < start < last or first < end < last for first, last in units):
            return
        keys: set[int] = set()
        for page in self._snapshot.turns[turn_key(ordinal)].pages:
            record = self._snapshot.pages.get(page)
            if record is not None and page not in self._cut_pages:
                terms = record.terms.get(str(ordinal), {})
                keys.update(self._hash_key(key_of(term.casefold())) for term in terms)
        keys_left = np.array(sorted(keys), np.uint64)
        for key, segment in self._segments_with([ordinal]):
            self._segments[key] = clipped(segment, ordinal, start, end, keys_left)

    def keep_rest(
        self, ordinals: Collection[int], pages: Collection[str], *, keeps_text: bool = True
    ) -> None:
        """Index what is left of turns of which no unit is left, after `pages` were cut.

        A sentence that stands on two pages is one unit: it goes with either page. Without
        `keeps_text`, only other pages have anything that is left.
        """
        for ordinal in ordinals:
            record = self._snapshot.turns.get(turn_key(ordinal))
            is_found = not self._snapshot.session.is_old(ordinal)
            if record is None or record.forgotten or not is_found or self.units_of(ordinal):
                continue
            rest = record if keeps_text else record.without_content()
            self.renew(rest, without={*pages, *self._cut_pages})

    def units_of(self, ordinal: int) -> list[tuple[int, int]]:
        """(start, end) of the units of a turn in its body, in order."""
        units: list[tuple[int, int]] = []
        for _, segment in self._segments_with([ordinal]):
            (rows,) = np.nonzero((segment.ordinals == ordinal)[segment.turns])
            units += zip(segment.starts[rows].tolist(), segment.ends[rows].tolist(), strict=True)
        return sorted(units)

    def cut_turn(self, ordinal: int, start: int, end: int, n_left: int = 0) -> None:
        """Take a range of a turn's body out of the index; `n_left` characters stand there then."""
        for key, segment in self._segments_with([ordinal]):
            self._segments[key] = segment.cut(ordinal, start, end, n_left)

    def merge(self) -> None:
        """Make a segment of the first `FAN_OUT` neighbours of about the same size, if any."""
        run: list[str] = []
        run_level = -1
        for key in self._keys():
            level = _level(self._segment(key))
            run = [*run, key] if level == run_level else [key]
            run_level = level
            if level >= 0 and len(run) == FAN_OUT:
                self._merge(run)
                return

    def _merge(self, keys: Sequence[str]) -> None:
        segments = filter(None, map(self._segment, keys))
        self._segments |= {
            **dict.fromkeys(keys, Segment.merged([])),
            keys[0]: Segment.merged(list(segments)),
        }

    def _keys(self) -> list[str]:
        """The keys of segments of turns, in order."""
        keys = {*self._snapshot.index, *self._segments}
        return sorted(key for key in keys if not key.startswith(_STUB))

    def _segments_with(self, ordinals: Collection[int]) -> list[tuple[str, Segment]]:
        """The segments that have any of these turns, with their keys."""
        pairs = [(key, self._segment(key)) for key in self._keys()] if ordinals else []
        return [
            (key, segment)
            for key, segment in pairs
            if segment is not None and np.isin(segment.ordinals, list(ordinals)).any()
        ]

    def _segment(self, key: str) -> Segment | None:
        """A segment with its changes; None if there is none, or it is damaged."""
        if key in self._segments:
            return self._segments[key]
        data = self._snapshot.index.get(key)
        return None if data is None else load_segment(data)

    def changes(self) -> list[Change]:
        """The writes of the segments that have changed; empty segments go."""
        return [
            Put("index", key, segment_to_bytes(segment))
            if segment.n_units
            else Delete("index", key)
            for key, segment in self._segments.items()
            if segment.n_units or key in self._snapshot.index
        ]


def merge_index(snapshot: Snapshot) -> list[Change]:
    """Writes that merge segments of the index; none if there are few.

    None if the session's record is damaged: the key of the index's words is gone with it.
    """
    if snapshot.is_session_damaged:
        return []
    draft = IndexDraft(snapshot)
    draft.merge()
    return draft.changes()


def _level(segment: Segment | None) -> int:
    """How often segments were merged to this size; -1 for a segment that still grows."""
    if segment is None or segment.n_units < SMALL_UNITS:
        return -1
    return int(math.log(segment.n_units / SMALL_UNITS, FAN_OUT))


# ---- reading -------------------------------------------------------------------------------------


def lacks_index(snapshot: Snapshot) -> bool:
    """True if an older version wrote the session, or if the key of the index's words is gone."""
    return snapshot.is_session_damaged or bool(snapshot.turns and not snapshot.index)


def is_stub_key(key: str) -> bool:
    """True for the key of a segment with the words that are left of a page."""
    return key.startswith(_STUB)


def load_segment(data: bytes) -> Segment | None:
    """The segment in these bytes; None, and a line in the log, if it is damaged."""
    try:
        refuse_damage(data)
        return segment_from_bytes(data)
    except StoreError as error:
        emit(INDEX_DAMAGED, error=error)
        return None
