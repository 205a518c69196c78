"""A session that takes turns, a host's whole list, and corrections: a part of `OpticalMemory`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optical_memory.errors import Forgotten, InputError, require_text
from optical_memory.redaction.redact import NO_REDACTION, Redaction
from optical_memory.search.meaning import Embedder
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.feedback import count_feedback
from optical_memory.session.corrections.redacting import with_session_facts
from optical_memory.session.corrections.supersede import supersede
from optical_memory.session.corrections.versions import host_ids
from optical_memory.session.forgetting.policy import ForgettingPolicy
from optical_memory.session.remember import Remembered, log_passed_over, remember
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.sync.host_list import HostList
from optical_memory.stores.turn_time import in_turn
from optical_memory.telemetry.measuring import Values, measured, measured_by
from optical_memory.turns import Turn

__all__ = [
    "SyncedSession",
]


def _count_turns(ids: list[str]) -> Values:
    """The attributes of the span."""
    return {"optical_memory.turns": len(ids)}


class SyncedSession:
    """Takes turns, and the whole list of a host every turn."""

    deadline: float | None
    session: str
    policy: ForgettingPolicy
    _archive: Archive
    _embedder: Embedder | None
    _host_list: HostList
    _redaction: Redaction = NO_REDACTION

    @measured_by(_count_turns)
    @in_turn
    def remember(self, turns: Turn | Sequence[Turn]) -> list[str]:
        """Write turns to the store, durably before this returns; gives the id of each.

        The same turn again changes nothing. A turn with a known id and another text is a later
        version of that turn, and supersedes it: `recall` and `context` hand over the later version,
        the older stays until it is forgotten. An older version, given again, is current again. A
        version that only adds to a text that stands on no page yet keeps nothing of the older. If
        three known ids or more, of most turns in a row, come with other words, and no turn is the
        same, the turns are another conversation: they are kept beside the first, with ids that
        begin with a digest.

        A turn that was forgotten is passed over, also with another text if it has an id; the log
        counts these. Give a new id to what you do want back. A turn that `redact` keeps out has an
        empty id.

        Raises `InputError` for a value that is no turn, `StoreError` if nothing could be written.
        """
        batch = list(turns) if isinstance(turns, Iterable) else [turns]
        for turn in batch:
            if not isinstance(turn, Turn):
                raise InputError(f"remember takes turns, not {type(turn).__name__}")
        kept_turns = self._redaction.turns(batch)

        def change(snapshot: Snapshot) -> tuple[list[Change], Remembered]:
            turns = [turn for turn in kept_turns if turn is not None]
            changes, new = remember(snapshot, turns, self._embedder)
            return with_session_facts(snapshot, changes, self.policy.keep_for), new

        snapshot, new = self._archive.update(change)
        self._wake()
        log_passed_over(self._archive.session, new.n_forgotten)
        ids = iter(host_ids(snapshot, new.ids))
        return ["" if turn is None else next(ids) for turn in kept_turns]

    @measured
    @in_turn
    def supersede(self, turn: str, by: str | Turn) -> str:
        """Replace a turn by a later statement, a turn that is there or a new turn; gives its id.

        >>> with OpticalMemory("alice", store="sqlite:///memory.db") as memory:
        ...     _ = memory.remember(Turn("user", "I live in Turin.", id="m1"))
        ...     memory.supersede("m1", by=Turn("user", "I have moved to Oslo.", id="m7"))
        ...     [found.text for found in memory.recall("Where do I live?")]
        ...     [found.turns for found in memory.recall("live Turin", superseded=True)]
        'm7'
        ['I have moved to Oslo.']
        [('m7',), ('m1',)]

        `recall` and `context` then hand over the later turn. The older stays readable until it is
        forgotten. If the turn is superseded already, the last turn that superseded it is replaced;
        if `by` was superseded by this turn, it is current again.

        Raises `Forgotten` if one of the turns is not there (any more). Raises `InputError` if both
        are the same turn, or for a value of another type.
        """
        if not isinstance(turn, str) or not isinstance(by, str | Turn):
            raise InputError("supersede takes the id of a turn, and a turn or its id")
        old_id = self._redaction.id(turn)
        later = self._redaction.id(by) if isinstance(by, str) else self._redaction.turn(by)
        if later is None:
            raise InputError("redact keeps out the turn that is to supersede: nothing was changed")

        def change(snapshot: Snapshot) -> tuple[list[Change], str]:
            if isinstance(later, str):
                return supersede(snapshot, old_id, later), later
            changes, new = remember(snapshot, [later], self._embedder)
            changes, id = _superseding(snapshot, old_id, changes, new)
            return with_session_facts(snapshot, changes, self.policy.keep_for), id

        snapshot, id = self._archive.update(change)
        self._wake()
        return host_ids(snapshot, [id])[0]

    @in_turn
    def feedback(self, turn: str, useful: bool = True) -> None:
        """Say whether a turn was of use: its pages then weigh as if they were recalled once more.

        >>> with OpticalMemory("alice", store="sqlite:///memory.db") as memory:
        ...     _ = memory.remember(Turn("user", "The gate code is 4417#.", id="m1"))
        ...     memory.feedback("m1")

        If it was not, a recall is taken back; below 0 the pages weigh less than those that nobody
        asked for. What weighs least goes first where a capacity is too small. A turn that stands on
        no page yet has no weight, and nothing is counted.

        Raises `Forgotten` if there is no such turn (any more), `InputError` for another type.
        """
        require_text("turn", turn)
        id = self._redaction.id(turn)
        self._archive.update(lambda snapshot: (count_feedback(snapshot, id, useful=useful), None))

    def _wake(self) -> None:
        """Tell the background worker that there is work."""

    @measured_by(_count_turns)
    @in_turn
    def sync(self, messages: Sequence[Any]) -> list[str]:
        """Bring the session in step with a host's whole message list; gives the id of each turn.

        >>> memory = OpticalMemory("alice", store="sqlite:///memory.db")
        >>> chat = [{"role": "user", "content": "The gate code is 4417."}]
        >>> memory.sync(chat), memory.sync([*chat, {"role": "assistant", "content": "Noted."}])
        (['t0'], ['t0', 't1'])
        >>> memory.close()

        Messages have any form that the loaders read, or are turns. New messages are remembered. An
        edited message is a later version, as in `remember`: by its id, or by its place if it has
        none. If the list goes another way after some message, the turns of the old way are not
        found any more; those that stand on a page stay on it. Messages that the host cut off at the
        front of its list, or out of its middle, are still found. Forgotten turns do not come back,
        and the log counts them. A turn that `redact` keeps out has an empty id. It costs by what is
        new.

        Raises `InputError` for a message that cannot be read, `StoreError` if nothing could be
        written.
        """
        return self._host_list.sync(messages)


def _superseding(
    snapshot: Snapshot, turn: str, changes: Sequence[Change], new: Remembered
) -> tuple[list[Change], str]:
    """The writes that remember a new turn, with those by which it supersedes another.

    Raises `Forgotten` if the new turn was forgotten before, and as `supersede`.
    """
    if new.n_forgotten:
        raise Forgotten("the turn that is to supersede was forgotten; give it a new id")
    latest = snapshot.after(changes, snapshot.version)
    if host_ids(latest, new.ids) == host_ids(latest, [turn]):
        return list(changes), new.ids[0]  # a later version of the same turn
    writes = {(change.kind, change.key): change for change in changes}
    for change in supersede(latest, turn, new.ids[0]):
        writes[change.kind, change.key] = change
    return list(writes.values()), new.ids[0]
