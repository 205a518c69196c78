"""Keeping a conversation in a session, and telling what was kept and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from optical_memory.loaders import Conversation, LeftOut
from optical_memory.loaders.accounting import MARK, TIME
from optical_memory.memory import OpticalMemory
from optical_memory.session.background import Progress
from optical_memory.session.stats import Stats
from optical_memory.turns import Turn

__all__ = [
    "Kept",
    "by_session",
    "keep",
    "left_out_lines",
]

MAX_REASONS = 8
"""Reasons that a summary for people lists; `--json` has every place."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A session after turns were remembered: the ids of the turns, how many turns it has more than
    before, and how many turns that it had are superseded now.
    """

    session: str
    ids: Sequence[str]
    n_new: int
    n_edited: int
    stats: Stats

    @property
    def sentence(self) -> str:
        """For people: what was kept and what was there already."""
        edits = f", {self.n_edited} edited" if self.n_edited else ""
        n_known = len(self.ids) - self.n_new - self.n_edited
        known = f", {n_known} were there already" if n_known > 0 else ""
        return (
            f"remembered {self.n_new} new turns{edits}{known} in session {self.session!r}: "
            f"{self.stats.open_turns} open, pages {self.stats.pages or 'none'}"
        )

    @property
    def row(self) -> dict[str, Any]:
        """For machines."""
        return {
            "session": self.session,
            "turns": len(self.ids),
            "new": self.n_new,
            "edited": self.n_edited,
        }


def keep(memory: OpticalMemory, turns: Sequence[Turn], progress: Progress) -> Kept:
    """Remember the turns and finish their full pages; closes the memory."""
    with memory:
        stats_before = memory.stats()
        ids = memory.remember(turns)
        memory.flush(progress)
        stats = memory.stats()
    return Kept(
        session=memory.session,
        ids=ids,
        n_new=stats.turns - stats_before.turns,
        n_edited=max(stats.superseded_turns - stats_before.superseded_turns, 0),
        stats=stats,
    )


def by_session(conversations: Sequence[Conversation], prefix: str) -> dict[str, list[Turn]]:
    """The turns of conversations by the name of the session of each, `prefix/conversation`."""
    sessions: dict[str, list[Turn]] = {}
    for conversation in conversations:
        sessions.setdefault(f"{prefix}/{conversation.id}", []).extend(conversation.turns)
    return sessions


def left_out_lines(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """A line for each of the most frequent reasons, with how often and where first.

    Marks and times, which the turns have in another form, are not told.
    """
    items = [item for item in left_out if item.reason not in (MARK, TIME)]
    counts = Counter(item.reason for item in items)
    places: dict[str, str] = {}
    for item in items:
        places.setdefault(item.reason, item.place)
    for reason, n in counts.most_common(MAX_REASONS):
        times = "once" if n == 1 else f"{n} times"
        yield f"left out {times}: {reason} (first: {places[reason]})"
    if len(counts) > MAX_REASONS:
        yield f"and {len(counts) - MAX_REASONS} reasons more; --json has all"
