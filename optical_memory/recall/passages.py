"""Passages: chosen units, read from pages or from text in hand, a stretch of the talk at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, groupby

from optical_memory.counting import count_batch
from optical_memory.recall.choose import Choice
from optical_memory.recall.open_turns import open_turn_id
from optical_memory.recall.read_pages import PageReader, RangeReading, rung_of
from optical_memory.recall.recollection import (
    OPEN,
    OTHER_READER,
    PassageTurn,
    Recollection,
    Recollections,
)
from optical_memory.recall.sources import PageRange, Piece, Source, Sources
from optical_memory.session.corrections.versions import host_id_of, superseded_turns
from optical_memory.session.index_records import stub_page
from optical_memory.session.records import TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.spans import Span

__all__ = [
    "read_passages",
    "split_at_pages",
    "stretches",
    "with_exact_costs",
]

NO_PAGE = "~"
"""Comes after the ids of all pages."""

LONGEST_GAP = 100_000
"""So many turns in a row may be gone from a session; a damaged count may say any number."""


def stretches(choices: Iterable[Choice]) -> list[list[Piece]]:
    """Pieces in the order of the talk; turns that follow each other are in a stretch together.

    >>> hits = [Choice(7, 0, 9, 1.0, 3), Choice(2, 0, 5, 3.0, 2), Choice(8, 0, 4, 2.0, 1)]
    >>> [[piece.ordinal for piece in stretch] for stretch in stretches(hits)]
    [[2], [7, 8]]
    """
    groups: list[list[Piece]] = []
    for choice in sorted(choices, key=lambda choice: (choice.ordinal, choice.start)):
        piece = Piece(choice.ordinal, choice.start, choice.end, choice.score, choice.n_tokens)
        last = groups[-1][-1] if groups else None
        if last is None or last.ordinal < 0 or piece.ordinal - last.ordinal > 1:
            groups.append([piece])
        elif last.ordinal == piece.ordinal and last.end == piece.start:
            score = max(last.score, piece.score)
            n_tokens = last.n_tokens + piece.n_tokens
            groups[-1][-1] = Piece(piece.ordinal, last.start, piece.end, score, n_tokens)
        else:
            groups[-1].append(piece)
    return groups


def split_at_pages(sources: Sources, groups: Iterable[Sequence[Piece]]) -> list[list[Piece]]:
    """The groups, split between pieces that begin on different pages: a picture is of a page."""
    splits: list[list[Piece]] = []
    for group in groups:
        for _, pieces in groupby(group, sources.first_page):
            splits.append(list(pieces))
    return splits


def read_passages(
    sources: Sources,
    page_reader: PageReader,
    groups: Sequence[Sequence[Piece]],
    *,
    in_time: bool = False,
) -> Recollections:
    """A passage for each group of pieces, the best first.

    Only the rows that hold a piece are read. Pieces of which nothing is left are passed over. The
    cost of a passage is that of its units, each counted by itself. With `in_time`, pieces that the
    turn has no time to read are left out and counted. The reader's guard looks at all of them.
    Raises `StoreError` as `PageReader.read_ranges`.
    """
    snapshot = sources.snapshot
    by_score = sorted(dict.fromkeys(chain(*groups)), key=lambda piece: -piece.score)
    places = [sources[piece].places_to_read for piece in by_score]
    readings = _read(snapshot, page_reader, chain(*places), in_time=in_time)
    passages: list[Recollection] = []
    n_unread = 0
    for group in groups:
        builder = _Passage(snapshot)
        for piece in group:
            source = sources[piece]
            if not readings.keys() >= set(source.places_to_read):
                n_unread += 1
                continue
            builder.add(source, [(place[0], readings[place]) for place in source.places_to_read])
        if builder.parts:
            passages.append(builder.recollection(group))
    passages.sort(key=lambda passage: (-passage.score, -passage.ordinal))
    checked, suspects = page_reader.guard.checked(passages)
    return Recollections(checked, n_unread=n_unread, suspects=suspects)


def with_exact_costs(passages: Recollections) -> Recollections:
    """The passages, each with the DeepSeek tokens of its whole text."""
    costs = count_batch([passage.text for passage in passages])
    exact = [replace(p, n_tokens=n) for p, n in zip(passages, costs, strict=True)]
    return Recollections(
        exact,
        n_unread=passages.n_unread,
        is_complete=passages.is_complete,
        suspects=passages.suspects,
    )


def _read(
    snapshot: Snapshot, page_reader: PageReader, places: Iterable[PageRange], *, in_time: bool
) -> dict[PageRange, RangeReading]:
    ranges: dict[str, list[tuple[int, int]]] = {}
    for page, start, end in places:
        ranges.setdefault(page, []).append((start, end))
    by_page = page_reader.read_ranges(snapshot, ranges, in_time=in_time)
    readings: dict[PageRange, RangeReading] = {}
    for page, page_readings in by_page.items():
        for (start, end), reading in zip(ranges[page], page_readings, strict=True):
            readings[page, start, end] = reading
    return readings


class _Passage:
    """A passage that grows by a piece at a time; pieces are joined by line breaks."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._text = ""
        self._spans: list[Span] = []
        self.parts: list[PassageTurn] = []

    def add(self, source: Source, readings: Sequence[tuple[str, RangeReading]]) -> None:
        """Add a piece as it was read from these pages and from the text of its turn."""
        spans = [reading.spans for _, reading in readings]
        spans.append((Span(0, len(source.text), "original", 1.0),) if source.text else ())
        text = "".join([*(reading.text for _, reading in readings), source.text]).rstrip()
        if not text:
            return
        if self._text:
            self._spans.append(Span(len(self._text), len(self._text) + 1, "original", 1.0))
            self._text += "\n"
        start = len(self._text)
        self._text += text
        self._spans += _shifted(_joined(spans), start, len(text))
        rung = None
        if readings:
            rung = rung_of(self._snapshot.pages[readings[0][0]])
        if any(reading.is_unread for _, reading in readings):
            rung = OTHER_READER
        self.parts.append(self._part(source, start, rung))

    def _part(self, source: Source, start: int, rung: str | None) -> PassageTurn:
        record = source.record
        page_ids = [page for page, _, _ in source.places]
        return PassageTurn(
            id="" if record is None else host_id_of(self._snapshot, record),
            role="system" if record is None else record.role,
            start=start,
            end=len(self._text),
            name=None if record is None else record.name,
            when=record.when if record is not None else self._first_time(page_ids),
            page=page_ids[0] if page_ids else None,
            last_page=page_ids[-1] if len(page_ids) > 1 else None,
            rung=rung,
            begins=source.piece.start == 0,
            ends=source.ends,
            version=1 if record is None else record.version,
            superseded_by=None if record is None else record.superseded_by,
            supersedes=self._superseded_turns(record),
        )

    def _superseded_turns(self, record: TurnRecord | None) -> tuple[str, ...]:
        """The turns that a turn superseded; an older version superseded nothing that is told."""
        if record is None or record.is_older_version or not self._snapshot.superseded:
            return ()
        return superseded_turns(self._snapshot, host_id_of(self._snapshot, record))

    def _first_time(self, page_ids: Sequence[str]) -> datetime | None:
        """The time of the first turn of these pages."""
        records = [self._snapshot.pages[id] for id in page_ids if id in self._snapshot.pages]
        return records[0].first_when if records else None

    def recollection(self, pieces: Sequence[Piece]) -> Recollection:
        """The passage of these pieces."""
        first = self.parts[0]
        return Recollection(
            page=open_turn_id(first.id) if first.page is None else first.page,
            text=self._text,
            spans=tuple(self._spans),
            rung=OPEN if first.page is None else first.rung,
            score=max(piece.score for piece in pieces),
            n_tokens=sum(piece.n_tokens for piece in pieces),
            turns=tuple(dict.fromkeys(part.id for part in self.parts if part.id)),
            ordinal=_place_in_talk(self._snapshot, pieces[0]),
            parts=tuple(self.parts),
        )


