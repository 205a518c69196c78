"""Reading pages on demand: text that is still kept, or the picture decoded from cached tokens, as
`Recollection`s.

On a cache miss the stored picture is encoded again and goes through the codec like any other, so a
lost blob changes speed and nothing else; nor does a cache that fails. The vision tower never runs
on a hit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from optical_memory.certificate import Certificate, RungCertificate, certify_reading
from optical_memory.counting import count_batch
from optical_memory.errors import (
    CorruptTokens,
    Forgotten,
    ReaderMismatch,
    ReadingFailed,
    StoreError,
)
from optical_memory.ledger import Ledger, LedgerSpan, blank, splice
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.readings import Reading
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers.pictures import from_png
from optical_memory.session.archive import Archive, Snapshot
from optical_memory.session.erased_rows import is_gone, white_rows, with_white, without_white
from optical_memory.session.records import PageRecord
from optical_memory.spans import Span, statuses
from optical_memory.tokens import TokenCodec, VisualTokens, blob_key, unpack

__all__ = ["PageReader"]

log = logging.getLogger("optical_memory")


class PageReader:
    """Encodes, certifies and reads the pages of one session with one reader and one codec."""

    def __init__(self, archive: Archive, reader: Reader, codec: TokenCodec) -> None:
        self.archive, self.reader, self.codec = archive, reader, codec
        self._cache_works = True  # until it fails: said once, and once more when it works again

    # ---- tokens ----------------------------------------------------------------------------------

    def tokens(self, records: Sequence[PageRecord], rung: Rung) -> list[VisualTokens]:
        """The pages' tokens at `rung`, cached where they are, else encoded from the stored pictures
        and cached.
        """
        keys = [self._key(record, rung) for record in records]
        found = [self._unpack(blob, rung) for blob in self._cached(keys)]
        missing = [i for i, tokens in enumerate(found) if tokens is None]
        if missing:
            images = [from_png(self.picture(records[i], rung)) for i in missing]
            blobs = [self.codec.pack(tokens) for tokens in self.reader.encode(images, rung)]
            fresh = {keys[i]: blob for i, blob in zip(missing, blobs, strict=True)}
            self._cache(fresh, [records[i] for i in missing], rung)
            for i, blob in zip(missing, blobs, strict=True):
                found[i] = unpack(blob)
        return [tokens for tokens in found if tokens is not None]

    def _cached(self, keys: Sequence[str]) -> list[bytes | None]:
        """Blobs by key; a cache that says no has none."""
        try:
            blobs = self.archive.store.get_blobs(self.archive.session, keys)
        except StoreError as error:
            self._told(error)
            return [None] * len(keys)
        self._told(None)
        return blobs

    def _cache(self, blobs: dict[str, bytes], records: Sequence[PageRecord], rung: Rung) -> None:
        """Keep blobs, but none of a page that faded or was forgotten meanwhile: for that, raises
        `StoreError`.
        """
        try:
            self.archive.store.put_blobs(self.archive.session, blobs)
        except StoreError as error:
            self._told(error)
        now = self.archive.snapshot().pages
        if not all(self._has(now.get(record.id), record.digest, rung) for record in records):
            self.archive.store.drop_blobs(self.archive.session, list(blobs))
            raise StoreError(
                f"pages of session {self.archive.session!r} faded while they were read"
            )

    def _has(self, record: PageRecord | None, digest: str, rung: Rung) -> bool:
        """Whether the page still is what `digest` says and has a picture at `rung`."""
        if record is None or record.digest != digest or record.state in ("stub", "forgotten"):
            return False
        ladder = self.reader.profile.ladder
        return record.rung is None or ladder.index(
            self.reader.profile.rung(record.rung)
        ) <= ladder.index(rung)

    def drop(self, record: PageRecord, rungs: Sequence[Rung]) -> None:
        """Let go of a page's cached tokens at these rungs; where the cache says no, they go when
        their time is up.
        """
        try:
            self.archive.store.drop_blobs(
                self.archive.session, [self._key(record, rung) for rung in rungs]
            )
        except StoreError as error:
            self._told(error)

    def _told(self, error: StoreError | None) -> None:
        if error is not None and self._cache_works:
            log.warning(
                "the token cache of session %r fails, pages are encoded anew: %s",
                self.archive.session,
                error,
            )
        self._cache_works = error is None

    def _key(self, record: PageRecord, rung: Rung) -> str:
        profile = self.reader.profile
        return blob_key(record.digest, profile.id, profile.revision, rung.name, self.codec.name)

    def _unpack(self, blob: bytes | None, rung: Rung) -> VisualTokens | None:
        """None for what is absent or damaged: a cache may be wrong, it is never trusted."""
        profile = self.reader.profile
        try:
            return (
                None
                if blob is None
                else unpack(blob, expect=(profile.id, profile.revision, rung.name))
            )
        except (CorruptTokens, ReaderMismatch):
            return None

    def picture(self, record: PageRecord, rung: Rung) -> bytes:
        """The stored PNG. Raises `StoreError` where there is none: the page has faded or is
        damaged.
        """
        data = self.archive.picture(record.id, rung.name)
        if data is None:
            raise StoreError(
                f"page {record.id} has no picture at {rung.name!r} in session {self.archive.session!r}"
            )
        return data

    # ---- certificates ----------------------------------------------------------------------------

    def certify(self, record: PageRecord, page: Page) -> Certificate:
        """What this reader makes of the page at every rung, measured while the text is in hand.

        A rung that it fails to read is left out, so that nothing fades to it.
        """
        profile, layout = self.reader.profile, page.layout
        white = white_rows(self.archive.snapshot(), layout)
        shown = Page(
            without_white(layout, white),
            tuple(line for i, line in enumerate(page.lines) if i not in white),
        )
        rungs: dict[str, RungCertificate] = {}
        for rung in profile.ladder:
            try:
                (reading,) = self.reader.certify(self.tokens([record], rung), [shown])
                rungs[rung.name] = certify_reading(
                    rung.name, page.text, with_white(reading, layout, white)
                )
            except ReadingFailed as error:
                log.warning("page %s of session %r: %s", record.id, self.archive.session, error)
        return Certificate(profile.id, profile.revision, self.codec.name, rungs)

    # ---- reading ---------------------------------------------------------------------------------

    def read(self, snapshot: Snapshot, pages: Sequence[tuple[str, float]]) -> list[Recollection]:
        """The pages (id, score) as they read now, in the order asked for. Raises `Forgotten` for
        one that is gone.
        """
        records = [snapshot.pages[id] for id, _ in pages]
        gone = [record.id for record in records if not record.readable]
        if gone:
            raise Forgotten(
                f"forgotten: page {', '.join(gone)} of session {self.archive.session!r}"
            )
        drawn = [
            record for record in records if record.lines is None and record.state == "certified"
        ]
        readings = self._decode(snapshot, drawn)
        found = [self._recollect(snapshot, record, readings.get(record.id)) for record in records]
        costs = count_batch([text for text, _ in found])
        return [
            Recollection(
                r.id, text, tuple(spans), _rung(r), score, cost, _turns(snapshot, r), r.ordinal
            )
            for r, (text, spans), (_, score), cost in zip(records, found, pages, costs, strict=True)
        ]

    def _decode(self, snapshot: Snapshot, records: Sequence[PageRecord]) -> dict[str, Reading]:
        """Readings by page. Rows of forgotten turns are white: no reader is told of them, nor made
        to find them.
        """
        readings: dict[str, Reading] = {}
        for rung in self.reader.profile.ladder:
            group = [record for record in records if record.rung == rung.name]
            if group:
                layouts = [record.get_layout() for record in group]
                white = [white_rows(snapshot, layout) for layout in layouts]
                shown = [
                    without_white(layout, rows) for layout, rows in zip(layouts, white, strict=True)
                ]
                decoded = self.reader.decode(self.tokens(group, rung), shown)
                whole = map(with_white, decoded, layouts, white)
                readings |= {
                    record.id: reading for record, reading in zip(group, whole, strict=True)
                }
        return readings

    def _recollect(
        self, snapshot: Snapshot, record: PageRecord, reading: Reading | None
    ) -> tuple[str, list[Span]]:
        """Text and spans; a forgotten turn is blank and `forgotten`, whatever a reader sees in its
        white rows.
        """
        layout = None if record.layout is None else record.get_layout()
        gone = (
            [(s.start, s.end) for s in layout.spans if is_gone(snapshot, s.turn)] if layout else []
        )
        page = record.get_page()
        if page is not None:
            kept = Ledger((LedgerSpan(0, len(page.text), "text", page.text),))
            for start, end in gone:
                kept = blank(kept, start, end)
            return page.text, statuses(len(page.text), kept, None, None)
        if record.state == "stub":
            return _stub(record)
        if reading is None or record.rung is None:
            raise StoreError(
                f"page {record.id} is {record.state} but has neither text nor a picture to read"
            )
        ledger = record.get_ledger()
        proof = self._proof(record.get_certificate(), record.rung)
        text = _blanked(splice(reading.text, ledger), gone)
        return text, statuses(len(text), ledger, proof, reading, gone=gone)

    def _proof(self, certificate: Certificate | None, rung: str) -> RungCertificate | None:
        """The rung's certificate, if it was made by this reader, revision and codec."""
        mine = (self.reader.profile.id, self.reader.profile.revision, self.codec.name)
        if (
            certificate is None
            or (certificate.reader, certificate.revision, certificate.codec) != mine
        ):
            return None
        return certificate.rungs.get(rung)


def _blanked(text: str, gone: Sequence[tuple[int, int]]) -> str:
    for start, end in gone:
        white = "".join("\n" if char == "\n" else " " for char in text[start:end])
        text = text[:start] + white + text[end:]
    return text


def _rung(record: PageRecord) -> str | None:
    """What the recollection was read from: None for text."""
    return None if record.lines is not None else "stub" if record.state == "stub" else record.rung


def _turns(snapshot: Snapshot, record: PageRecord) -> tuple[str, ...]:
    if record.layout is not None:
        return tuple(span.turn for span in record.get_layout().spans)
    return tuple(turn.id for turn in snapshot.turns.values() if record.id in turn.pages)


def _stub(record: PageRecord) -> tuple[str, list[Span]]:
    """Keywords and facts, all of them original."""
    ledger: Ledger = record.get_ledger()
    text = "\n".join([" ".join(record.keywords), *(span.text for span in ledger.spans)])
    return text, [Span(0, len(text), "original", 1.0)]
