"""How faithfully a reader reads real text from our own pages, by rung: what `optical-memory eval
fidelity` prints.

The road is the product's own: texts become turns, turns full pages of the reader's grid, pictures,
tokens, the codec's bytes in a real store and back, a reading. The ledger is not used: what is
measured is the reader alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from optical_memory.certificate import RungCertificate, certify_reading
from optical_memory.counting import count_batch
from optical_memory.ledger import Ledger, LedgerSpan, extract
from optical_memory.measure.accuracy import accuracy
from optical_memory.measure.calibration import Bin, Reliability, reliability, total
from optical_memory.measure.cut_pages import cut, finest
from optical_memory.measure.page_pool import Pool, Source, SourcePage
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import Reader
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer
from optical_memory.spans import statuses
from optical_memory.stores import Store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.tokens import INT8, TokenCodec, unpack

__all__ = ["FidelityRow", "Told", "fidelity"]

Told = Callable[[int, int], None]
"""Called with how many readings are done, and how many there will be."""


@dataclass(frozen=True, slots=True)
class FidelityRow:
    """One rung (or one asked compression) over `n_pages` pages of `source`; shares and accuracies
    in 0..1.

    `compression` is `text_tokens` / `visual_tokens`, both means a page: DeepSeek tokens, and what
    the decoder receives. Joins and blank rows are known from the layout, so no reading of ours has
    a character too many or too few. `density_px2_per_char` is of the whole picture, also where a
    page was cut. `n_repacked` of the pages hold words that an earlier page has too. `accuracy` is 1
    - edit distance / length of the longer; `p5` its 5th percentile. `ids_exact` is the share of the
    facts (`n_ids`, found as for a ledger) that the reader alone reads exactly, None where the pages
    have none. `certificate_error` is the mean |agreement certified - agreement measured again from
    the store's bytes|. `ece` is the expected calibration error of the confidence over inked
    characters, `bins` what it is made of, `sure_share` the share of them whose confidence is `CONFIDENT`
    or more and `sure_accuracy` how many of those are right.
    """

    source: str
    rung: str
    side_px: int
    density_px2_per_char: float
    fill: float
    visual_tokens: int
    text_tokens: float
    compression: float
    compression_asked: float | None
    n_pages: int
    n_repacked: int
    accuracy: float
    p5: float
    worst: float
    n_ids: int
    ids_exact: float | None
    certificate_error: float
    verified_share: float
    ece: float | None
    sure_share: float | None
    sure_accuracy: float | None
    bins: tuple[Bin, ...]


def fidelity(
    sources: Sequence[Source],
    reader: Reader,
    *,
    compressions: Sequence[float] = (),
    at_least: int = 0,
    limit: int | None = None,
    seed: int = 0,
    codec: TokenCodec = INT8,
    told: Told = lambda done, total: None,
) -> list[FidelityRow]:
    """One row for every rung of the reader, or for every asked compression; of several sources, one
    for each as well.

    `at_least` and `limit` say how many pages each source gives, as in `Pool.take`. At an asked
    compression these are pages that reach it; of a source whose mean page does not, all pages, and
    the row says what they hold. Raises `InputError` like `Pool`.
    """
    pools = [Pool(source, PageRenderer(reader.profile.grid), seed) for source in sources]
    tables = [
        (ratio, rung, _pages(pools, ratio, rung, at_least, limit))
        for ratio in compressions or (None,)
        for rung in _rungs(pools, ratio, reader.profile)
    ]
    done, count = 0, sum(len(some) for _, _, some in tables)
    rows: list[FidelityRow] = []
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "fidelity.db")
        try:
            for ratio, rung, some in tables:
                read = []
                for one in some:
                    read.append((one, _measure(one.page, rung, reader, codec, store)))
                    told(done := done + 1, count)
                rows += _rows(rung, ratio, read, [source.name for source in sources])
        finally:
            store.close()
    return rows


def _rungs(pools: Sequence[Pool], ratio: float | None, profile: ReaderProfile) -> tuple[Rung, ...]:
    """Every rung, or the one for an asked compression."""
    if ratio is None:
        return profile.ladder
    return (finest(ratio, [one.page for pool in pools for one in pool.pages], profile),)


def _pages(
    pools: Sequence[Pool], ratio: float | None, rung: Rung, at_least: int, limit: int | None
) -> list[SourcePage]:
    """The pages of a row, cut to an asked compression."""
    tokens = 0 if ratio is None else ratio * rung.n_tokens
    pages = [
        one for pool in pools for one in pool.take(at_least=at_least, limit=limit, tokens=tokens)
    ]
    if ratio is None:
        return pages
    parts = [replace(one, page=cut(one.page, tokens)) for one in pages]
    return list(
        {part.page.digest: part for part in parts}.values()
    )  # packings that differ further down are one page


# ---- one page ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Measured:
    accuracy: float
    ids: int
    ids_exact: int
    certificate_error: float
    verified: float
    reliability: Reliability


def _measure(page: Page, rung: Rung, reader: Reader, codec: TokenCodec, store: Store) -> _Measured:
    """Certify a page from what the codec gives back, then read it again from the bytes that a store
    kept.
    """
    image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
    blob = codec.pack(reader.encode([image], rung)[0])
    proof = certify_reading(rung.name, page.text, reader.certify([unpack(blob)], [page])[0])
    key = f"{page.digest}/{rung.name}"
    store.put_blobs("fidelity", {key: blob})
    (kept,) = store.get_blobs("fidelity", [key])
    (reading,) = reader.decode([unpack(kept or blob)], [page.layout])
    again = certify_reading(rung.name, page.text, reading)
    facts = extract(page.text).spans
    exact = sum(_exact(reading, fact) for fact in facts)
    error = abs(proof.agreement - again.agreement)
    return _Measured(
        accuracy=accuracy(page.text, reading.text),
        ids=len(facts),
        ids_exact=exact,
        certificate_error=error,
        verified=_verified(page, proof, reading),
        reliability=reliability(page.text, reading),
    )


def _exact(reading: Reading, fact: LedgerSpan) -> bool:
    return reading.text[fact.start : fact.end] == fact.text


def _verified(page: Page, proof: RungCertificate, reading: Reading) -> float:
    """Share of the characters that the certificate vouches for, without a ledger."""
    spans = statuses(len(page.text), Ledger(()), proof, reading)
    return sum(s.end - s.start for s in spans if s.status == "verified") / max(1, len(page.text))


# ---- many pages ----------------------------------------------------------------------------------

Read = tuple[SourcePage, _Measured]


def _rows(
    rung: Rung, asked: float | None, read: list[Read], sources: Sequence[str]
) -> Iterator[FidelityRow]:
    if len(sources) > 1:
        yield _row("all", rung, asked, read)
    for source in sources:
        yield _row(source, rung, asked, [one for one in read if one[0].source == source])


def _row(source: str, rung: Rung, asked: float | None, read: list[Read]) -> FidelityRow:
    pages, measured = [one.page for one, _ in read], [found for _, found in read]
    accuracies = np.array([m.accuracy for m in measured])
    text_tokens = float(np.mean(count_batch([page.text for page in pages])))
    n_ids = sum(m.ids for m in measured)
    trust = total(m.reliability for m in measured)
    return FidelityRow(
        source=source,
        rung=rung.name,
        side_px=rung.side_px,
        density_px2_per_char=float(
            np.mean([page.density_px2_per_char(rung.side_px) for page in pages])
        ),
        fill=float(np.mean([page.fill for page in pages])),
        visual_tokens=rung.n_tokens,
        text_tokens=text_tokens,
        compression=text_tokens / rung.n_tokens,
        compression_asked=asked,
        n_pages=len(pages),
        n_repacked=sum(one.repacked for one, _ in read),
        accuracy=float(accuracies.mean()),
        p5=float(np.percentile(accuracies, 5)),
        worst=float(accuracies.min()),
        n_ids=n_ids,
        ids_exact=sum(m.ids_exact for m in measured) / n_ids if n_ids else None,
        certificate_error=float(np.mean([m.certificate_error for m in measured])),
        verified_share=float(np.mean([m.verified for m in measured])),
        ece=trust.ece,
        sure_share=trust.sure_share,
        sure_accuracy=trust.sure_accuracy,
        bins=trust.bins,
    )
