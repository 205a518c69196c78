"""Work on every session of a store: make its visual tokens, certify what waits, or fade it to a
capacity.

The unit of work is one session; an engine runs the units, here one after the other, in `bulk_ray`
on many processes. All that is done is in the store when it is done, so a run that was killed is
simply started again: it asks the store what is missing, and skips the sessions that its report
calls done and that nobody has written to since.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from optical_memory.bulk.report import SessionReport, appending, finished
from optical_memory.errors import InputError, OpticalMemoryError, ReaderMismatch, StoreError
from optical_memory.memory import OpticalMemory
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.session.archive import Snapshot
from optical_memory.session.page_reader import PageReader
from optical_memory.session.records import PageRecord
from optical_memory.stores import open_store, store_name
from optical_memory.tokens import INT8, TokenCodec

__all__ = ["BATCH", "WORKS", "Engine", "Job", "SessionWorker", "Work", "bulk", "in_process"]

Work = Literal["encode", "certify", "fade"]
WORKS: Final[tuple[Work, ...]] = ("encode", "certify", "fade")

BATCH = 8
"""Pages encoded and cached at a time: what a killed run must encode again at most."""

TRIES = 5
"""How often a session's pages are looked at anew because they changed while they were encoded."""


@dataclass(frozen=True)
class Job:
    """What to do with each session. It can be pickled if `reader` can: a name, or a callable that
    makes a reader.

    `settings` are those of `OpticalMemory` (budget, capacity, retain, keep_turns, policy, codec):
    certifying seals and fades as that memory would, fading keeps to its capacity. With `all_rungs`
    a page is encoded at every rung that it may still fade to.
    """

    store: str
    reader: str | Callable[[], Reader]
    work: Work
    all_rungs: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def open_reader(self) -> Reader:
        return open_reader(self.reader) if isinstance(self.reader, str) else self.reader()

    @property
    def codec(self) -> TokenCodec:
        chosen: TokenCodec = self.settings.get("codec", INT8)
        return chosen

    def name(self, profile: ReaderProfile) -> str:
        """What a report calls this job: all that decides whether a session is done."""
        place = hashlib.sha256(store_name(self.store).encode()).hexdigest()[
            :8
        ]  # a URL may hold a password
        told = [self.work, f"{profile.id}@{profile.revision}", self.codec.name, f"store {place}"]
        if self.work == "encode":
            return " ".join([*told, "all rungs" if self.all_rungs else "one rung"])
        others = {
            key: value
            for key, value in self.settings.items()
            if key != "codec" and value is not None
        }
        return " ".join([*told, *(f"{key}={value}" for key, value in sorted(others.items()))])


Engine = Callable[[Job, Sequence[str]], Iterator[SessionReport]]
"""Does the job for each session and gives the reports as they come, in any order."""


def bulk(
    store: str,
    reader: str | Callable[[], Reader],
    work: Work,
    *,
    sessions: Sequence[str] | None = None,
    report: Path | None = None,
    all_rungs: bool = False,
    engine: Engine | None = None,
    **settings: Any,
) -> Iterator[SessionReport]:
    """Do `work` on these sessions of the store at `store` (default: all), and tell of each as it is
    done.

    A session that fails is reported with its error and stops no other. With `report`, each line of
    that file is one session's report; a session whose last line there is good, of the same job and
    of its version now is `skipped`.

    Raises `StoreError` and `CheckpointError` when the store or the reader cannot be opened at all.
    """
    if work not in WORKS:
        raise InputError(f"no bulk work {work!r}; there is {', '.join(WORKS)}")
    job = Job(store, reader, work, all_rungs, settings)
    name = job.name(job.open_reader().profile)
    done = finished(report, name) if report else {}
    with closing(open_store(store)) as opened:
        wanted = opened.sessions() if sessions is None else list(dict.fromkeys(sessions))
        known = {s: done[s] for s in wanted if s in done and done[s].version == opened.version(s)}
    yield from (before.again() for before in known.values())
    waiting = [session for session in wanted if session not in known]
    with appending(report) as write:
        for found in (engine or in_process)(job, waiting) if waiting else ():
            write(found)
            yield found


def in_process(job: Job, sessions: Sequence[str]) -> Iterator[SessionReport]:
    """One session after the other, in this process."""
    with closing(SessionWorker(job)) as worker:
        for session in sessions:
            yield worker.work_on(session)


