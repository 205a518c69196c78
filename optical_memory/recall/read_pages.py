"""Reading on demand: pages and open turns of a session to `Recollection`s.

A page whose text is kept is read from that text. Any other page is decoded from its visual tokens,
and the exact facts of its ledger are put over the reading.
"""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.counting import count_batch
from optical_memory.errors import Forgotten, StoreError
from optical_memory.ledger import Ledger, LedgerSpan, splice
from optical_memory.profiles import Rung
from optical_memory.recall.find import Hit
from optical_memory.recall.open_turns import is_open_turn_id, open_turns
from optical_memory.recall.recollection import Recollection
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import CheckedReading, StoredPage
from optical_memory.session.token_cache import TokenCache
from optical_memory.spans import Span, statuses
from optical_memory.tokens import VisualTokens

__all__ = [
    "PageReader",
]

TextAndSpans = tuple[str, list[Span]]


class PageReader:
    """Reads the pages of one session with the reader and the codec of its token cache."""

    def __init__(self, cache: TokenCache) -> None:
        self.reader = cache.reader
        self._cache = cache

    def read(self, snapshot: Snapshot, hits: Sequence[Hit]) -> list[Recollection]:
        """The pages and open turns of these hits as they read now, in the order of the hits.

        Raises `Forgotten` for a page that is forgotten or never was. Raises `StoreError` if a
        record or picture is missing or damaged, also if a page fades or goes while it is read.
        """
        pages = self._pages(snapshot, [hit for hit in hits if not is_open_turn_id(hit.id)])
        turns = open_turns(snapshot, {hit.id: hit.score for hit in hits})
        recollections = pages | turns
        for hit in hits:
            if hit.id not in recollections:
                raise Forgotten(f"no {hit.id!r} in session {self._cache.archive.session!r}")
        return [recollections[hit.id] for hit in hits]

    def picture(self, record: PageRecord, rung: Rung) -> bytes:
        """The stored PNG of a page. Raises `StoreError` if there is none at this rung."""
        return self._cache.picture(record, rung)

    def tokens(self, record: PageRecord, rung: Rung) -> VisualTokens:
        """The visual tokens of a page. Raises `StoreError` as `TokenCache.tokens`."""
        (tokens,) = self._cache.tokens([record], rung)
        return tokens

    def _pages(self, snapshot: Snapshot, hits: Sequence[Hit]) -> dict[str, Recollection]:
        stored_pages = [self._open(snapshot, hit.id) for hit in hits]
        readings = self._decode([page for page in stored_pages if page.needs_decoding])
        texts = [_text_and_spans(page, readings.get(page.record.id)) for page in stored_pages]
        costs = count_batch([text for text, _ in texts])
        recollections: dict[str, Recollection] = {}
        for hit, page, (text, spans), n_tokens in zip(
            hits, stored_pages, texts, costs, strict=True
        ):
            recollections[hit.id] = Recollection(
                page=page.record.id,
                text=text,
                spans=tuple(spans),
                rung=_rung(page.record),
                score=hit.score,
                n_tokens=n_tokens,
                turns=_turn_ids(snapshot, page),
                ordinal=page.record.ordinal,
            )
        return recollections

    def _open(self, snapshot: Snapshot, id: str) -> StoredPage:
        record = snapshot.pages.get(id)
        session = self._cache.archive.session
        if record is None:
            raise Forgotten(f"no page {id!r} in session {session!r}")
        if not record.readable:
            raise Forgotten(f"forgotten: page {id} of session {session!r}")
        return StoredPage.of(record, snapshot)

    def _decode(self, pages: Sequence[StoredPage]) -> dict[str, CheckedReading]:
        """Readings by page id. Layouts without the white rows of `StoredPage` go to the reader."""
        readings: dict[str, CheckedReading] = {}
        for rung in self.reader.profile.ladder:
            group = [page for page in pages if page.record.rung == rung.name]
            if group:
                readings |= self._decode_at(rung, group)
        return readings

    def _decode_at(self, rung: Rung, pages: Sequence[StoredPage]) -> dict[str, CheckedReading]:
        layouts = [page.layout for page in pages if page.layout is not None]
        tokens = self._cache.tokens([page.record for page in pages], rung)
        legible_layouts = [
            page.legible_layout(layout) for page, layout in zip(pages, layouts, strict=True)
        ]
        readings = self.reader.decode(tokens, legible_layouts)
        profile = self.reader.profile
        maker = (profile.id, profile.revision, self._cache.codec.name)
        return {
            page.record.id: page.checked(reading, layout, maker)
            for page, layout, reading in zip(pages, layouts, readings, strict=True)
        }


def _text_and_spans(page: StoredPage, checked_reading: CheckedReading | None) -> TextAndSpans:
    """A page from its text, from its stub, or from its reading, in this order."""
    record = page.record
    reading = None
    is_confirmed = None
    if page.page is not None:
        text = page.page.text
        ledger = _whole_text(text)
    elif record.state == "stub":
        text = _stub_text(record, page.ledger)
        ledger = _whole_text(text)
    elif checked_reading is not None:
        reading = checked_reading.reading
        is_confirmed = checked_reading.is_confirmed
        ledger = page.ledger
        text = _blanked(splice(reading.text, ledger), page.erased_spans)
    else:
        raise StoreError(
            f"page {record.id} is {record.state} but has neither text nor a picture to read"
        )
    spans = statuses(len(text), ledger, is_confirmed, reading, erased_ranges=page.erased_spans)
    return text, spans


def _whole_text(text: str) -> Ledger:
    """A ledger with all of a text that was not read from a picture."""
    return Ledger((LedgerSpan(0, len(text), "text", text),))


def _stub_text(record: PageRecord, ledger: Ledger) -> str:
    """Keywords, then the facts, a line each."""
    return "\n".join([" ".join(record.keywords), *(span.text for span in ledger.spans)])


def _blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with blanks in these ranges; line ends stay."""
    for start, end in spans:
        blanks = "".join("\n" if char == "\n" else " " for char in text[start:end])
        text = text[:start] + blanks + text[end:]
    return text


def _rung(record: PageRecord) -> str | None:
    """The rung of the page's recollection: None if it was read from text."""
    if record.lines is not None:
        return None
    return "stub" if record.state == "stub" else record.rung


def _turn_ids(snapshot: Snapshot, page: StoredPage) -> tuple[str, ...]:
    if page.layout is not None:
        return tuple(span.turn for span in page.layout.spans)
    id = page.record.id
    return tuple(turn.id for turn in snapshot.turns.values() if id in turn.pages)
