"""Whether a certificate says how recall will read: pages of real conversations, read in pieces.

    python evals/certified_readings.py locomo_dev3_corrected.json specstory/*.md --minutes 30

Stretches are drawn of the conversations, in turn of each file. Each is remembered with all
defaults, certified, and faded down the ladder, as far as the policy allows. At each rung all pages
are read as recall reads: pieces of several pages at once, in random order, from cached tokens or,
for every second stretch, after all blobs were lost.

Prints JSON: a row for each kind of file and rung. `certified` and `read` are mean agreements with
the page's text, without the ledger. `n_below` counts pages that were certified at 0.97 or more and
are read below 0.95. Pages that the policy keeps as text are not counted. Of the wrong characters in
what a caller gets, `n_sure_listed` are shown as sure though the certificate lists them, and
`n_sure_unlisted` though it does not. `verified` is the share of characters that are verified or
original. `ledger_share` has the ledger's tokens in the text's.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from stretches import stretches

from optical_memory import OpticalMemory
from optical_memory.certificate import RungCertificate
from optical_memory.measure.watched_reader import WatchedReader
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers import open_reader
from optical_memory.readings import codepoints, is_inked
from optical_memory.recall.page_ranges import RangeReading
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import ReadingCache
from optical_memory.search.units import cut_units
from optical_memory.session.archive import Archive
from optical_memory.session.fade import fade
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.session.token_cache import TokenCache
from optical_memory.spans import DOUBT, Span
from optical_memory.turns import Turn

HIGH = 0.97
LOW = 0.95
N_QUESTIONS = 3
"""In so many calls all pieces of a stretch are read."""

Flags = npt.NDArray[np.bool_]

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("files", nargs="+", type=Path)
cli.add_argument("--minutes", type=float, default=30.0)
cli.add_argument("--chars", type=int, default=16_000, help="of a stretch")
cli.add_argument("--stretches", type=int, default=10**6, help="at most")
cli.add_argument("--floor", type=float, default=ForgettingPolicy().floor, help="of the policy")
cli.add_argument("--seed", type=int, default=0)


@dataclass
class PageCounts:
    """What one page counts at one rung."""

    certified: float = 0.0
    read: float = 0.0
    difference: float = 0.0
    n_pages: int = 0
    n_high: int = 0
    n_below: int = 0
    n_chars: int = 0
    n_listed: int = 0
    n_wrong: int = 0
    n_sure_listed: int = 0
    n_sure_unlisted: int = 0
    n_verified: int = 0
    n_ledger_tokens: int = 0
    n_text_tokens: int = 0

    def add(self, other: PageCounts) -> None:
        """Add what another page counts."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


Counts = dict[tuple[str, str], PageCounts]
"""By kind of file and rung."""


# ---- readings ------------------------------------------------------------------------------------


def read_in_pieces(
    reader: PageReader, snapshot: Snapshot, pages: dict[str, Page], chance: random.Random
) -> dict[str, list[tuple[int, RangeReading]]]:
    """All pieces of these pages as recall reads them: (start, reading), by page."""
    pieces: list[tuple[str, tuple[int, int]]] = []
    for id, page in pages.items():
        pieces += [(id, piece) for piece in cut_units(page.text)]
    chance.shuffle(pieces)
    readings: dict[str, list[tuple[int, RangeReading]]] = defaultdict(list)
    for number in range(N_QUESTIONS):
        ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for id, piece in pieces[number::N_QUESTIONS]:
            ranges[id].append(piece)
        for id, page_readings in reader.read_ranges(snapshot, ranges).items():
            for (start, _), reading in zip(ranges[id], page_readings, strict=True):
                readings[id].append((start, reading))
    return readings


def raw_text(readings: ReadingCache, session: str, page: str, n_rows: int) -> str:
    """The whole page as the reader read it, without the ledger."""
    (picture,) = (p for p in readings.pictures(session) if p.page == page)
    rows = readings.rows(picture)
    return "".join(rows[i].text for i in range(n_rows))


def is_sure(span: Span) -> bool:
    return span.status != "forgotten" and span.p >= DOUBT


def shown(
    n_chars: int, pieces: Iterable[tuple[int, RangeReading]]
) -> tuple[list[str], Flags, Flags]:
    """The page's characters as a caller gets them, which are shown as sure, and which verified."""
    text = [""] * n_chars
    is_trusted = np.zeros(n_chars, np.bool_)
    is_verified = np.zeros(n_chars, np.bool_)
    for start, reading in pieces:
        text[start : start + len(reading.text)] = reading.text
        for span in reading.spans:
            part = slice(start + span.start, start + span.end)
            is_trusted[part] = is_sure(span)
            is_verified[part] = span.status in ("original", "verified")
    return text, is_trusted, is_verified


