"""A session as of one version, as a value; and the session after some changes.

Records are kept as bytes and parsed when asked for; a snapshot shares with the last what is equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from optical_memory.errors import NewerFormat, StoreError
from optical_memory.session.maps.ordinals import next_ordinal
from optical_memory.session.maps.sorted_map import DeferredMap, ParsedMap, SortedMap
from optical_memory.session.maps.turn_keys import TurnKeys, is_key, says_key
from optical_memory.session.records import (
    PageRecord,
    Record,
    SessionRecord,
    TurnRecord,
    load_record,
    turn_key,
)
from optical_memory.session.turn_heads import (
    EDIT_OF,
    MarkChanges,
    TurnHead,
    check_page,
    ids_with_ordinals,
    plain_turn_heads,
    require_key,
    turn_head,
    turn_id,
)
from optical_memory.stores.base import Change, Delete, Kind, Version
from optical_memory.stores.protection.checksums import without_sum

__all__ = [
    "EDIT_OF",
    "RECORD_KINDS",
    "Change",
    "Snapshot",
]

Value = TypeVar("Value")
Changes = dict[str, Value | None]

RECORD_KINDS: Final[Mapping[Kind, type[Record]]] = {
    "session": SessionRecord,
    "turn": TurnRecord,
    "page": PageRecord,
}
"""The kinds of a store that hold JSON, and the class of each."""

_load_turn = partial(load_record, TurnRecord)
_load_page = partial(load_record, PageRecord)


@dataclass(frozen=True, repr=False)
class Snapshot:
    """A session as of one version. Threads may keep a snapshot as long as they like.

    `turns` are by key and `pages` by id, both in order. `keys` has the key of each turn by its id.
    `aliases` has, by the id that the host gave, the ids that we gave to edits, the oldest first;
    `host_ids` has it the other way round. `superseded` has, by the key of each superseded turn that
    is not forgotten, the host's id of the turn that superseded it. `tombstones` has the keys of
    forgotten turns by their tombstones. `open_keys` has the keys of the turns with text that is on
    no page. `damage` has the errors of records that do not parse, by kind and key. `index` has the
    segments of the search index, read when first asked for: maybe newer than the snapshot.
    `has_session` is False if there is no record of the session; with turns, that is damage.
    """

    version: Version = field(default_factory=Version)
    session: SessionRecord = field(default_factory=SessionRecord)
    turns: ParsedMap[TurnRecord] = field(default_factory=lambda: ParsedMap(_load_turn))
    pages: ParsedMap[PageRecord] = field(default_factory=lambda: ParsedMap(_load_page))
    keys: TurnKeys = field(default_factory=lambda: TurnKeys(turn_id))
    aliases: SortedMap[tuple[str, ...]] = field(default_factory=SortedMap)
    host_ids: SortedMap[str] = field(default_factory=SortedMap)
    superseded: SortedMap[str] = field(default_factory=SortedMap)
    tombstones: SortedMap[str] = field(default_factory=SortedMap)
    open_keys: SortedMap[bool] = field(default_factory=SortedMap)
    damage: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    index: DeferredMap = field(default_factory=DeferredMap)
    has_session: bool = False

    def open_turns(self) -> list[TurnRecord]:
        """Turns with text that stands on no sealed page yet, the oldest first."""
        return [self.turns[key] for key in self.open_keys]

    def turn(self, id: str) -> TurnRecord | None:
        """The turn with this id; None if there is none."""
        key = self.keys.get(id)
        return None if key is None else self.turns[key]

    def is_forgotten(self, id: str) -> bool:
        """True if there was a turn with this id and it was forgotten."""
        key = self.keys.get(id)
        return key is not None and turn_head(self.turns.data[key]).forgotten

    def turns_on(self, page: str) -> list[TurnRecord]:
        """The turns of which a part stands on this page, the oldest first."""
        mark = f'"{page}"'.encode()
        keys = [key for key, data in self.turns.data.pairs() if mark in data]
        records = [self.turns[key] for key in keys]
        return [record for record in records if page in record.pages]

    @property
    def is_session_damaged(self) -> bool:
        """True if the session's own record is gone or does not parse: a stand-in is in use."""
        return ("session", "session") in self.damage

    def damaged_turn_ids(self) -> frozenset[str]:
        """Ids of turns on pages whose records do not parse: nobody knows if they are forgotten."""
        ordinals = {int(key) for kind, key in self.damage if kind == "turn" and key.isdecimal()}
        ids: set[str] = set()
        if ordinals:
            for spans in self.pages.facts(ids_with_ordinals):
                ids.update(id for id, ordinal in spans if ordinal in ordinals)
        return frozenset(ids)

    @property
    def next_page(self) -> int:
        """The ordinal of the next page: 1 more than the last, even if that is damaged or gone."""
        turns = () if self.pages or len(self.open_keys) == len(self.turns) else self.turns.values()
        gone = [int(id) + 1 for turn in turns for id in turn.pages]
        return max([next_ordinal("page", self.pages, self.damage), *gone])

    def record(self, change: Change) -> bytes | None:
        """The bytes that a change replaces; None if they are new, and for pictures."""
        if change.kind == "session":
            return self.session.dump()
        data = {"index": self.index, "turn": self.turns.data, "page": self.pages.data}
        value = data[change.kind].get(change.key) if change.kind in data else None
        return None if value is None else without_sum(value)

    def after(self, changes: Iterable[Change], version: Version) -> Snapshot:
        """The session with these changes made.

        Raises `NewerFormat` for a record that a newer version of this package wrote.
        """
        draft = _SnapshotDraft(self)
        for change in changes:
            value = None if isinstance(change, Delete) else change.value
            draft.make(change.kind, change.key, value)
        return draft.snapshot(version, self.index.after(draft.index))

    @classmethod
    def of(
        cls,
        records: Mapping[Kind, Iterable[tuple[str, bytes]]],
        version: Version,
        load_index: Callable[[], Iterable[tuple[str, bytes]]],
    ) -> Snapshot:
        """A session from its records; `load_index` gives its index, if asked. Raises as `after`."""
        base, odd_turns = _plain_turns(records.get("turn", ()))
        draft = _SnapshotDraft(base)
        for kind, pairs in records.items():
            for key, value in odd_turns if kind == "turn" else pairs:
                draft.make(kind, key, value)
        return draft.snapshot(version, DeferredMap(load_index))


