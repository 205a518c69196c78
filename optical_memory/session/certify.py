"""Certifying: a page is read at every rung while its text is there, and the text may then go."""

from __future__ import annotations

import logging

from optical_memory.certificate import Certificate, RungCertificate, certify_reading
from optical_memory.errors import ReadingFailed
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile
from optical_memory.session.records import PageRecord, Retain, put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache

__all__ = [
    "certify",
    "keep_certificate",
    "next_to_certify",
]

log = logging.getLogger("optical_memory")


def next_to_certify(snapshot: Snapshot) -> StoredPage | None:
    """The oldest page that waits for its certificate; None if there is none."""
    for id, waits in zip(snapshot.pages, snapshot.pages.facts(_waits), strict=True):
        if waits:
            return StoredPage.of(snapshot.pages[id], snapshot)
    return None


def _waits(record: PageRecord) -> bool:
    return record.state == "sealed" and record.lines is not None


def certify(stored_page: StoredPage, page: Page, cache: TokenCache) -> Certificate:
    """Read `page`, the text of the stored page, at every rung, from tokens as the cache gives them.

    A rung that the reader fails to read is left out, so that the page never fades to it. Raises
    `StoreError` if a picture is missing or damaged.
    """
    profile = cache.reader.profile
    legible = stored_page.legible_page(page)
    rungs: dict[str, RungCertificate] = {}
    for rung in profile.ladder:
        try:
            (reading,) = cache.reader.certify(cache.tokens([stored_page.record], rung), [legible])
            whole = stored_page.whole_reading(reading, page.layout)
            rungs[rung.name] = certify_reading(rung.name, page.text, whole)
        except ReadingFailed as error:
            log.warning(
                "page %s of session %r: %s", stored_page.record.id, cache.archive.session, error
            )
    return Certificate(profile.id, profile.revision, cache.codec.name, rungs)


def keep_certificate(
    snapshot: Snapshot,
    page: PageRecord,
    certificate: Certificate,
    profile: ReaderProfile,
    retain: Retain,
    floor: float,
) -> list[Change]:
    """Writes that give the page its certificate, and put it on the finest rung.

    The page's text is dropped, unless `retain` keeps it or the agreement at the finest rung is
    below `floor` (0..1). No writes if the page has changed since it was read: another process
    certified it, or a turn on it was forgotten.
    """
    record = snapshot.pages.get(page.id)
    if record is None or (record.state, record.digest) != ("sealed", page.digest):
        return []
    finest = profile.ladder[0].name
    update: dict[str, object] = {
        "state": "certified",
        "rung": finest,
        "certificate": certificate.to_json(),
    }
    if retain == "pages" and certificate.agreement(finest) >= floor:
        update["lines"] = None
    return [put(record.model_copy(update=update))]
