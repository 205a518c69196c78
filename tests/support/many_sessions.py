"""A store with many sessions in it, and bulk work on all of them to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optical_memory import OpticalMemory, Turn
from optical_memory.bulk.report import SessionReport
from optical_memory.bulk.sessions import bulk
from optical_memory.profiles import Rung
from optical_memory.stores import open_store
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import blob_key

NAMES = ["alice", "bob", "carol: 1/2", "dav\udc80d"]
"""One name that no file or key likes, one that is no UTF-8."""


def fill(url: str, names: Sequence[str] = NAMES, turns: int = 60, *, certified: bool = True) -> int:
    """Write sessions, with no tokens in the cache; gives how many pages they have."""
    store, pages = open_store(url), 0
    for name in names:
        memory = OpticalMemory(
            name,
            store=store,
            reader=TemplateReader(),
            capacity=10**6,
            keep_turns=3,
            background=False,
        )
        memory.remember(
            [Turn("user", f"Topic{i} of {name!a} is on shelf {i * 3}.") for i in range(turns)]
        )
        if certified:
            memory.flush()
        memory.close()
        store.drop_blobs(name)
        pages += len(memory.archive.snapshot().pages)
    store.close()
    return pages


def run(
    url: str, work: Any, reader: Any = TemplateReader, **options: Any
) -> dict[str, SessionReport]:
    """Bulk work to its end; the reports by session, each of which came once."""
    found = list(bulk(url, reader, work, **options))
    assert len({report.session for report in found}) == len(found)
    return {report.session: report for report in found}


def done(found: dict[str, SessionReport]) -> int:
    """On how many pages work was done; no session may have failed."""
    assert [report.error for report in found.values() if report.error] == []
    return sum(report.done for report in found.values())


def cached(url: str, rungs: Sequence[Rung] = SMALL_LADDER[:1]) -> int:
    """Pages whose tokens are in the cache, at these rungs."""
    store, profile, count = open_store(url), TemplateReader().profile, 0
    for name in store.sessions():
        pages = (
            OpticalMemory(name, store=store, reader=TemplateReader(), background=False)
            .archive.snapshot()
            .pages
        )
        for rung in rungs:
            keys = [
                blob_key(p.digest, profile.id, profile.revision, rung.name, "int8")
                for p in pages.values()
            ]
            count += sum(blob is not None for blob in store.get_blobs(name, keys))
    store.close()
    return count
