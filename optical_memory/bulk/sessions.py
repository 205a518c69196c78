"""Work on every session of a store, in an engine of your choice.

An engine goes through the sessions: `in_process` one after the other, the engine of `on_ray` in
many processes. If a run was killed, start it again. It skips the sessions that its report calls
done, unless somebody has written to them since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from optical_memory.bulk.report import SessionReport, append_to, finished_sessions
from optical_memory.bulk.works import WORKS, Job, SessionWork, Work, session_work
from optical_memory.errors import InputError, OpticalMemoryError
from optical_memory.readers.base import Reader
from optical_memory.stores import Store, Version, open_store

__all__ = [
    "Engine",
    "SessionWorker",
    "bulk",
    "in_process",
]

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
    """Do `work` on these sessions of the store at `store`, by default on all; reports each of them.

    A session that fails is reported with its error and stops no other. With `report`, a line of
    that file is the report of a session. A session is `skipped` if its last line there is good, of
    the same job and of its present version. `settings` are those of `Job`.

    Raises `StoreError` if the store cannot be opened at all, `CheckpointError` if the reader
    cannot. Raises `InputError` for an unknown work, or a report that cannot be read or written.
    """
    if work not in WORKS:
        raise InputError(f"no bulk work {work!r}; there is {', '.join(WORKS)}")
    job = Job(store, reader, work, all_rungs, settings)
    job_name = job.name(job.open_reader().profile)
    lines = finished_sessions(report, job_name) if report else {}
    with closing(open_store(store)) as session_store:
        names = session_store.sessions() if sessions is None else list(dict.fromkeys(sessions))
        current = _current(lines, names, session_store)
    yield from (line.again() for line in current.values())
    yield from _work_on(job, [name for name in names if name not in current], report, engine)


def _current(
    lines: Mapping[str, SessionReport], names: Sequence[str], store: Store
) -> dict[str, SessionReport]:
    """The lines about sessions that nobody has written to since."""
    return {
        name: lines[name]
        for name in names
        if name in lines and lines[name].is_of(store.version(name))
    }


def _work_on(
    job: Job, names: Sequence[str], report: Path | None, engine: Engine | None
) -> Iterator[SessionReport]:
    if not names:
        return
    with append_to(report) as write:
        for line in (engine or in_process)(job, names):
            write(line)
            yield line


def in_process(job: Job, sessions: Sequence[str]) -> Iterator[SessionReport]:
    """An engine: one session after the other, in this process."""
    with closing(SessionWorker(job)) as worker:
        for session in sessions:
            yield worker.work_on(session)


class SessionWorker:
    """Opens the store and the reader of a job once, and does one session at a time with them."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.reader = job.open_reader()
        self.store = open_store(job.store)
        self._name = job.name(self.reader.profile)

    def work_on(self, session: str) -> SessionReport:
        """Do the job for one session.

        An error of this package goes into the report. Any other error is a bug and is raised.
        """
        start = time.perf_counter()
        work: SessionWork | None = None
        version = Version()
        error: str | None = None
        try:
            work = session_work(self.job, session, self.store, self.reader)
            version = _run(work)
        except OpticalMemoryError as problem:
            error = f"{type(problem).__name__}: {problem}"
        return SessionReport(
            job=self._name,
            session=session,
            version=version.number,
            pages=work.n_pages if work else 0,
            done=work.n_done if work else 0,
            seconds=round(time.perf_counter() - start, 4),
            at=time.time(),
            error=error,
            epoch=version.epoch,
        )

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def _run(work: SessionWork) -> Version:
    with closing(work):
        return work.run()
