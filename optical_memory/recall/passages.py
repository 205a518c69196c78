"""Passages: chosen units, read from pages or from text in hand, a stretch of the talk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from optical_memory.counting import count_batch
from optical_memory.recall.choose import Choice
from optical_memory.recall.open_turns import open_turn_id
from optical_memory.recall.read_pages import PageReader, RangeReading, rung_of
from optical_memory.recall.recollection import OPEN, PassageTurn, Recollection
from optical_memory.session.index_records import stub_page
from optical_memory.session.records import TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import spans_of, text_offset
from optical_memory.spans import Span
from optical_memory.turns import body

__all__ = [
    "Piece",
    "read_passages",
    "split_at_pages",
    "stretches",
]

PageRange = tuple[str, int, int]
"""A page's id, and a range of its text."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Units of a turn without a gap between them: a range of its body.

    The words that are left of a page stand under a negative ordinal (`stub_page`).
    """

    ordinal: int
    start: int
    end: int
    score: float


def stretches(choices: Iterable[Choice]) -> list[list[Piece]]:
    """Pieces in the order of the talk; turns that follow each other are in a stretch together.

    >>> hits = [Choice(7, 0, 9, 1.0, 3), Choice(2, 0, 5, 3.0, 2), Choice(8, 0, 4, 2.0, 1)]
    >>> [[piece.ordinal for piece in stretch] for stretch in stretches(hits)]
    [[2], [7, 8]]
    """
    groups: list[list[Piece]] = []
    for choice in sorted(choices, key=lambda choice: (choice.ordinal, choice.start)):
        piece = Piece(choice.ordinal, choice.start, choice.end, choice.score)
        last = groups[-1][-1] if groups else None
        if last is None or last.ordinal < 0 or piece.ordinal - last.ordinal > 1:
            groups.append([piece])
        elif last.ordinal == piece.ordinal and last.end == piece.start:
            score = max(last.score, piece.score)
            groups[-1][-1] = Piece(piece.ordinal, last.start, piece.end, score)
        else:
            groups[-1].append(piece)
    return groups


def split_at_pages(snapshot: Snapshot, groups: Iterable[Sequence[Piece]]) -> list[list[Piece]]:
    """The groups, split between pieces that begin on different pages: a picture is of a page."""
    splits: list[list[Piece]] = []
    for group in groups:
        for _, pieces in groupby(group, lambda piece: _first_page(snapshot, piece)):
            splits.append(list(pieces))
    return splits


def _first_page(snapshot: Snapshot, piece: Piece) -> str | None:
    places = _places(snapshot, piece)
    return places[0][0] if places else None


def read_passages(
    snapshot: Snapshot, page_reader: PageReader, groups: Sequence[Sequence[Piece]]
) -> list[Recollection]:
    """A passage for each group of pieces, the best first.

    Only the rows that hold a piece are read. Pieces of which nothing is left are passed over.
    Raises `StoreError` as `PageReader.read_ranges`.
    """
    places = {piece: _places_to_read(snapshot, piece) for piece in chain(*groups)}
    readings = _read(snapshot, page_reader, chain(*places.values()))
    passages: list[Recollection] = []
    for group in groups:
        builder = _Passage(snapshot)
        for piece in group:
            builder.add(piece, [(place[0], readings[place]) for place in places[piece]])
        if builder.parts:
            passages.append(builder.recollection(max(piece.score for piece in group)))
    costs = count_batch([passage.text for passage in passages])
    passages = [replace(p, n_tokens=n) for p, n in zip(passages, costs, strict=True)]
    return sorted(passages, key=lambda passage: (-passage.score, -passage.ordinal))


def _places_to_read(snapshot: Snapshot, piece: Piece) -> list[PageRange]:
    """The ranges of pages on which a piece stands, but for text that its turn has in hand."""
    record = _record(snapshot, piece)
    if record is None or record.text is None:
        return _places(snapshot, piece)
    return _places(snapshot, replace(piece, end=min(piece.end, text_offset(snapshot, record))))


def _places(snapshot: Snapshot, piece: Piece) -> list[PageRange]:
    """The ranges of pages on which a piece stands."""
    if piece.ordinal < 0:
        return [(stub_page(piece.ordinal), piece.start, piece.end)]
    record = _record(snapshot, piece)
    if record is None:
        return []
    places: list[PageRange] = []
    for page, span, offset in spans_of(snapshot, record):
        shift = span.body - offset
        start = max(span.body, piece.start + shift)
        end = min(span.end, piece.end + shift)
        if start < end:
            places.append((page.id, start, end))
    return places


def _text_in_hand(snapshot: Snapshot, piece: Piece) -> str:
    """The part of a piece that its turn's own text has."""
    record = _record(snapshot, piece)
    if record is None or record.text is None:
        return ""
    offset = text_offset(snapshot, record)
    return body(record.turn)[max(0, piece.start - offset) : max(0, piece.end - offset)]


