"""Reading pages on demand: text that is still kept, or the picture decoded from cached tokens, as `Recollection`s.

On a cache miss the stored picture is encoded again and goes through the codec like any other, so a lost blob changes
speed and nothing else. The vision tower never runs on a hit.
"""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.archive import Archive, Snapshot
from optical_memory.certificate import Certificate, RungCertificate, Span, certify_reading, statuses
from optical_memory.counting import count_batch
from optical_memory.errors import CorruptTokens, Forgotten, ReaderMismatch, StoreError
from optical_memory.ledger import Ledger, splice
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader, Reading
from optical_memory.recollection import Recollection
from optical_memory.records import PageRecord
from optical_memory.renderers.pictures import from_png
from optical_memory.tokens import TokenCodec, VisualTokens, blob_key, unpack

__all__ = ["PageReader"]

BLOB_TTL = 30 * 24 * 3600  # seconds


class PageReader:
    """Encodes, certifies and reads the pages of one session with one reader and one codec."""

    def __init__(self, archive: Archive, reader: Reader, codec: TokenCodec) -> None:
        self.archive, self.reader, self.codec = archive, reader, codec

    # ---- tokens -----------------------------------------------------------------------------------------------------

    def tokens(self, records: Sequence[PageRecord], rung: Rung) -> list[VisualTokens]:
        """The pages' tokens at `rung`, cached where they are, else encoded from the stored pictures and cached."""
        keys = [self._key(record, rung) for record in records]
        found = [self._unpack(blob, rung) for blob in self.archive.store.get_blobs(self.archive.session, keys)]
        missing = [i for i, tokens in enumerate(found) if tokens is None]
        if missing:
            images = [from_png(self._picture(records[i], rung)) for i in missing]
            blobs = [self.codec.pack(tokens) for tokens in self.reader.encode(images, rung)]
            fresh = {keys[i]: blob for i, blob in zip(missing, blobs, strict=True)}
            self.archive.store.put_blobs(self.archive.session, fresh, ttl=BLOB_TTL)
            for i, blob in zip(missing, blobs, strict=True):
                found[i] = unpack(blob)
        return [tokens for tokens in found if tokens is not None]

    def _key(self, record: PageRecord, rung: Rung) -> str:
        profile = self.reader.profile
        return blob_key(record.digest, profile.id, profile.revision, rung.name, self.codec.name)

    def _unpack(self, blob: bytes | None, rung: Rung) -> VisualTokens | None:
        """None for what is absent or damaged: a cache may be wrong, it is never trusted."""
        profile = self.reader.profile
        try:
            return None if blob is None else unpack(blob, expect=(profile.id, profile.revision, rung.name))
        except (CorruptTokens, ReaderMismatch):
            return None

    def _picture(self, record: PageRecord, rung: Rung) -> bytes:
        data = self.archive.picture(record.id, rung.name)
        if data is None:
            raise StoreError(f"page {record.id} has no picture at {rung.name!r} in session {self.archive.session!r}")
        return data

    # ---- certificates -----------------------------------------------------------------------------------------------

    def certify(self, record: PageRecord, page: Page) -> Certificate:
        """What this reader makes of the page at every rung, measured while the text is in hand."""
        profile = self.reader.profile
        rungs: dict[str, RungCertificate] = {}
        for rung in profile.ladder:
            (reading,) = self.reader.certify(self.tokens([record], rung), [page])
            rungs[rung.name] = certify_reading(rung.name, page.text, reading)
        return Certificate(profile.id, profile.revision, self.codec.name, rungs)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def read(self, snapshot: Snapshot, pages: Sequence[tuple[str, float]]) -> list[Recollection]:
        """The pages (id, score) as they read now, in the order asked for. Raises `Forgotten` for a page that is gone."""
        records = [snapshot.pages[id] for id, _ in pages]
        gone = [record.id for record in records if record.state == "forgotten"]
        if gone:
            raise Forgotten(f"forgotten: page {', '.join(gone)} of session {self.archive.session!r}")
        readings = self._decode([record for record in records if record.lines is None and record.state == "certified"])
        found = [self._recollect(record, score, readings.get(record.id)) for record, (_, score) in zip(records, pages, strict=True)]
        costs = count_batch([text for text, _ in found])
        return [
            Recollection(r.id, text, tuple(spans), _rung(r), score, cost, _turns(snapshot, r), r.ordinal)
            for r, (text, spans), (_, score), cost in zip(records, found, pages, costs, strict=True)
        ]

    def _decode(self, records: Sequence[PageRecord]) -> dict[str, Reading]:
        readings: dict[str, Reading] = {}
        for rung in self.reader.profile.ladder:
            group = [record for record in records if record.rung == rung.name]
            if group:
                decoded = self.reader.decode(self.tokens(group, rung), [record.get_layout() for record in group])
                readings |= {record.id: reading for record, reading in zip(group, decoded, strict=True)}
        return readings

    def _recollect(self, record: PageRecord, score: float, reading: Reading | None) -> tuple[str, list[Span]]:
        page = record.get_page()
        if page is not None:
            return page.text, [Span(0, len(page.text), "original", 1.0)]
        if record.state == "stub":
            return _stub(record)
        if reading is None or record.rung is None:
            raise StoreError(f"page {record.id} is {record.state} but has neither text nor a picture to read")
        ledger = record.get_ledger()
        proof = self._proof(record.get_certificate(), record.rung)
        gone = [(span.start, span.end) for span in record.get_layout().spans if self._is_gone(span.turn)]
        return splice(reading.text, ledger), statuses(len(reading.text), ledger, proof, reading, gone=gone)

    def _proof(self, certificate: Certificate | None, rung: str) -> RungCertificate | None:
        """The rung's certificate, if it was made by this reader, revision and codec."""
        mine = (self.reader.profile.id, self.reader.profile.revision, self.codec.name)
        if certificate is None or (certificate.reader, certificate.revision, certificate.codec) != mine:
            return None
        return certificate.rungs.get(rung)

    def _is_gone(self, turn: str) -> bool:
        record = self.archive.snapshot().turn(turn)
        return record is not None and record.forgotten


def _rung(record: PageRecord) -> str | None:
    """What the recollection was read from: None for text."""
    return "stub" if record.state == "stub" else None if record.lines is not None else record.rung


def _turns(snapshot: Snapshot, record: PageRecord) -> tuple[str, ...]:
    if record.layout is not None:
        return tuple(span.turn for span in record.get_layout().spans)
    return tuple(turn.id for turn in snapshot.turns.values() if record.id in turn.pages)


def _stub(record: PageRecord) -> tuple[str, list[Span]]:
    """Keywords and facts, all of them original."""
    ledger: Ledger = record.get_ledger()
    text = "\n".join([" ".join(record.keywords), *(span.text for span in ledger.spans)])
    return text, [Span(0, len(text), "original", 1.0)]