def _place_in_talk(snapshot: Snapshot, piece: Piece) -> int:
    """The ordinal of a passage's first turn; of a stub's, the first turn on its page or after it.

    Turns stand on pages in their order, so that is found by halves.
    """
    if piece.ordinal >= 0:
        return piece.ordinal
    page = stub_page(piece.ordinal)
    keys = range(snapshot.session.next_turn)
    return bisect_left(keys, page, key=lambda ordinal: _last_page(snapshot, ordinal))


def _last_page(snapshot: Snapshot, ordinal: int) -> str:
    """The last page on which a turn stands, or the next turn if this is gone; "~" if on none."""
    for key in range(ordinal, min(snapshot.session.next_turn, ordinal + LONGEST_GAP)):
        record = snapshot.turns.get(turn_key(key))
        if record is not None:
            return record.pages[-1] if record.pages else NO_PAGE
    return NO_PAGE


def _joined(readings: Iterable[Sequence[Span]]) -> list[Span]:
    """The spans of texts that follow each other without anything between."""
    spans: list[Span] = []
    for reading in readings:
        offset = spans[-1].end if spans else 0
        spans += [replace(s, start=s.start + offset, end=s.end + offset) for s in reading]
    return spans


def _shifted(spans: Iterable[Span], offset: int, n_chars: int) -> list[Span]:
    """The spans of the first `n_chars` characters of a text that begins at `offset`."""
    return [
        replace(span, start=span.start + offset, end=min(span.end, n_chars) + offset)
        for span in spans
        if span.start < n_chars
    ]
