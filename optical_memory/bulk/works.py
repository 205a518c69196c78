"""The three works of bulk on one session: encode, certify, fade.

Whatever is done is in the store at once. If a work was killed, start it again: the store knows
which pages are done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from optical_memory.errors import InputError, ReaderMismatch, StoreError
from optical_memory.memory import OpticalMemory
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readers import open_reader
from optical_memory.readers.base import Reader
from optical_memory.session.archive import Archive
from optical_memory.session.records import PageRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.token_cache import TokenCache
from optical_memory.stores import Store, Version, store_name
from optical_memory.tokens import INT8, TokenCodec

__all__ = [
    "BATCH",
    "WORKS",
    "Job",
    "SessionWork",
    "Work",
    "session_work",
]

Work = Literal["encode", "certify", "fade"]
WORKS: Final[tuple[Work, ...]] = ("encode", "certify", "fade")
"""Every work that `bulk` can do, by name."""

BATCH = 8
"""Pages encoded and cached at a time: a killed run encodes at most this many again."""

ENCODE_TRIES = 5
"""How often the pages of a session are encoded anew because they changed meanwhile."""


@dataclass(frozen=True)
class Job:
    """The work for each session, and its settings. It can be pickled if `reader` can be.

    `reader` is a name, or a callable that makes a reader. `settings` are those of `OpticalMemory`
    (budget, capacity, retain, keep_turns, policy, codec): certifying seals and fades as that memory
    would, fading keeps to its capacity. With `all_rungs` a page is encoded at every rung that it
    may still fade to.
    """

    store: str
    reader: str | Callable[[], Reader]
    work: Work
    all_rungs: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def open_reader(self) -> Reader:
        """The reader of the job. Raises `CheckpointError` if there is no such reader."""
        return open_reader(self.reader) if isinstance(self.reader, str) else self.reader()

    @property
    def codec(self) -> TokenCodec:
        """The codec that the settings name, by default that of `OpticalMemory`."""
        codec: TokenCodec = self.settings.get("codec", INT8)
        return codec

    def name(self, profile: ReaderProfile) -> str:
        """The name of the job in reports.

        It names everything that decides whether a session is done, so another job has another
        name.
        """
        words = [
            self.work,
            f"{profile.id}@{profile.revision}",
            self.codec.name,
            f"store {_short_hash(store_name(self.store))}",  # a URL may hold a password
        ]
        if self.work == "encode":
            words.append("all rungs" if self.all_rungs else "one rung")
        else:
            words += self._setting_words()
        return " ".join(words)

    def _setting_words(self) -> list[str]:
        return [
            f"{name}={value}"
            for name, value in sorted(self.settings.items())
            if name not in ("codec", "key") and value is not None
        ]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class SessionWork:
    """A job on a session. `n_pages` and `n_done` say how far it is, also after it has failed.

    Raises `InputError` if there is no such session, `ReaderMismatch` if the pages are at rungs that
    the reader does not have.
    """

    def __init__(self, job: Job, session: str, store: Store, reader: Reader) -> None:
        self.job = job
        self.session = session
        self.reader = reader
        self.n_pages = 0
        self.n_done = 0
        self.archive = Archive(store, session, key=job.settings.get("key"))
        snapshot = self.archive.snapshot()
        if not snapshot.version.exists:
            raise InputError(f"no session {session!r} in this store")
        self._require_ladder(snapshot)
        self.memory = OpticalMemory(
            session, store=store, reader=reader, background=False, **job.settings
        )
        self.memory.deadline = None  # nobody waits for bulk work

    def run(self) -> Version:
        """Do the work. Gives the version of the session at which all was done.

        Raises an `OpticalMemoryError` if the work failed.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the memory, not the store."""
        self.memory.close()

    def _require_ladder(self, snapshot: Snapshot) -> None:
        names = self.reader.profile.ladder.names
        rungs = {record.rung for record in snapshot.pages.values() if record.rung is not None}
        strange = sorted(rungs.difference(names))
        if strange:
            raise ReaderMismatch(
                f"pages of {self.session!r} are at {strange}, but the reader has {list(names)}"
            )


class _EncodeWork(SessionWork):
    """Makes the visual tokens that the cache lacks."""

    def run(self) -> Version:
        cache = TokenCache(self.archive, self.reader, self.job.codec, on_failure=_raise)
        for _ in range(ENCODE_TRIES):
            snapshot = self.archive.snapshot()
            self.n_pages = len(snapshot.pages)
            try:
                self._encode(cache, snapshot)
                return snapshot.version
            except StoreError:
                if self.archive.snapshot() is snapshot:
                    raise  # nothing has changed: it would fail again
            finally:
                self.n_done = cache.n_encoded
        raise StoreError(
            f"session {self.session!r} changed {ENCODE_TRIES} times in a row "
            "while its pages were encoded"
        )

    def _encode(self, cache: TokenCache, snapshot: Snapshot) -> None:
        for rung in self.reader.profile.ladder:
            records = [record for record in snapshot.pages.values() if rung in self._rungs(record)]
            for start in range(0, len(records), BATCH):
                cache.tokens(records[start : start + BATCH], rung)

    def _rungs(self, record: PageRecord) -> Sequence[Rung]:
        """The rungs at which the page's tokens belong in the cache.

        A page without a certificate will start at the finest rung.
        """
        if record.state not in ("sealed", "certified"):
            return ()
        ladder = self.reader.profile.ladder
        rungs = ladder if record.rung is None else ladder.down_from(record.rung)
        return rungs if self.job.all_rungs else rungs[:1]


def _raise(error: StoreError) -> None:
    """Reading may ignore a cache that fails; here filling the cache is the work."""
    raise error


class _CertifyWork(SessionWork):
    """Seals full pages, certifies those that wait, and fades as far as the capacity asks."""

    def run(self) -> Version:
        old_ids = _certified(self.archive.snapshot())
        try:
            self.memory.flush()
            version = self.archive.snapshot().version
            # Again: other processes may have written before `version` was taken. Now all pages
            # of `version` are done, even if others write meanwhile.
            self.memory.flush()
        finally:
            snapshot = self.archive.snapshot()
            self.n_pages = len(snapshot.pages)
            self.n_done = len(_certified(snapshot) - old_ids)
        return version


def _certified(snapshot: Snapshot) -> set[str]:
    return {record.id for record in snapshot.pages.values() if record.state != "sealed"}


class _FadeWork(SessionWork):
    """Fades the oldest pages until the session fits the capacity."""

    def run(self) -> Version:
        while True:
            snapshot = self.archive.snapshot()
            self.n_pages = len(snapshot.pages)
            steps = self.memory.fade()
            if not steps:
                return snapshot.version
            self.n_done += len(steps)


_WORK_CLASSES: Mapping[Work, type[SessionWork]] = {
    "encode": _EncodeWork,
    "certify": _CertifyWork,
    "fade": _FadeWork,
}


def session_work(job: Job, session: str, store: Store, reader: Reader) -> SessionWork:
    """The work of a job on one session; raises like `SessionWork`."""
    return _WORK_CLASSES[job.work](job, session, store, reader)
