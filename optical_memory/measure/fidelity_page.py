"""How faithfully a reader reads one page at a rung, and what the page's ledger mends.

The page goes the same way as in a memory: picture, tokens, the codec's bytes. It is certified from
these bytes at every rung, and read again from a real store's bytes, in parts as recall reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optical_memory.certificate import RungCertificate, certify_reading
from optical_memory.ledger import UNREADABLE, Ledger, LedgerSpan, splice
from optical_memory.measure.accuracy import accuracy
from optical_memory.measure.calibration import Reliability, reliability
from optical_memory.measure.page_pool import SourcePage
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.base import MethodReader, Reader
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer
from optical_memory.session.facts.page_ledger import page_facts, page_ledger
from optical_memory.spans import DOUBT, Span, statuses
from optical_memory.stores import Store
from optical_memory.tokens import TokenCodec, VisualTokens, unpack

__all__ = [
    "CertifiedPage",
    "PageMeasure",
    "verified",
]

SESSION = "fidelity"

N_PARTS = 3
"""Parts in which a page is read again, every third line in each: recall reads some lines alone."""


@dataclass(frozen=True, slots=True)
class PageMeasure:
    """How well one page was read, and what its ledger costs."""

    source_page: SourcePage
    n_ledger_tokens: int
    n_unreadable_tokens: int
    accuracy: float
    n_ids: int
    n_exact_ids: int
    n_exact_ids_with_ledger: int
    silent_errors: int
    certificate_error: float
    verified_share: float
    reliability: Reliability


@dataclass(frozen=True, slots=True)
class CertifiedPage:
    """A page with its certified readings, their bytes, by rung, and the ledger that follows."""

    source_page: SourcePage
    reader: Reader
    readings: Mapping[str, Reading]
    blobs: Mapping[str, bytes]
    ledger: Ledger

    @classmethod
    def of(
        cls, source_page: SourcePage, rungs: Sequence[Rung], reader: Reader, codec: TokenCodec
    ) -> CertifiedPage:
        """Read the page at these rungs, and at all rungs if the ledger depends on them."""
        page = source_page.page
        readings: dict[str, Reading] = {}
        blobs: dict[str, bytes] = {}
        for rung in reader.profile.ladder if reader.profile.reads_cells else rungs:
            image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
            blobs[rung.name] = codec.pack(reader.encode([image], rung)[0])
            (readings[rung.name],) = reader.certify([unpack(blobs[rung.name])], [page])
        ledger = page_ledger(page, readings, reader.profile)
        return cls(source_page, reader, readings, blobs, ledger)

    def measure(self, rung: Rung, store: Store) -> PageMeasure:
        """Read the page at this rung again, from a store's bytes."""
        page = self.source_page.page
        certified_reading = self.readings[rung.name]
        exact_text = splice(certified_reading.text, self.ledger)
        certificate = certify_reading(
            rung.name, page.text, certified_reading, text_with_ledger=exact_text
        )
        key = f"{page.digest}/{rung.name}"
        tokens = _through_store(self.blobs[rung.name], key, store)
        reading = self._read_again(tokens, certified_reading.method)
        text = splice(reading.text, self.ledger)
        spans = _spans(certificate, reading, text, self.ledger)
        facts = page_facts(page)
        agreement = certify_reading(rung.name, page.text, reading).agreement
        n_verified = int(verified(page, rung.name, certified_reading, reading).sum())
        return PageMeasure(
            source_page=self.source_page,
            n_ledger_tokens=self.ledger.n_tokens,
            n_unreadable_tokens=_n_unreadable(self.ledger),
            accuracy=accuracy(page.text, reading.text),
            n_ids=len(facts),
            n_exact_ids=_n_exact(facts, reading.text),
            n_exact_ids_with_ledger=_n_exact(facts, text),
            silent_errors=_n_silent(spans, text, page.text),
            certificate_error=abs(certificate.agreement - agreement),
            verified_share=n_verified / max(1, len(page.text)),
            reliability=reliability(page.text, reading),
        )

    def _read_again(self, tokens: VisualTokens, method: str) -> Reading:
        """The page read by this method; in parts if the reader can read some lines alone."""
        layout = self.source_page.page.layout
        if method and isinstance(self.reader, MethodReader):
            return self.reader.decode_by([tokens], [layout], [method])[0]
        if not self.reader.profile.reads_cells:
            return self.reader.decode([tokens], [layout])[0]
        texts = [""] * len(layout.rows)
        confidences = [np.zeros(0, np.float32)] * len(layout.rows)
        for first in range(N_PARTS):
            lines = range(first, len(layout.rows), N_PARTS)
            (reading,) = self.reader.decode([tokens], [layout], [lines])
            offset = 0
            for i, row in enumerate(layout.rows):
                end = offset + row.chars + len(row.join)
                if i in lines:
                    texts[i] = reading.text[offset:end]
                    confidences[i] = reading.confidence[offset:end]
                offset = end
        return Reading("".join(texts), np.concatenate(confidences))


def _through_store(blob: bytes, key: str, store: Store) -> VisualTokens:
    """The tokens after their bytes went to the store and back."""
    store.put_blobs(SESSION, {key: blob})
    (stored_blob,) = store.get_blobs(SESSION, [key])
    return unpack(stored_blob or blob)


def _spans(certificate: RungCertificate, reading: Reading, text: str, ledger: Ledger) -> list[Span]:
    """How far to trust a reading; `text` is that of the reading with the ledger over it."""
    return statuses(
        n=len(text),
        ledger=ledger,
        is_confirmed=certificate.confirms(text),
        reading=reading,
        misread=certificate.misread,
        is_refuted=certificate.refutes(text),
    )


def _n_unreadable(ledger: Ledger) -> int:
    spans = tuple(span for span in ledger.spans if span.kind == UNREADABLE)
    return Ledger(spans).n_tokens


def _n_exact(facts: Sequence[LedgerSpan], text: str) -> int:
    return sum(text[fact.start : fact.end] == fact.text for fact in facts)


def _n_silent(spans: Sequence[Span], text: str, truth: str) -> int:
    """Characters that are wrong and are shown without a mark."""
    n_silent = 0
    for span in spans:
        is_marked = span.status == "forgotten" or span.p < DOUBT
        pairs = zip(text[span.start : span.end], truth[span.start : span.end], strict=True)
        n_silent += 0 if is_marked else sum(char != true for char, true in pairs)
    return n_silent


def verified(
    page: Page, rung: str, first_reading: Reading, reading: Reading
) -> npt.NDArray[np.bool_]:
    """(n_chars,) True for every character that a certificate vouches for, without a ledger.

    The certificate is that of the first reading.
    """
    certificate = certify_reading(rung, page.text, first_reading)
    is_verified = np.zeros(len(page.text), np.bool_)
    is_confirmed = certificate.confirms(reading.text)
    for span in statuses(len(page.text), Ledger(()), is_confirmed, reading):
        is_verified[span.start : span.end] = span.status == "verified"
    return is_verified