def counts_of(
    page: Page,
    stored_page: StoredPage,
    proof: RungCertificate,
    raw: str,
    pieces: Iterable[tuple[int, RangeReading]],
) -> PageCounts:
    """What a page counts at the rung of `proof`."""
    truth = page.text
    is_right = codepoints(raw) == codepoints(truth)
    agreement = float(is_right[is_inked(truth)].mean())
    text, is_trusted, is_verified = shown(len(truth), pieces)
    is_read = np.array([char != "" for char in text])
    is_wrong = np.array([a != b for a, b in zip(text, truth, strict=True)]) & is_read
    is_listed = np.zeros(len(truth), np.bool_)
    for start, end in proof.misread:
        is_listed[start:end] = True
    return PageCounts(
        certified=proof.agreement,
        read=agreement,
        difference=abs(proof.agreement - agreement),
        n_pages=1,
        n_high=int(proof.agreement >= HIGH),
        n_below=int(proof.agreement >= HIGH and agreement < LOW),
        n_chars=int(is_read.sum()),
        n_listed=int(is_listed.sum()),
        n_wrong=int(is_wrong.sum()),
        n_sure_listed=int((is_wrong & is_trusted & is_listed).sum()),
        n_sure_unlisted=int((is_wrong & is_trusted & ~is_listed).sum()),
        n_verified=int((is_verified & is_read).sum()),
        n_ledger_tokens=stored_page.ledger.n_tokens,
        n_text_tokens=stored_page.record.text_tokens,
    )


# ---- a stretch from remembering to the last rung -------------------------------------------------


def certified_pages(memory: OpticalMemory, reader: WatchedReader) -> dict[str, Page]:
    """The pages of a memory with their texts, which its reader has seen when it certified them."""
    archive = Archive(memory.store, memory.session)
    snapshot = archive.snapshot()
    pages: dict[str, Page] = {}
    for record in snapshot.pages.values():
        layout = StoredPage.of(record, snapshot).layout
        if layout in reader.pages:
            pages[record.id] = reader.pages[layout]
    return pages


def fade_to(archive: Archive, memory: OpticalMemory, rung: Rung) -> set[str]:
    """Fade all pages that the policy lets fade to this rung; the pages that stand there then."""
    infos = [page for page in memory.pages() if not page.has_text]
    floor = memory.policy.floor
    ids = {page.id for page in infos if page.agreements.get(rung.name, 0.0) >= floor}
    steps = [
        Step(page.id, rung.name) for page in infos if page.id in ids and page.rung != rung.name
    ]
    profile = memory.reader.profile
    archive.update(
        lambda snapshot: (fade(snapshot, steps, profile, memory.policy, memory.retain), None)
    )
    return ids


def measure(
    folder: Path,
    turns: Sequence[Turn],
    reader: WatchedReader,
    policy: ForgettingPolicy,
    lose_blobs: bool,
    chance: random.Random,
) -> Iterator[tuple[str, PageCounts]]:
    """(rung, counts) of each page of a stretch at each rung that it may have."""
    settings: dict[str, Any] = {
        "reader": reader,
        "policy": policy,
        "semantic": None,
        "keep_turns": 0,
    }
    store = f"sqlite:///{folder / 'memory.db'}"
    with OpticalMemory("drawn", store=store, background=False, **settings) as memory:
        memory.remember(turns)
        memory.flush()
        pages = certified_pages(memory, reader)
        archive = Archive(memory.store, memory.session)
        for rung in reader.profile.ladder:
            ids = fade_to(archive, memory, rung)
            if lose_blobs:
                memory.store.drop_blobs(memory.session)
            at_rung = {id: page for id, page in pages.items() if id in ids}
            readings = ReadingCache()
            page_reader = PageReader(TokenCache(archive, reader, memory.codec), readings)
            snapshot = archive.snapshot()
            pieces = read_in_pieces(page_reader, snapshot, at_rung, chance)
            for id, page in at_rung.items():
                stored_page = StoredPage.of(snapshot.pages[id], snapshot)
                assert stored_page.certificate is not None
                raw = raw_text(readings, memory.session, id, len(page.layout.rows))
                proof = stored_page.certificate.rungs[rung.name]
                yield rung.name, counts_of(page, stored_page, proof, raw, pieces[id])


def row(kind: str, rung: str, counts: PageCounts) -> dict[str, Any]:
    """Means and sums of all pages of a kind at a rung."""
    n_pages = counts.n_pages
    means = {name: getattr(counts, name) / n_pages for name in ("certified", "read", "difference")}
    whole = {name: value for name, value in vars(counts).items() if isinstance(value, int)}
    shares = {
        "verified": counts.n_verified / counts.n_chars,
        "ledger_share": counts.n_ledger_tokens / counts.n_text_tokens,
    }
    return {"kind": kind, "rung": rung, **means, **whole, **shares}


def main() -> None:
    """Draw, certify, read and print."""
    arguments = cli.parse_args()
    chance = random.Random(arguments.seed)
    reader = WatchedReader(open_reader("pocket"))
    policy = ForgettingPolicy(floor=arguments.floor)
    counts: Counts = defaultdict(PageCounts)
    end = time.monotonic() + 60 * arguments.minutes
    sources = stretches(arguments.files, arguments.chars, chance)
    for number, (kind, turns) in enumerate(sources):
        if time.monotonic() > end or number == arguments.stretches:
            break
        reader.pages.clear()
        with tempfile.TemporaryDirectory() as folder:
            lose_blobs = number % 2 == 1
            pages = measure(Path(folder), turns, reader, policy, lose_blobs, chance)
            for rung, page_counts in pages:
                counts[kind, rung].add(page_counts)
                counts["all", rung].add(page_counts)
        n_pages = sum(page.n_pages for (name, _), page in counts.items() if name == "all")
        print(f"{number + 1} stretches, {n_pages} readings of pages", file=sys.stderr, flush=True)
    rows = [row(kind, rung, page_counts) for (kind, rung), page_counts in counts.items()]
    seconds = round(time.process_time())
    print(json.dumps({"seed": arguments.seed, "cpu_seconds": seconds, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
