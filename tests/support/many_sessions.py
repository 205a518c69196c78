"""A store with many sessions in it, and bulk work on all of them to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from optical_memory import OpticalMemory, Turn
from optical_memory.bulk import SessionReport, bulk
from optical_memory.profiles import Rung
from optical_memory.stores import Store, open_store
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import blob_key

NAMES = ["alice", "bob", "carol: 1/2", "dav\udc80d"]
"""A name that no file or key likes is among them, and a name that is no UTF-8."""


def open_session(store: Store, name: str, **settings: Any) -> OpticalMemory:
    """A memory of a session, which works only when it is asked to."""
    return OpticalMemory(name, store=store, reader=TemplateReader(), background=False, **settings)


def fill(url: str, names: Sequence[str] = NAMES, turns: int = 45, *, certify: bool = True) -> int:
    """Write sessions, with no tokens in the cache; gives how many pages they have."""
    n_pages = 0
    with closing(open_store(url)) as store:
        for name in names:
            with open_session(store, name, capacity=10**6, keep_turns=3) as memory:
                memory.remember(_turns(name, turns))
                if certify:
                    memory.flush()
                n_pages += len(memory.pages())
            store.drop_blobs(name)
    return n_pages


def _turns(name: str, n: int) -> list[Turn]:
    return [Turn("user", f"Topic{i} of {name!a} is on shelf {i * 3}.") for i in range(n)]


def run(
    url: str, work: Any, reader: Any = TemplateReader, **options: Any
) -> dict[str, SessionReport]:
    """Bulk work to its end; the reports by session, each of which came once."""
    reports = list(bulk(url, reader, work, **options))
    by_session = {report.session: report for report in reports}
    assert len(by_session) == len(reports)
    return by_session


def n_done(reports: Mapping[str, SessionReport]) -> int:
    """On how many pages work was done; no session may have failed."""
    assert [report.error for report in reports.values() if report.error] == []
    return sum(report.done for report in reports.values())


def all_skipped(reports: Mapping[str, SessionReport]) -> bool:
    """True if an earlier run had done every session."""
    return bool(reports) and all(report.skipped for report in reports.values())


def none_skipped(reports: Mapping[str, SessionReport]) -> bool:
    """True if this run had to do every session."""
    return bool(reports) and not any(report.skipped for report in reports.values())


def n_cached(url: str, rungs: Sequence[Rung] = SMALL_LADDER[:1]) -> int:
    """Pages whose tokens are in the cache, at these rungs."""
    n_blobs = 0
    with closing(open_store(url)) as store:
        for name in store.sessions():
            for rung in rungs:
                keys = _blob_keys(open_session(store, name), rung)
                n_blobs += sum(blob is not None for blob in store.get_blobs(name, keys))
    return n_blobs


def _blob_keys(memory: OpticalMemory, rung: Rung) -> list[str]:
    profile = memory.reader.profile
    return [
        blob_key(page.digest, profile.id, profile.revision, rung.name, "int8")
        for page in memory.pages()
    ]
