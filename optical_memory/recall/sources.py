"""Sources: where pieces of turns stand, on pages or in the text of their turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from optical_memory.pages import TurnSpan
from optical_memory.session.index_records import stub_page
from optical_memory.session.placing.turn_places import offset_in_body, spans_of, turns_placed_on
from optical_memory.session.records import TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import body, short_repr

__all__ = [
    "PageRange",
    "Piece",
    "Source",
    "Sources",
]

PageRange = tuple[str, int, int]
"""A page's id, and a range of its text."""


PlacedSpan = tuple[str, TurnSpan, int]
"""A page, a turn's span on it, and the offset in the turn's body, as `spans_of` gives them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Units of a turn without a gap between them: a range of its body, and what they cost.

    The words that are left of a page stand under a negative ordinal (`stub_page`).
    """

    ordinal: int
    start: int
    end: int
    score: float
    n_tokens: int = 0


@short_repr
@dataclass(frozen=True, slots=True)
class Source:
    """Where a piece stands: ranges of pages, those of them that are to be read, and a text.

    `text` is the part of it that its turn has in hand. `ends` is True if the turn ends with it.
    """

    piece: Piece
    record: TurnRecord | None
    places: Sequence[PageRange]
    places_to_read: Sequence[PageRange]
    text: str
    ends: bool


class Sources:
    """Where pieces stand in a snapshot. Each piece, page and turn is looked up once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._sources: dict[Piece, Source] = {}
        self._bodies: dict[int, str] = {}
        self._turns_on = cache(partial(turns_placed_on, snapshot))

    def __getitem__(self, piece: Piece) -> Source:
        """Where the piece stands."""
        if piece not in self._sources:
            self._sources[piece] = self._find(piece)
        return self._sources[piece]

    def first_page(self, piece: Piece) -> str | None:
        """The page on which the piece begins."""
        places = self[piece].places
        return places[0][0] if places else None

    def _find(self, piece: Piece) -> Source:
        if piece.ordinal < 0:
            places = self._stub_places(piece)
            return Source(piece, None, places, places, "", ends=True)
        record = self.snapshot.turns.get(turn_key(piece.ordinal))
        if record is None:
            return Source(piece, None, (), (), "", ends=True)
        spans = list(spans_of(record, self._turns_on))
        places = _places(spans, piece.start, piece.end)
        if record.text is None:
            length = sum(span.end - span.body for _, span, _ in spans)
            return Source(piece, record, places, places, "", ends=piece.end >= length)
        offset = offset_in_body(record, spans)
        text = self._body(record)
        return Source(
            piece=piece,
            record=record,
            places=places,
            places_to_read=_places(spans, piece.start, min(piece.end, offset)),
            text=text[max(0, piece.start - offset) : max(0, piece.end - offset)],
            ends=piece.end >= offset + len(text),
        )

    def _stub_places(self, piece: Piece) -> list[PageRange]:
        """The range of a stub; nothing if an index that lies names a page that is not there."""
        id = stub_page(piece.ordinal)
        page = self.snapshot.pages.get(id)
        return [] if page is None or not page.readable else [(id, piece.start, piece.end)]

    def _body(self, record: TurnRecord) -> str:
        if record.ordinal not in self._bodies:
            self._bodies[record.ordinal] = body(record.turn)
        return self._bodies[record.ordinal]


def _places(spans: Iterable[PlacedSpan], first: int, last: int) -> list[PageRange]:
    """The ranges of pages on which the range of a turn's body stands."""
    places: list[PageRange] = []
    for page, span, offset in spans:
        shift = span.body - offset
        start = max(span.body, first + shift)
        end = min(span.end, last + shift)
        if start < end:
            places.append((page, start, end))
    return places
