"""Remembering: turns into a session. A function from a snapshot to the writes that change it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeGuard, get_args

from optical_memory.errors import InputError
from optical_memory.search.meaning import Embedder
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import EDIT_OF, Change, Snapshot
from optical_memory.turns import Role, Turn

__all__ = [
    "remember",
]


def remember(
    snapshot: Snapshot, turns: Sequence[Turn], embedder: Embedder | None = None
) -> tuple[list[Change], list[str]]:
    """Writes that put the turns at the end of the session, and the id of each turn.

    A turn whose id is known replaces the old turn while that is open. If the old turn stands on a
    page already, the new turn is an edit of it: it gets an id of our own (`a~2`). The same turn
    again is no change. If part of a turn was forgotten, a new turn with its id is no change either.
    A host that sends its history again must not bring the text back. Nothing is left that could
    tell an edit from the old text.

    `embedder` gives the turns their vectors. Raises `InputError` if a turn cannot be kept as it is.
    """
    batch = _Batch(snapshot, embedder)
    ids = [batch.add(turn) for turn in turns]
    return batch.changes(), ids


class _Batch:
    """Turns that are being added to a snapshot."""

    def __init__(self, snapshot: Snapshot, embedder: Embedder | None) -> None:
        self._embedder = embedder
        self._snapshot = snapshot
        self._session = snapshot.session
        self._next_turn = snapshot.session.next_turn
        self._records: dict[str, TurnRecord] = {}  # new and replaced turns by id
        # The new aliases; those that were there already are in the snapshot.
        self._aliases: defaultdict[str, list[str]] = defaultdict(list)
        self._damaged_ids = snapshot.damaged_turn_ids()

    def add(self, turn: Turn) -> str:
        """Add a turn; gives its id. Raises `InputError` if the turn cannot be kept."""
        if turn.role not in get_args(Role):
            roles = ", ".join(get_args(Role))
            raise InputError(f"a turn has the role {turn.role!r}; roles are {roles}")
        record = TurnRecord.of(turn, turn.id or self._own_id(), self._next_turn)
        digest = self._session.digest(record.content)
        versions = self._versions(record.id) if turn.id is not None else []
        old = _same_or_last(versions, digest)
        if old is not None and (old.forgotten or self._is_same(old, digest)):
            return old.id
        if turn.id is not None and record.id in self._damaged_ids:
            return record.id  # nobody knows if that turn was forgotten
        record = self._replaced(old, record) if _is_open(old) else self._appended(record)
        self._records[record.id] = record.model_copy(update={"digest": digest})
        return record.id

    def _is_same(self, old: TurnRecord, digest: str) -> bool:
        """True if the old turn has this content, or if nothing is left to compare with.

        That is so if a part of it was forgotten (an empty digest), and if the session's record is
        damaged: then the key of all digests is gone.
        """
        return old.digest in ("", digest) or self._snapshot.is_session_damaged

    def _own_id(self) -> str:
        """An id for a turn that has none.

        Ids of turns that the store lost are not given again. Other processes may have been given
        ids that nobody knows any more, so after a loss the id has a random part too.
        """
        n = self._session.lost_turns + self._next_turn
        mark = f"-{self._session.salt[:4]}" if self._session.lost_turns else ""
        return self._free_id(f"t{n}{mark}")

    def _replaced(self, old: TurnRecord, record: TurnRecord) -> TurnRecord:
        """The edit of an open turn takes that turn's place."""
        place = {"id": old.id, "ordinal": old.ordinal, "host_id": old.host_id, "v": old.v}
        return record.model_copy(update=place)

    def _appended(self, record: TurnRecord) -> TurnRecord:
        """A turn at the end of the session, under a free id."""
        self._next_turn += 1
        id = self._free_id(record.id)
        if id == record.id and not ("~" in id and EDIT_OF.fullmatch(id)):
            return record
        if id != record.id:
            self._aliases[record.id].append(id)
        # Schema 2 has `host_id`: an older program must not take the edit for another turn, and a
        # turn whose own id looks like an edit's must not be taken for an edit.
        return record.model_copy(update={"id": id, "host_id": record.id, "v": 2})

    def _versions(self, host_id: str) -> list[TurnRecord]:
        """The turn to which the host gave this id and the edits of it, the oldest first."""
        ids = [host_id, *self._snapshot.aliases.get(host_id, ()), *self._aliases[host_id]]
        records = [self._records.get(id) or self._snapshot.turn(id) for id in ids]
        return [r for r in records if r is not None and self._host_id(r) == host_id]

    def _host_id(self, record: TurnRecord) -> str:
        return record.host_id or self._snapshot.host_ids.get(record.id, record.id)

    def _free_id(self, id: str) -> str:
        return next(name for name in _names(id) if not self._is_taken(name))

    def _is_taken(self, id: str) -> bool:
        return id in self._records or id in self._snapshot.keys or id in self._damaged_ids

    def changes(self) -> list[Change]:
        """The writes for all turns that were added."""
        changes: list[Change] = [put(record) for record in self._records.values()]
        draft = IndexDraft(self._snapshot, self._embedder)
        draft.add(list(self._records.values()))
        changes += draft.changes()
        if changes and self._snapshot.is_session_damaged:
            # The session gets a new key for digests, so the digests that are there say nothing.
            old_turns = [r for r in self._snapshot.turns.values() if r.id not in self._records]
            changes += [put(record.model_copy(update={"digest": ""})) for record in old_turns]
        if self._next_turn != self._session.next_turn:
            changes.append(put(self._session.model_copy(update={"next_turn": self._next_turn})))
        return changes


def _names(id: str) -> Iterator[str]:
    """`id`, then `id~2`, `id~3` and so on."""
    yield id
    for n in itertools.count(2):
        yield f"{id}~{n}"


def _is_open(record: TurnRecord | None) -> TypeGuard[TurnRecord]:
    """True for a turn of which nothing stands on a page yet."""
    return record is not None and not record.pages


def _same_or_last(versions: Sequence[TurnRecord], digest: str) -> TurnRecord | None:
    """The version with this content, else the newest version; None without versions."""
    for record in versions:
        if record.digest == digest:
            return record
    return versions[-1] if versions else None
