"""How faithfully a reader reads real text from our pages, by rung: `optical-memory eval fidelity`.

The reader alone is measured, without the ledger. What the ledger costs and what it mends is
measured beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from optical_memory.measure.calibration import Bin, total
from optical_memory.measure.cut_pages import cut, finest_rung, mean_tokens
from optical_memory.measure.fidelity_page import CertifiedPage, PageMeasure
from optical_memory.measure.page_pool import Pool, Source, SourcePage
from optical_memory.pages import Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import Reader
from optical_memory.renderers import PageRenderer
from optical_memory.session.background import Progress, no_progress
from optical_memory.stores import Store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.stores.watchdog import temporary_folder
from optical_memory.tokens import INT8, TokenCodec

__all__ = [
    "FidelityRow",
    "measure_fidelity",
]


@dataclass(frozen=True, slots=True)
class FidelityRow:
    """A rung (or an asked compression) over `n_pages` pages of `source`; shares are in 0..1.

    `compression` is `text_tokens` / `visual_tokens`, both means a page: DeepSeek tokens, and tokens
    that the decoder receives. `compression_with_ledger` counts the ledger too: `n_ledger_tokens` a
    page, of which `n_unreadable_tokens` are signs that the reader cannot read at all. Line ends and
    blank rows are known from the layout, so a reading never has a character too many or too few.
    `density_px2_per_char` is of the whole picture, also if a page was cut. `n_repacked` of the
    pages hold words that an earlier page has too.

    `accuracy` is 1 - edit distance / length of the longer; `p5` its 5th percentile. `ids_exact` is
    the share of the `n_ids` facts (without the page's own marks) that the reader alone reads
    exactly, `ids_exact_with_ledger` that share with the ledger put over the reading. They are None
    if the pages have no facts. `certificate_error` is the mean |agreement certified - agreement
    measured again from the store's bytes, read in parts as recall does|. `silent_errors` counts
    characters that are wrong with the ledger and shown without a mark.

    `ece` is the expected calibration error of the confidence over inked characters, and `bins` the
    counts behind it. `sure_share` is the share of them whose confidence is `CONFIDENT` or more,
    `sure_accuracy` the share of those that is right.
    """

    source: str
    rung: str
    side_px: int
    density_px2_per_char: float
    fill: float
    visual_tokens: int
    text_tokens: float
    compression: float
    n_ledger_tokens: float
    n_unreadable_tokens: float
    compression_with_ledger: float
    compression_asked: float | None
    n_pages: int
    n_repacked: int
    accuracy: float
    p5: float
    worst: float
    n_ids: int
    ids_exact: float | None
    ids_exact_with_ledger: float | None
    silent_errors: int
    certificate_error: float
    verified_share: float
    ece: float | None
    sure_share: float | None
    sure_accuracy: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pages that are read at a rung; `compression` is None if no compression was asked for."""

    rung: Rung
    compression: float | None
    pages: Sequence[SourcePage]


def measure_fidelity(
    sources: Sequence[Source],
    reader: Reader,
    *,
    compressions: Sequence[float] = (),
    at_least: int = 0,
    limit: int | None = None,
    seed: int = 0,
    codec: TokenCodec = INT8,
    progress: Progress = no_progress,
) -> list[FidelityRow]:
    """A row for every rung of the reader, or for every asked compression.

    With several sources, each source has such rows too, after those of all pages. `at_least` and
    `limit` say how many pages each source gives, as in `Pool.take`. At an asked compression these
    are pages that reach it. If the mean page of a source does not reach it, all pages of the source
    count, and the row tells their true compression.

    Raises `InputError` like `Pool`.
    """
    pools = [Pool(source, PageRenderer(reader.profile.grid), seed) for source in sources]
    names = [source.name for source in sources]
    samples = list(_samples(pools, compressions, reader.profile, at_least, limit))
    n_total = sum(len(sample.pages) for sample in samples)
    n_done = 0
    measures: list[list[PageMeasure]] = [[] for _ in samples]
    with _temporary_store() as store:
        for source_page, numbers in _by_page(samples):
            page_rungs = [samples[i].rung for i in numbers]
            page = CertifiedPage.of(source_page, page_rungs, reader, codec)
            for i in numbers:
                measures[i].append(page.measure(samples[i].rung, store))
                n_done += 1
                progress("Reading pages", n_done, n_total)
    rows: list[FidelityRow] = []
    for sample, sample_measures in zip(samples, measures, strict=True):
        rows += _rows(sample, sample_measures, names)
    return rows


@contextmanager
def _temporary_store() -> Iterator[Store]:
    with temporary_folder("optical-fidelity-") as folder:
        store = SQLiteStore(folder / "fidelity.db")
        try:
            yield store
        finally:
            store.close()


# ---- samples -------------------------------------------------------------------------------------


def _samples(
    pools: Sequence[Pool],
    compressions: Sequence[float],
    profile: ReaderProfile,
    at_least: int,
    limit: int | None,
) -> Iterator[_Sample]:
    if not compressions:
        pages = _take(pools, at_least, limit, 0)
        for rung in profile.ladder:
            yield _Sample(rung, None, pages)
    for compression in compressions:
        rung = finest_rung(compression, _all_pages(pools), profile)
        n_tokens = compression * rung.n_tokens
        pages = _cut(_take(pools, at_least, limit, n_tokens), n_tokens)
        yield _Sample(rung, compression, pages)


def _by_page(samples: Sequence[_Sample]) -> Iterator[tuple[SourcePage, list[int]]]:
    """Each page, and the numbers of the samples that it is in: a page is certified once."""
    numbers: dict[tuple[str, str], list[int]] = {}
    source_pages: dict[tuple[str, str], SourcePage] = {}
    for i, sample in enumerate(samples):
        for page in sample.pages:
            key = (page.source, page.page.digest)
            source_pages.setdefault(key, page)
            numbers.setdefault(key, []).append(i)
    for key, page in source_pages.items():
        yield page, numbers[key]


def _all_pages(pools: Sequence[Pool]) -> list[Page]:
    pages: list[Page] = []
    for pool in pools:
        pages += [page.page for page in pool.pages]
    return pages


def _take(
    pools: Sequence[Pool], at_least: int, limit: int | None, n_tokens: float
) -> list[SourcePage]:
    pages: list[SourcePage] = []
    for pool in pools:
        pages += pool.take(at_least=at_least, limit=limit, n_tokens=n_tokens)
    return pages


def _cut(pages: Sequence[SourcePage], n_tokens: float) -> list[SourcePage]:
    """The pages cut to so many tokens. Cut pages that are equal are measured once."""
    parts = [replace(page, page=cut(page.page, n_tokens)) for page in pages]
    return list({part.page.digest: part for part in parts}.values())


# ---- many pages ----------------------------------------------------------------------------------


def _rows(
    sample: _Sample, measures: Sequence[PageMeasure], sources: Sequence[str]
) -> Iterator[FidelityRow]:
    if len(sources) > 1:
        yield _row("all", sample, measures)
    for source in sources:
        yield _row(source, sample, [m for m in measures if m.source_page.source == source])


def _row(source: str, sample: _Sample, measures: Sequence[PageMeasure]) -> FidelityRow:
    rung = sample.rung
    pages = [measure.source_page.page for measure in measures]
    text_tokens = mean_tokens(pages)
    accuracies = np.array([measure.accuracy for measure in measures])
    n_ids = sum(measure.n_ids for measure in measures)
    n_ledger_tokens = _mean(measure.n_ledger_tokens for measure in measures)
    counts = total(measure.reliability for measure in measures)
    return FidelityRow(
        source=source,
        rung=rung.name,
        side_px=rung.side_px,
        density_px2_per_char=_mean(page.density_px2_per_char(rung.side_px) for page in pages),
        fill=_mean(page.fill for page in pages),
        visual_tokens=rung.n_tokens,
        text_tokens=text_tokens,
        compression=text_tokens / rung.n_tokens,
        n_ledger_tokens=n_ledger_tokens,
        n_unreadable_tokens=_mean(measure.n_unreadable_tokens for measure in measures),
        compression_with_ledger=text_tokens / (rung.n_tokens + n_ledger_tokens),
        compression_asked=sample.compression,
        n_pages=len(pages),
        n_repacked=sum(measure.source_page.is_repacked for measure in measures),
        accuracy=float(accuracies.mean()),
        p5=float(np.percentile(accuracies, 5)),
        worst=float(accuracies.min()),
        n_ids=n_ids,
        ids_exact=_share([measure.n_exact_ids for measure in measures], n_ids),
        ids_exact_with_ledger=_share([m.n_exact_ids_with_ledger for m in measures], n_ids),
        silent_errors=sum(measure.silent_errors for measure in measures),
        certificate_error=_mean(measure.certificate_error for measure in measures),
        verified_share=_mean(measure.verified_share for measure in measures),
        ece=counts.ece,
        sure_share=counts.confident_share,
        sure_accuracy=counts.confident_accuracy,
        bins=counts.bins,
    )


def _share(counts: Sequence[int], total: int) -> float | None:
    return sum(counts) / total if total else None


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