def _record(snapshot: Snapshot, piece: Piece) -> TurnRecord | None:
    return None if piece.ordinal < 0 else snapshot.turns.get(turn_key(piece.ordinal))


def _read(
    snapshot: Snapshot, page_reader: PageReader, places: Iterable[PageRange]
) -> dict[PageRange, RangeReading]:
    ranges: dict[str, list[tuple[int, int]]] = {}
    for page, start, end in places:
        ranges.setdefault(page, []).append((start, end))
    by_page = page_reader.read_ranges(snapshot, ranges)
    readings: dict[PageRange, RangeReading] = {}
    for page, page_ranges in ranges.items():
        for (start, end), reading in zip(page_ranges, by_page[page], strict=True):
            readings[page, start, end] = reading
    return readings


class _Passage:
    """A passage that grows by a piece at a time; pieces are joined by line breaks."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._text = ""
        self._spans: list[Span] = []
        self.parts: list[PassageTurn] = []

    def add(self, piece: Piece, readings: Sequence[tuple[str, RangeReading]]) -> None:
        """Add a piece as it was read from these pages and from the text of its turn."""
        text = _text_in_hand(self._snapshot, piece)
        spans = [reading.spans for _, reading in readings]
        spans.append((Span(0, len(text), "original", 1.0),) if text else ())
        text = "".join([*(reading.text for _, reading in readings), text]).rstrip()
        if not text:
            return
        if self._text:
            self._spans.append(Span(len(self._text), len(self._text) + 1, "original", 1.0))
            self._text += "\n"
        start = len(self._text)
        self._text += text
        self._spans += _shifted(_joined(spans), start, len(text))
        rung = rung_of(self._snapshot.pages[readings[0][0]]) if readings else None
        self.parts.append(self._part(piece, start, rung))

    def _part(self, piece: Piece, start: int, rung: str | None) -> PassageTurn:
        record = _record(self._snapshot, piece)
        page_ids = [page for page, _, _ in _places(self._snapshot, piece)]
        return PassageTurn(
            id="" if record is None else record.id,
            role="system" if record is None else record.role,
            start=start,
            end=len(self._text),
            name=None if record is None else record.name,
            when=None if record is None else record.when,
            page=page_ids[0] if page_ids else None,
            last_page=page_ids[-1] if len(page_ids) > 1 else None,
            rung=rung,
            begins=piece.start == 0,
            ends=record is None or piece.end >= _length(self._snapshot, record),
        )

    def recollection(self, score: float) -> Recollection:
        """The passage; its cost is not counted yet."""
        first = self.parts[0]
        turn = self._snapshot.turn(first.id) if first.id else None
        return Recollection(
            page=open_turn_id(first.id) if first.page is None else first.page,
            text=self._text,
            spans=tuple(self._spans),
            rung=OPEN if first.page is None else first.rung,
            score=score,
            n_tokens=0,
            turns=tuple(dict.fromkeys(part.id for part in self.parts if part.id)),
            ordinal=-1 if turn is None else turn.ordinal,
            parts=tuple(self.parts),
        )


def _length(snapshot: Snapshot, record: TurnRecord) -> int:
    """The number of characters of a turn's body that is left, on pages or in hand."""
    if record.text is not None:
        return text_offset(snapshot, record) + len(body(record.turn))
    return sum(span.end - span.body for _, span, _ in spans_of(snapshot, record))


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
