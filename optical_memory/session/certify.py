"""Certifying: a page is read at every rung while its text is there, and the text may then go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from optical_memory.certificate import Certificate, certify_reading, require_length
from optical_memory.errors import ReadingFailed
from optical_memory.ledger import Ledger, LedgerScope, splice
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile
from optical_memory.readings import Reading
from optical_memory.session.facts.page_ledger import page_ledger
from optical_memory.session.records import PageRecord, Retain, put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache
from optical_memory.telemetry.event_table import PAGE_NOT_CERTIFIED
from optical_memory.telemetry.events import emit

__all__ = [
    "CertifiedPage",
    "certify",
    "keep_certificate",
    "next_to_certify",
    "pages_to_certify",
]


def next_to_certify(
    snapshot: Snapshot, without: Collection[tuple[str, str]] = ()
) -> StoredPage | None:
    """The oldest page that waits for its certificate; None if there is none.

    `without` has the ids and digests of pages that this reader cannot certify.
    """
    record = next(pages_to_certify(snapshot, without), None)
    return None if record is None else StoredPage.of(record, snapshot)


def pages_to_certify(
    snapshot: Snapshot, without: Collection[tuple[str, str]] = ()
) -> Iterator[PageRecord]:
    """The pages that wait for their certificate, the oldest first."""
    for id, waits in zip(snapshot.pages, snapshot.pages.facts(_waits), strict=True):
        if waits:
            record = snapshot.pages[id]
            if (record.id, record.digest) not in without:
                yield record


def _waits(record: PageRecord) -> bool:
    return record.state == "sealed" and record.lines is not None


class CertifiedPage(NamedTuple):
    """What a page gets when it is certified."""

    certificate: Certificate
    ledger: Ledger


def certify(
    stored_page: StoredPage,
    page: Page,
    cache: TokenCache,
    *,
    scope: LedgerScope = "auto",
    stub_tokens: int = 0,
) -> CertifiedPage:
    """Read `page`, the text of the stored page, at every rung, from tokens as the cache gives them.

    A rung that the reader fails to read is left out, so that the page never fades to it. `scope`
    and `stub_tokens` are those of `page_ledger`. Raises `StoreError` if a picture is missing or
    damaged.
    """
    profile = cache.reader.profile
    readings = _readings(stored_page, page, cache)
    ledger = page_ledger(
        page,
        readings,
        profile,
        scope=scope,
        erased_ranges=stored_page.erased_spans,
        stub_tokens=stub_tokens,
    )
    rungs = {
        name: certify_reading(
            name, page.text, reading, text_with_ledger=splice(reading.text, ledger)
        )
        for name, reading in readings.items()
    }
    certificate = Certificate(profile.id, profile.revision, cache.codec.name, rungs)
    return CertifiedPage(certificate, ledger)


def _readings(stored_page: StoredPage, page: Page, cache: TokenCache) -> dict[str, Reading]:
    """The readings of the page by rung, without those that failed."""
    legible = stored_page.legible_page(page)
    readings: dict[str, Reading] = {}
    ladder = cache.reader.profile.ladder
    for rung in ladder.down_from(stored_page.record.rung) or ladder:
        try:
            (reading,) = cache.reader.certify(cache.tokens([stored_page.record], rung), [legible])
            whole = stored_page.whole_reading(reading, page.layout)
            require_length(rung.name, page.text, whole)
            readings[rung.name] = whole
        except ReadingFailed as error:
            emit(
                PAGE_NOT_CERTIFIED,
                session=cache.archive.session,
                page=stored_page.record.id,
                error=error,
            )
    return readings


def keep_certificate(
    snapshot: Snapshot,
    page: PageRecord,
    result: CertifiedPage,
    profile: ReaderProfile,
    retain: Retain,
    floor: float,
) -> list[Change]:
    """Writes that give the page its certificate and its ledger, and put it on its finest rung.

    The page's text is dropped, unless `retain` keeps it or the agreement at the finest rung is
    below `floor` (0..1). No writes if the page has changed since it was read: another process
    certified it, or a turn on it was forgotten.
    """
    record = snapshot.pages.get(page.id)
    if record is None or (record.state, record.digest) != ("sealed", page.digest):
        return []
    finest = record.rung or profile.ladder[0].name
    update: dict[str, object] = {
        "state": "certified",
        "rung": finest,
        "certificate": result.certificate.to_json(),
        "ledger": result.ledger.to_json(),
    }
    if retain == "pages" and result.certificate.agreement(finest) >= floor:
        update["lines"] = None
    return [put(record.model_copy(update=update))]
