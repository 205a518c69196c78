"""What an open session tells of itself: its statistics, and levels for gauges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from optical_memory.errors import StoreError
from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Archive
from optical_memory.session.counts.arrivals import Arrivals
from optical_memory.session.counts.backlog import Backlog
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stats import Stats, stats
from optical_memory.session.workers.backlog_watch import BacklogWatch
from optical_memory.session.workers.worker import Worker
from optical_memory.telemetry.instruments import (
    FORGOTTEN_PAGES,
    LAG_SECONDS,
    PAGES,
    VISUAL_TOKENS,
    WAITING_PAGES,
)
from optical_memory.telemetry.measuring import Level, unwatch, watch

__all__ = ["Oversight"]


class Oversight:
    """Counts what a session has, and watches how far its background is behind.

    `measure` gives the backlog of a snapshot, by when its turns came in.
    """

    def __init__(
        self,
        archive: Archive,
        worker: Worker,
        measure: Callable[[Snapshot, Arrivals], Backlog],
        *,
        capacity: int | None,
        policy: ForgettingPolicy,
        profile: ReaderProfile,
    ) -> None:
        self._archive = archive
        self._worker = worker
        self._watch = BacklogWatch(archive, measure)
        self._capacity = capacity
        self._policy = policy
        self._profile = profile
        watch(self)

    def close(self) -> None:
        """Give no more levels."""
        unwatch(self)

    def look(self, *, warns: bool) -> None:
        """Note that turns came in; with `warns` the log says if the background is far behind."""
        self._watch.look(warns=warns)

    def stats(self, snapshot: Snapshot) -> Stats:
        """The counts of this snapshot, with the backlog and the problem of the background.

        Raises as `stats.stats`.
        """
        backlog = self._watch.backlog(snapshot)
        return replace(
            stats(snapshot, self._capacity, self._policy, self._profile),
            problem=self._worker.problem,
            waiting=backlog.waiting,
            lag_seconds=backlog.seconds,
        )

    def levels(self) -> Iterable[Level]:
        """The levels of the session as it was known last: no store is asked, so nobody waits.

        None before it was read, or if a record does not parse.
        """
        snapshot = self._archive.latest
        if snapshot is None:
            return []
        try:
            counts = self.stats(snapshot)
        except StoreError:  # `check` tells it
            return []
        return [
            *(Level(PAGES, n, (("form", form),)) for form, n in counts.pages.items()),
            Level(VISUAL_TOKENS, counts.visual_tokens),
            Level(FORGOTTEN_PAGES, len(counts.forgotten)),
            *(Level(WAITING_PAGES, n, (("work", work),)) for work, n in counts.waiting.items()),
            Level(LAG_SECONDS, counts.lag_seconds),
        ]
