"""A session as of one version, as a value; and the session after some changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from optical_memory.errors import NewerFormat, StoreError
from optical_memory.session.records import (
    PageRecord,
    Record,
    SessionRecord,
    TurnRecord,
    load_record,
)
from optical_memory.stores.base import Delete, Kind, Put, Version

__all__ = [
    "EDIT_OF",
    "RECORD_KINDS",
    "Change",
    "Snapshot",
]

Change = Put | Delete

EDIT_OF = re.compile(r"(.+)~(?:[2-9]|[1-9]\d+)", re.DOTALL)
"""The spelling of an edit's id: the id of the first version, and a number from 2."""

RECORD_KINDS: Final[Mapping[Kind, type[Record]]] = {
    "session": SessionRecord,
    "turn": TurnRecord,
    "page": PageRecord,
}
"""The kinds of a store that hold records, and the class of each; pictures are no records."""


@dataclass(frozen=True)
class Snapshot:
    """A session as of one version. Threads may keep a snapshot as long as they like.

    `turns` are by key and `pages` by id, both in order. `keys` has the key of each turn by its id.
    `aliases` has, by the id that the host gave, the ids that we gave to edits, the oldest first;
    `host_ids` has it the other way round.
    `damage` has the errors of records that do not parse, by kind and key. Those records are passed
    over, and everything else stays in use.
    """

    version: Version = field(default_factory=Version)
    session: SessionRecord = field(default_factory=SessionRecord)
    turns: dict[str, TurnRecord] = field(default_factory=dict)
    pages: dict[str, PageRecord] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    host_ids: Mapping[str, str] = field(default_factory=dict)
    damage: Mapping[tuple[Kind, str], str] = field(default_factory=dict)

    def open_turns(self) -> list[TurnRecord]:
        """Turns with text that stands on no sealed page yet, the oldest first.

        Turns are sealed in order, so the search ends at the newest sealed turn.
        """
        newest_first: list[TurnRecord] = []
        for record in reversed(self.turns.values()):
            if record.forgotten:
                continue
            if record.sealed:
                break
            newest_first.append(record)
        return newest_first[::-1]

    def turn(self, id: str) -> TurnRecord | None:
        """The turn with this id; None if there is none."""
        key = self.keys.get(id)
        return None if key is None else self.turns[key]

    def is_forgotten(self, id: str) -> bool:
        """True if there was a turn with this id and it was forgotten."""
        record = self.turn(id)
        return record is not None and record.forgotten

    @property
    def is_session_damaged(self) -> bool:
        """True if the session's own record does not parse: a stand-in is in use."""
        return ("session", "session") in self.damage

    def damaged_turn_ids(self) -> frozenset[str]:
        """Ids of turns on pages whose records do not parse: nobody knows if they are forgotten."""
        ordinals = {int(key) for kind, key in self.damage if kind == "turn" and key.isdecimal()}
        ids: set[str] = set()
        if ordinals:
            for page in self.pages.values():
                spans = (page.layout or {}).get("spans", [])
                ids.update(id for id, ordinal, *_ in spans if ordinal in ordinals)
        return frozenset(ids)

    @property
    def next_page(self) -> int:
        """The ordinal of the next page: 1 more than the last, even if that is damaged."""
        numbers = [record.ordinal for record in self.pages.values()]
        numbers += [int(key) for kind, key in self.damage if kind == "page" and key.isdecimal()]
        return max(numbers, default=-1) + 1

    def record(self, change: Change) -> TurnRecord | PageRecord | None:
        """The turn or page that a change would replace; None for other kinds and new records."""
        if change.kind == "turn":
            return self.turns.get(change.key)
        if change.kind == "page":
            return self.pages.get(change.key)
        return None

    def after(self, changes: Iterable[Change], version: Version) -> Snapshot:
        """The session with these changes made.

        Raises `NewerFormat` for a record that a newer version of this package wrote.
        """
        draft = _SnapshotDraft(self)
        for change in changes:
            draft.make(change)
        return draft.snapshot(version)


class _SnapshotDraft:
    """A snapshot that is being changed."""

    def __init__(self, base: Snapshot) -> None:
        self._session = base.session
        self._turns = dict(base.turns)
        self._pages = dict(base.pages)
        self._keys = dict(base.keys)
        self._aliases = dict(base.aliases)
        self._host_ids = dict(base.host_ids)
        self._damage = dict(base.damage)

    def make(self, change: Change) -> None:
        """Make a change; changes of pictures are passed over."""
        if change.kind not in RECORD_KINDS:
            return
        self._damage.pop((change.kind, change.key), None)
        if isinstance(change, Delete):
            self._remove(change)
        else:
            self._put(change)

    def _put(self, change: Put) -> None:
        try:
            record = load_record(RECORD_KINDS[change.kind], change.value)
        except NewerFormat:
            raise
        except StoreError as error:
            self._remove(change)
            self._damage[change.kind, change.key] = str(error)
            return
        if isinstance(record, SessionRecord):
            self._session = record
        elif isinstance(record, PageRecord):
            self._pages[change.key] = record
        elif isinstance(record, TurnRecord):
            self._turns[change.key] = record
            self._keys[record.id] = change.key
            self._note_alias(record)

    def _note_alias(self, record: TurnRecord) -> None:
        host_id = record.host_id or self._first_schemas_host_id(record)
        if host_id == record.id:
            return
        self._host_ids[record.id] = host_id
        ids = self._aliases.get(host_id, ())
        if record.id not in ids:
            self._aliases[host_id] = (*ids, record.id)

    def _first_schemas_host_id(self, record: TurnRecord) -> str:
        """The host's id of a record of schema 1: edits of `a` were called `a~2`, `a~3`."""
        match = EDIT_OF.fullmatch(record.id) if "~" in record.id else None
        if match is not None and match[1] in self._keys:
            return match[1]
        return record.id

    def _remove(self, change: Change) -> None:
        if change.kind == "page":
            self._pages.pop(change.key, None)
        if change.kind == "turn":
            record = self._turns.pop(change.key, None)
            if record is not None:
                self._keys.pop(record.id, None)

    def _session_or_stand_in(self) -> SessionRecord:
        """The session's record. If it is damaged, a new record counts the turns that are there."""
        if ("session", "session") not in self._damage:
            return self._session
        keys = [*self._turns, *(key for kind, key in self._damage if kind == "turn")]
        ordinals = [int(key) for key in keys if key.isdecimal()]
        return SessionRecord(next_turn=max(ordinals, default=-1) + 1)

    def snapshot(self, version: Version) -> Snapshot:
        return Snapshot(
            version,
            self._session_or_stand_in(),
            self._turns,
            self._pages,
            self._keys,
            self._aliases,
            self._host_ids,
            self._damage,
        )
