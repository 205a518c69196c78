"""Tells how far the background is behind, in `stats`, in metrics and once in the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from optical_memory.session.archive import Archive
from optical_memory.session.counts.arrivals import Arrivals
from optical_memory.session.counts.backlog import Backlog
from optical_memory.session.snapshot import Snapshot
from optical_memory.telemetry.event_table import BACKGROUND_BEHIND
from optical_memory.telemetry.events import emit

__all__ = ["BacklogWatch"]

LAG_LIMIT: Final = 300.0
"""Seconds after which the log has a warning. A page is certified in about a second and a half on a
laptop, so a long conversation that comes in at once takes minutes, and that is no fault.
"""

LOOK_SECONDS: Final = 10.0
"""So often a turn looks at the backlog at most: it costs up to some milliseconds."""


class BacklogWatch:
    """Measures the work that waits in a session.

    `measure` gives the backlog of a snapshot, by when its turns came in.
    """

    def __init__(
        self,
        archive: Archive,
        measure: Callable[[Snapshot, Arrivals], Backlog],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._archive = archive
        self._measure = measure
        self._clock = clock
        self._arrivals = Arrivals(clock)
        self._next_look = clock() + LOOK_SECONDS
        self._has_warned = False

    def backlog(self, snapshot: Snapshot) -> Backlog:
        """The work that waits as of this snapshot."""
        self._arrivals.note(snapshot.session.next_turn)
        return self._measure(snapshot, self._arrivals)

    def look(self, *, warns: bool = True) -> None:
        """Note the turns that came in; if the work has waited too long, the log has a warning once.

        It warns again only after all work was done in between, and never without `warns`: then
        nobody is expected to do the work.
        """
        snapshot = self._archive.latest
        if snapshot is None:
            return
        self._arrivals.note(snapshot.session.next_turn)
        if not warns or self._clock() < self._next_look:
            return
        self._next_look = self._clock() + LOOK_SECONDS
        seconds = self._measure(snapshot, self._arrivals).seconds
        if seconds > LAG_LIMIT and not self._has_warned:
            emit(BACKGROUND_BEHIND, session=self._archive.session, seconds=seconds)
        self._has_warned = seconds > LAG_LIMIT or (self._has_warned and seconds > 0)