def _plain_turns(
    pairs: Iterable[tuple[str, bytes]],
) -> tuple[Snapshot, list[tuple[str, bytes]]]:
    """A session of most of these turns, made in a loop that does as little as it can.

    The pairs that are left are damaged records, and those with a host's id beside ours.
    """
    plain_pairs: list[tuple[str, bytes]] = []
    odd_pairs: list[tuple[str, bytes]] = []
    keys: list[tuple[str, str]] = []
    open_keys: list[tuple[str, bool]] = []
    pairs = list(pairs)
    heads = plain_turn_heads(value for _, value in pairs)
    for pair, head in zip(pairs, heads, strict=True):
        if head is None or head.is_odd or not is_key(pair[0], head.ordinal):
            odd_pairs.append(pair)
            continue
        plain_pairs.append(pair)
        if not says_key(head.id, pair[0]):
            keys.append((head.id, pair[0]))
        if not (head.sealed or head.forgotten):
            open_keys.append((pair[0], True))
    turns = ParsedMap(_load_turn, SortedMap(plain_pairs))
    turn_keys = TurnKeys(turn_id, turns.data, keys)
    return Snapshot(turns=turns, keys=turn_keys, open_keys=SortedMap(open_keys)), odd_pairs


class _SnapshotDraft:
    """A snapshot that is being changed. Each dictionary holds changes by key; None removes."""

    def __init__(self, base: Snapshot) -> None:
        self._base = base
        self._session = base.session
        self._has_session = base.has_session
        self._damage = dict(base.damage)
        self._turns: Changes[bytes] = {}
        self._pages: Changes[bytes] = {}
        self._marks = MarkChanges()
        self._aliases: Changes[tuple[str, ...]] = {}
        self._open_keys: Changes[bool] = {}
        self.index: Changes[bytes] = {}
        self._make: dict[str, Callable[[str, bytes | None], None]] = {
            "session": self._make_session,
            "turn": self._make_turn,
            "page": self._make_page,
            "index": self.index.__setitem__,
        }

    def make(self, kind: Kind, key: str, value: bytes | None) -> None:
        """Make a change; changes of pictures are passed over."""
        if kind not in self._make:
            return
        if self._damage:
            self._damage.pop((kind, key), None)
        try:
            self._make[kind](key, value)
        except NewerFormat:
            raise
        except StoreError as error:
            self._make[kind](key, None)
            self._damage[kind, key] = str(error)

    def _make_session(self, key: str, value: bytes | None) -> None:
        if value is not None:
            self._has_session = True  # if it is damaged too
            self._session = load_record(SessionRecord, value)

    def _make_page(self, key: str, value: bytes | None) -> None:
        if value is not None:
            check_page(key, value)
        self._pages[key] = value

    def _make_turn(self, key: str, value: bytes | None) -> None:
        head = None if value is None else turn_head(value)
        if head is not None:
            require_key(key, turn_key(head.ordinal))
        old_value = self._turns[key] if key in self._turns else self._base.turns.data.get(key)
        if old_value is not None:
            self._marks.drop(turn_head(old_value), key)
        self._turns[key] = value
        if head is None:
            self._open_keys[key] = None
            return
        self._open_keys[key] = None if head.sealed or head.forgotten else True
        self._marks.note(head, key)
        if head.host_id or "~" in head.id:
            self._note_alias(head, key)

    def _note_alias(self, head: TurnHead, key: str) -> None:
        host_id = head.host_id or self._first_schemas_host_id(head.id, key)
        if host_id == head.id:
            return
        self._marks.host_ids[head.id] = host_id
        ids = self._aliases.get(host_id) or self._base.aliases.get(host_id, ())
        if head.id not in ids:
            self._aliases[host_id] = (*ids, head.id)

    def _first_schemas_host_id(self, id: str, key: str) -> str:
        """The host's id of a record of schema 1: edits of `a` were called `a~2`, `a~3`."""
        match = EDIT_OF.fullmatch(id)
        first_id = match[1] if match is not None else id
        turns = self._base.turns.data.after(self._turns)
        first_key = self._base.keys.after(turns, self._marks.keys).get(first_id)
        return first_id if first_key is not None and first_key < key else id

    def _session_or_stand_in(self, turns: ParsedMap[TurnRecord]) -> SessionRecord:
        """The session's record. If it is damaged, a new record counts the turns that are there."""
        if ("session", "session") not in self._damage:
            none = {"next_turn": 0}
            return self._session if self._has_session else self._session.model_copy(update=none)
        stand_in = self._base.session if self._base.is_session_damaged else SessionRecord()
        return stand_in.model_copy(update={"next_turn": next_ordinal("turn", turns, self._damage)})

    def snapshot(self, version: Version, index: DeferredMap) -> Snapshot:
        """The snapshot with all changes made."""
        base = self._base
        turns = base.turns.after(self._turns)
        if not self._has_session:
            self._damage.pop(("session", "session"), None)
            if turns or any(kind == "turn" for kind, _ in self._damage):
                self._damage["session", "session"] = "the record is gone"
        return Snapshot(
            version,
            self._session_or_stand_in(turns),
            turns,
            base.pages.after(self._pages),
            base.keys.after(turns.data, self._marks.keys),
            base.aliases.after(self._aliases),
            base.host_ids.after(self._marks.host_ids),
            base.superseded.after(self._marks.superseded),
            base.tombstones.after(self._marks.tombstones),
            base.open_keys.after(self._open_keys),
            self._damage,
            index,
            self._has_session,
        )
