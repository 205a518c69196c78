"""A session that forgets: by its policy, by its term, or on request. A part of `OpticalMemory`."""

from __future__ import annotations

from collections.abc import Callable

from optical_memory.errors import InputError
from optical_memory.readers.base import Reader
from optical_memory.redaction.redact import NO_REDACTION, Redaction
from optical_memory.session.archive import Archive
from optical_memory.session.background import Upkeep
from optical_memory.session.erasing.forget import forget_page, forget_turn
from optical_memory.session.fade import FadePreview
from optical_memory.session.forgetting.plan import Step
from optical_memory.session.sync.host_list import HostList
from optical_memory.telemetry.measuring import measured

__all__ = [
    "TendedSession",
]


class TendedSession:
    """Plans, fades and forgets."""

    reader: Reader
    session: str
    _archive: Archive
    _host_list: HostList
    _redaction: Redaction = NO_REDACTION
    _upkeep: Upkeep
    _drop_readings: Callable[[], None]

    def plan(self, capacity: int | None = None) -> FadePreview:
        """What `fade(capacity)` would do now, and what would be lost; it changes nothing."""
        return self._upkeep.preview(capacity)

    def fade(self, capacity: int | None = None) -> list[Step]:
        """Fade the pages that are due by age, or by `capacity`; raises `InputError` below 0.

        Turns that are past the policy's term are erased, as `forget` does.
        """
        steps = self._upkeep.fade(capacity)
        self._upkeep.expire()
        return steps

    @measured
    def forget(
        self, *, page: str | None = None, turn: str | None = None, session: bool = False
    ) -> int:
        """Remove a page, a turn or the whole session for good: record, pictures, tokens, index.

        A turn goes with all its versions, by the host's id or by that of any version. Turns that it
        superseded stay, and stay superseded. Gives how many versions of a turn went, else 0.

        >>> with OpticalMemory("alice", store="sqlite:///memory.db") as memory:
        ...     memory.remember(Turn("user", "My PIN is 1234.", id="m1"))
        ...     memory.forget(turn="m1")
        ...     memory.recall("PIN")
        ['m1']
        1
        []

        What was forgotten does not come back when a host sends its history again: a turn with an id
        is known by it, also with another text. A turn without an id is known by its content, by a
        digest with a key that is not in the store (`OPTICAL_MEMORY_FORGET_KEY`, or a file in the
        user's data directory). Give an id of its own to what you do want back.

        Raises `Forgotten` if the page or turn is not there (any more), `InputError` unless exactly
        one thing is named. Raises `StoreError` if everything is removed, but the old text is still
        in the store's files because another process reads them.
        """
        if [page is not None, turn is not None, session].count(True) != 1:
            raise InputError("forget one thing at a time: page=…, turn=… or session=True")
        n_versions = 0
        if page is not None:
            forget_page(self._archive, self.reader.profile, page)
        elif turn is not None:
            id = self._redaction.id(turn)
            n_versions = forget_turn(self._archive, self.reader.profile, id)
        else:
            self._archive.drop()
        self._drop_copies()
        return n_versions

    def _drop_copies(self) -> None:
        """Drop what this process has of turns that are forgotten."""
        self._host_list.forget()
        self._drop_readings()
