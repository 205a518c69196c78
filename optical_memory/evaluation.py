"""How faithfully a reader reads real text from our own pages, by rung: what `optical-memory eval fidelity` prints.

The road is the product's own: texts become turns, turns full pages of the reader's grid, pictures, tokens, the codec's
bytes in a real store and back, a reading. The ledger is not used: what is measured is the reader alone.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from optical_memory.certificate import RungCertificate, accuracy, certify_reading, statuses
from optical_memory.counting import count_batch
from optical_memory.errors import InputError
from optical_memory.ledger import Ledger, LedgerSpan, extract
from optical_memory.loaders.base import get, read_json
from optical_memory.pages import Layout, Page, TurnSpan
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers.base import Reader, Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.stores import Store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.tokens import INT8, TokenCodec, unpack
from optical_memory.turns import Turn

__all__ = ["FidelityRow", "fidelity", "full_pages", "page_texts", "prefix"]

Told = Callable[[int, int], None]
"""Called with how many readings are done, and how many there will be."""


@dataclass(frozen=True, slots=True)
class FidelityRow:
    """One rung (or one asked compression) over `n_pages` pages; shares and accuracies in 0..1.

    `compression` is `text_tokens` / `visual_tokens`, both means a page: DeepSeek tokens, and what the decoder receives.
    `accuracy` is 1 - edit distance / length of the longer; `p5` its 5th percentile. `ids_exact` is the share of the
    facts (`n_ids`, found as for a ledger) that the reader alone reads exactly, None where the pages have none.
    `certificate_error` is the mean |agreement certified - agreement measured again from the store's bytes|.
    """

    rung: str
    side_px: int
    density_px2_per_char: float
    fill: float
    visual_tokens: int
    text_tokens: float
    compression: float
    compression_asked: float | None
    n_pages: int
    accuracy: float
    p5: float
    worst: float
    n_ids: int
    ids_exact: float | None
    certificate_error: float
    verified_share: float


def page_texts(path: Path) -> list[str]:
    """The `text` of every line of a JSON lines file. Raises `InputError` naming the line that has none."""
    if path.suffix not in {".jsonl", ".ndjson"}:
        raise InputError(f"{path.name}: page texts come as JSON lines (.jsonl), one object with 'text' a line")
    return [get(line, "text", str, f"{path.name}:{n}") for n, line in enumerate(read_json(path), 1)]


def full_pages(texts: Sequence[str], renderer: PageRenderer) -> list[Page]:
    """The texts as turns, one after the other, on pages; the last page is not full and is left out."""
    turns = [PlacedTurn(Turn("user", text), f"t{i}", i) for i, text in enumerate(texts) if text.strip()]
    pages = renderer.paginate(turns)[:-1]
    if not pages:
        raise InputError(f"{sum(map(len, texts))} characters do not fill one page: bring more text")
    return pages


def fidelity(
    texts: Sequence[str],
    reader: Reader,
    *,
    compressions: Sequence[float] = (),
    limit: int | None = None,
    seed: int = 0,
    codec: TokenCodec = INT8,
    told: Told = lambda done, total: None,
) -> list[FidelityRow]:
    """One row for every rung of the reader, or for every asked compression.

    With `limit`, that many pages are drawn at random by `seed`. Raises `InputError` where the texts fill no page.
    """
    pages = full_pages(texts, PageRenderer(reader.profile.grid))
    if limit is not None and limit < len(pages):
        pages = [pages[i] for i in sorted(random.Random(seed).sample(range(len(pages)), limit))]
    asked: list[tuple[float | None, Rung, list[Page]]] = [(None, rung, pages) for rung in reader.profile.ladder]
    if compressions:
        asked = [(ratio, *_at_compression(ratio, pages, reader.profile)) for ratio in compressions]
    done, total = 0, sum(len(some) for _, _, some in asked)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "fidelity.db")
        try:
            for ratio, rung, some in asked:
                measured = []
                for page in some:
                    measured.append(_measure(page, rung, reader, codec, store))
                    told(done := done + 1, total)
                rows.append(_row(rung, some, measured, ratio))
        finally:
            store.close()
    return rows


# ---- one page -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Measured:
    accuracy: float
    ids: int
    ids_exact: int
    certificate_error: float
    verified: float


def _measure(page: Page, rung: Rung, reader: Reader, codec: TokenCodec, store: Store) -> _Measured:
    """Certify a page from what the codec gives back, then read it again from the bytes that a store kept."""
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
    return _Measured(accuracy(page.text, reading.text), len(facts), exact, error, _verified(page, proof, reading))


def _exact(reading: Reading, fact: LedgerSpan) -> bool:
    return reading.text[fact.start : fact.end] == fact.text


def _verified(page: Page, proof: RungCertificate, reading: Reading) -> float:
    """Share of the characters that the certificate vouches for, without a ledger."""
    spans = statuses(len(page.text), Ledger(()), proof, reading)
    return sum(s.end - s.start for s in spans if s.status == "verified") / max(1, len(page.text))


def _row(rung: Rung, pages: Sequence[Page], measured: Sequence[_Measured], asked: float | None) -> FidelityRow:
    accuracies = np.array([m.accuracy for m in measured])
    text_tokens = float(np.mean(count_batch([page.text for page in pages])))
    n_ids = sum(m.ids for m in measured)
    return FidelityRow(
        rung=rung.name,
        side_px=rung.side_px,
        density_px2_per_char=float(np.mean([page.density_px2_per_char(rung.side_px) for page in pages])),
        fill=float(np.mean([page.fill for page in pages])),
        visual_tokens=rung.tokens,
        text_tokens=text_tokens,
        compression=text_tokens / rung.tokens,
        compression_asked=asked,
        n_pages=len(pages),
        accuracy=float(accuracies.mean()),
        p5=float(np.percentile(accuracies, 5)),
        worst=float(accuracies.min()),
        n_ids=n_ids,
        ids_exact=sum(m.ids_exact for m in measured) / n_ids if n_ids else None,
        certificate_error=float(np.mean([m.certificate_error for m in measured])),
        verified_share=float(np.mean([m.verified for m in measured])),
    )


# ---- an asked compression -------------------------------------------------------------------------------------------


def _at_compression(ratio: float, pages: Sequence[Page], profile: ReaderProfile) -> tuple[Rung, list[Page]]:
    """The finest rung at which the pages hold `ratio` text tokens a visual token, and as many of their rows as do.

    Where not even full pages at the coarsest rung reach it, these are what is measured, and the row says their true
    compression.
    """
    mean = float(np.mean(count_batch([page.text for page in pages])))
    rung = next((rung for rung in profile.ladder if mean >= ratio * rung.tokens), profile.ladder[-1])
    return rung, [_cut(page, round(ratio * rung.tokens)) for page in pages]


def _cut(page: Page, tokens: int) -> Page:
    """The first rows of the page that hold at least `tokens` text tokens; the whole page if it holds fewer."""
    low, high = 1, len(page.lines)
    while low < high:
        middle = (low + high) // 2
        if count_batch([prefix(page, middle).text])[0] >= tokens:
            high = middle
        else:
            low = middle + 1
    return prefix(page, low)


def prefix(page: Page, rows: int) -> Page:
    """The first `rows` rows of a page, where they stand."""
    layout = page.layout
    end = sum(row.chars + len(row.join) for row in layout.rows[:rows])
    return Page(Layout(layout.grid, layout.rows[:rows], tuple(_clipped(layout.spans, end))), page.lines[:rows])


def _clipped(spans: Sequence[TurnSpan], end: int) -> Iterator[TurnSpan]:
    for span in spans:
        if span.start < end:
            yield span if span.end <= end else replace(span, body=min(span.body, end), end=end, more=True)