class SessionWorker:
    """Opens the store and the reader of a job once, and does one session at a time with them."""

    def __init__(self, job: Job) -> None:
        self.job, self.reader, self.store = job, job.open_reader(), open_store(job.store)
        self._name = job.name(self.reader.profile)
        self._works: dict[Work, Callable[[OpticalMemory, Counter[str]], int]] = {
            "encode": self._encode,
            "certify": self._certify,
            "fade": self._fade,
        }

    def work_on(self, session: str) -> SessionReport:
        """Do the job for one session; an error of ours goes into the report, any other is a bug and
        is raised.
        """
        started, count = time.perf_counter(), Counter[str]()
        version, error = 0, None
        try:
            with self._opened(session) as memory:
                version = self._works[self.job.work](memory, count)
        except OpticalMemoryError as problem:
            error = f"{type(problem).__name__}: {problem}"
        seconds = round(time.perf_counter() - started, 4)
        return SessionReport(
            self._name, session, version, count["pages"], count["done"], seconds, time.time(), error
        )

    def close(self) -> None:
        self.store.close()

    def _opened(self, session: str) -> OpticalMemory:
        """Raises for a session that is not there, or that a reader with other rungs has certified."""
        settings: dict[str, Any] = dict(self.job.settings)
        memory = OpticalMemory(
            session, store=self.store, reader=self.reader, background=False, **settings
        )
        snapshot = memory.archive.snapshot()
        if not snapshot.version:
            raise InputError(f"no session {session!r} in this store")
        ladder = [rung.name for rung in self.reader.profile.ladder]
        strange = {
            record.rung for record in snapshot.pages.values() if record.rung is not None
        } - set(ladder)
        if strange:
            raise ReaderMismatch(
                f"pages of {session!r} are at {sorted(strange)}, but the reader has {ladder}"
            )
        return memory

    # ---- the three works: each counts as it goes and gives the version at which all was done -----

    def _encode(self, memory: OpticalMemory, count: Counter[str]) -> int:
        pages = _StrictPages(memory.archive, self.reader, self.job.codec)
        for _ in range(TRIES):
            snapshot = memory.archive.snapshot()
            try:
                self._encode_all(pages, snapshot)
                return snapshot.version
            except StoreError:
                if memory.archive.snapshot() is snapshot:
                    raise
            finally:
                count.update(
                    pages=len(snapshot.pages) - count["pages"], done=pages.encoded - count["done"]
                )
        raise StoreError(
            f"session {memory.session!r} changed {TRIES} times in a row while its pages were encoded"
        )

    def _encode_all(self, pages: PageReader, snapshot: Snapshot) -> None:
        for rung in self.reader.profile.ladder:
            group = [record for record in snapshot.pages.values() if rung in self._rungs(record)]
            for start in range(0, len(group), BATCH):
                pages.tokens(group[start : start + BATCH], rung)

    def _rungs(self, record: PageRecord) -> Sequence[Rung]:
        """Where the page's tokens belong: its rung (a page without a certificate will start on the
        finest).
        """
        if record.state not in ("sealed", "certified"):
            return ()
        ladder = self.reader.profile.ladder
        at = 0 if record.rung is None else [rung.name for rung in ladder].index(record.rung)
        return ladder[at:] if self.job.all_rungs else ladder[at : at + 1]

    def _certify(self, memory: OpticalMemory, count: Counter[str]) -> int:
        before = _certified(memory.archive.snapshot())
        try:
            memory.flush()
            version = memory.archive.snapshot().version
            memory.flush()  # so that all that `version` has is done, whoever wrote meanwhile
        finally:
            snapshot = memory.archive.snapshot()
            count.update(pages=len(snapshot.pages), done=len(_certified(snapshot) - before))
        return version

    def _fade(self, memory: OpticalMemory, count: Counter[str]) -> int:
        snapshot = memory.archive.snapshot()
        count.update(pages=len(snapshot.pages))
        while steps := memory.fade():
            count.update(done=len(steps))
            snapshot = memory.archive.snapshot()
        return snapshot.version


class _StrictPages(PageReader):
    """Counts the pages it encodes; a cache that fails, which reading may shrug off, is an error
    when it is the work.
    """

    encoded = 0

    def _cache(self, blobs: dict[str, bytes], records: Sequence[PageRecord], rung: Rung) -> None:
        super()._cache(blobs, records, rung)
        self.encoded += len(blobs)

    def _told(self, error: StoreError | None) -> None:
        if error is not None:
            raise error


def _certified(snapshot: Snapshot) -> set[str]:
    return {record.id for record in snapshot.pages.values() if record.state != "sealed"}
