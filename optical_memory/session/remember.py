"""Remembering: turns into a session. A function from a snapshot to the writes that change it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from optical_memory.errors import InputError
from optical_memory.search.meaning import Embedder
from optical_memory.session.corrections.apart import apart
from optical_memory.session.corrections.tombstones import (
    came_back,
    has_host_id,
    is_comparable,
    known_tombstone,
)
from optical_memory.session.corrections.versions import adds_to, current_version, host_id_of
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import TurnRecord, put, turn_key
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.turn_heads import EDIT_OF
from optical_memory.telemetry.event_table import TURNS_PASSED_OVER
from optical_memory.telemetry.events import emit
from optical_memory.turns import Role, Turn

__all__ = [
    "Remembered",
    "log_passed_over",
    "remember",
]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The id of each turn's record, and how many turns were passed over as forgotten."""

    ids: list[str]
    n_forgotten: int


def remember(
    snapshot: Snapshot,
    turns: Sequence[Turn],
    embedder: Embedder | None = None,
    *,
    at_end: Collection[str] = (),
    is_list: bool = False,
) -> tuple[list[Change], Remembered]:
    """Writes that put the turns at the end of the session, and the ids of their records.

    A turn whose id is known is a version of the turn that is there, which it supersedes. It takes
    the place of an open turn, whose older text moves to the end; if it only adds to that text, no
    older version is kept. A turn that stands on a page stays there, and so does an open turn whose
    id is in `at_end`: the later version goes to the end. The same turn again is no change. An older
    version, given again, is current again. Turns of another conversation whose ids are known are
    no versions of the turns that are there (`apart`).

    A turn whose id is forgotten is passed over, whatever its text. So is a turn without an id that
    was forgotten (`tombstones`), but not in a host's list (`is_list`), which is matched elsewhere.
    `embedder` gives the turns their vectors. Raises `InputError` if a turn cannot be kept as it is.
    """
    if not is_list:
        turns = apart(snapshot, turns)
    batch = _Batch(snapshot, embedder, at_end, knows_forgotten=not is_list)
    ids = [batch.add(turn) for turn in turns]
    return batch.changes(), Remembered(ids, batch.n_forgotten)


class _Batch:
    """Turns that are being added to a snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        embedder: Embedder | None,
        at_end: Collection[str],
        *,
        knows_forgotten: bool,
    ) -> None:
        self.n_forgotten = 0
        self._embedder = embedder
        self._at_end = at_end
        self._knows_forgotten = knows_forgotten
        self._snapshot = snapshot
        self._session = snapshot.session
        self._next_turn = snapshot.session.next_turn
        self._records: dict[str, TurnRecord] = {}  # new and replaced turns by id
        self._marked: dict[str, TurnRecord] = {}  # turns of which only a mark is new, by id
        # The new aliases; those that were there already are in the snapshot.
        self._aliases: defaultdict[str, list[str]] = defaultdict(list)
        self._damaged_ids = snapshot.damaged_turn_ids()
        self._previous_digest = self._last_digest() if snapshot.tombstones else ""

    def add(self, turn: Turn) -> str:
        """Add a turn; gives its record's id. Raises `InputError` if the turn cannot be kept."""
        if turn.role not in get_args(Role):
            roles = ", ".join(get_args(Role))
            raise InputError(
                f"a turn has an unknown role ({len(str(turn.role))} characters); roles are {roles}"
            )
        record = TurnRecord.of(turn, turn.id or self._own_id(), self._next_turn)
        digest = self._session.digest(record.content)
        previous_digest = self._previous_digest
        self._previous_digest = digest
        record = record.model_copy(update={"digest": digest})
        old = None
        is_new = turn.id is None or turn.id not in self._snapshot.keys
        if self._knows_forgotten and is_new and not has_host_id(turn):
            old = came_back(self._snapshot, turn, digest, previous_digest)
        if old is not None:
            self.n_forgotten += 1
            return old.id
        return self._append(record) if turn.id is None else self._add_named(record)

    def _add_named(self, record: TurnRecord) -> str:
        """Add a turn to which the host gave an id."""
        versions = self._versions(record.id)
        current = current_version(versions)
        if self._is_forgotten(current, versions, record.digest):
            self.n_forgotten += 1
            return versions[-1].id
        is_there = current is not None and not current.is_older_version
        if current is not None and is_there and self._is_same(current, record.digest):
            return current.id
        if record.id in self._damaged_ids:
            return record.id  # nobody knows if that turn was forgotten
        next_version = 1 + max((version.version for version in versions), default=0)
        if current is None or not is_there:  # a list may have taken the current version away
            return self._append(record, next_version)
        older = [version for version in versions if version.digest == record.digest]
        if older and self._is_readable(older[0]):
            return self._reinstate(older[0], current)
        return self._supersede(current, record, next_version)

    def _is_forgotten(
        self, current: TurnRecord | None, versions: Sequence[TurnRecord], digest: str
    ) -> bool:
        """True if a turn is forgotten, or if this text may be that of a forgotten version of it.

        A version is forgotten alone if it stood on a page that was forgotten.
        """
        if current is None or current.forgotten:
            return current is not None
        if current.digest == digest:
            return False
        tombstone = known_tombstone(self._snapshot, digest)
        old = [version for version in versions if version.forgotten]
        return any(not is_comparable(v) or v.tombstone == tombstone for v in old)

    def _is_same(self, old: TurnRecord, digest: str) -> bool:
        """True if the old turn has this content, or if nothing is left to compare with.

        That is so if a part of it was forgotten (an empty digest), and if the session's record is
        damaged: then the key of all digests is gone.
        """
        return old.digest in ("", digest) or self._snapshot.is_session_damaged

    def _is_readable(self, record: TurnRecord) -> bool:
        """True if nothing of the turn was lost with its pages."""
        pages = [self._snapshot.pages.get(id) for id in record.pages]
        return all(
            page is not None
            and page.n_pages == 1
            and (page.lines is not None or page.state in ("sealed", "certified"))
            for page in pages
        )

    # ---- versions --------------------------------------------------------------------------------

    def _supersede(self, current: TurnRecord, record: TurnRecord, version: int) -> str:
        """Add a later version of the current version."""
        host_id = record.id
        if current.pages or host_id in self._at_end:
            self._mark(current, host_id)
            return self._append(record, version, current.superseded_by)
        if adds_to(current, record):
            version = current.version
        else:
            self._append(_text_of(current, record), current.version, host_id)
        self._records[current.id] = _in_place_of(current, record, version)
        return current.id

    def _reinstate(self, older: TurnRecord, current: TurnRecord) -> str:
        """Make an older version current again; open turns swap their texts, so that places stay."""
        if current.pages or older.pages:
            self._mark(current, host_id_of(self._snapshot, current))
            self._mark(older, current.superseded_by)
            return older.id
        self._records[current.id] = _in_place_of(current, older, older.version)
        self._records[older.id] = _in_place_of(older, current, current.version)
        return current.id

    def _mark(self, record: TurnRecord, superseded_by: str | None) -> None:
        records = self._records if record.id in self._records else self._marked
        records[record.id] = record.with_superseding(superseded_by)

    def _versions(self, host_id: str) -> list[TurnRecord]:
        """The turn to which the host gave this id and the edits of it, the oldest first."""
        ids = [host_id, *self._snapshot.aliases.get(host_id, ()), *self._aliases[host_id]]
        records = [self._record(id) for id in dict.fromkeys(ids)]
        versions = [
            r for r in records if r is not None and host_id_of(self._snapshot, r) == host_id
        ]
        return sorted(versions, key=lambda record: record.version)

    def _record(self, id: str) -> TurnRecord | None:
        return self._records.get(id) or self._marked.get(id) or self._snapshot.turn(id)

    # ---- ids -------------------------------------------------------------------------------------

    def _own_id(self) -> str:
        """An id for a turn that has none.

        Ids of turns that the store lost are not given again. Other processes may have been given
        ids that nobody knows any more, so after a loss the id has a random part too.
        """
        n = self._session.lost_turns + self._next_turn
        mark = f"-{self._session.salt[:4]}" if self._session.lost_turns else ""
        return self._free_id(f"t{n}{mark}")

    def _append(
        self, record: TurnRecord, version: int = 1, superseded_by: str | None = None
    ) -> str:
        """Add a turn at the end of the session, under a free id; gives the id."""
        host_id = record.id
        id = self._free_id(host_id)
        update: dict[str, object] = {"id": id, "ordinal": self._next_turn}
        if id != host_id:
            self._aliases[host_id].append(id)
        if id != host_id or ("~" in id and EDIT_OF.fullmatch(id)):
            # Schema 2 has `host_id`: an older program must not take the edit for another turn, and
            # a turn whose own id looks like an edit's must not be taken for an edit.
            update |= {"host_id": host_id, "v": 2}
        if version != 1 or superseded_by is not None:
            update |= {"version": version, "superseded_by": superseded_by, "v": 4}
        self._next_turn += 1
        self._records[id] = record.model_copy(update=update)
        return id

    def _free_id(self, id: str) -> str:
        return next(name for name in _names(id) if not self._is_taken(name))

    def _is_taken(self, id: str) -> bool:
        return id in self._records or id in self._snapshot.keys or id in self._damaged_ids

    def _last_digest(self) -> str:
        """The digest of the session's last turn; empty if it has none."""
        last = self._snapshot.turns.get(turn_key(self._next_turn - 1)) if self._next_turn else None
        return "" if last is None else last.digest

    def changes(self) -> list[Change]:
        """The writes for all turns that were added."""
        records = {**self._marked, **self._records}
        changes: list[Change] = [put(record) for record in records.values()]
        draft = IndexDraft(self._snapshot, self._embedder)
        draft.add(list(self._records.values()))
        changes += draft.changes()
        if changes and self._snapshot.is_session_damaged:
            # The session gets a new key for digests, so the digests that are there say nothing.
            old_turns = [r for r in self._snapshot.turns.values() if r.id not in records]
            changes += [put(record.model_copy(update={"digest": ""})) for record in old_turns]
        if self._next_turn != self._session.next_turn:
            changes.append(put(self._session.model_copy(update={"next_turn": self._next_turn})))
        return changes


def log_passed_over(session: str, n_turns: int) -> None:
    """Say in the log how many turns were passed over because they are forgotten."""
    if n_turns:
        emit(TURNS_PASSED_OVER, session=session, n_turns=n_turns)


def _names(id: str) -> Iterator[str]:
    """`id`, then `id~2`, `id~3` and so on."""
    yield id
    for n in itertools.count(2):
        yield f"{id}~{n}"


def _in_place_of(old: TurnRecord, content: TurnRecord, version: int) -> TurnRecord:
    """The content as a version at the place of a turn of which nothing stands on a page."""
    place = {
        "id": old.id,
        "ordinal": old.ordinal,
        "host_id": old.host_id,
        "version": version,
        "superseded_by": old.superseded_by,
        "v": old.v if version == 1 and old.superseded_by is None else 4,
    }
    return content.model_copy(update=place)


def _text_of(current: TurnRecord, record: TurnRecord) -> TurnRecord:
    """The text of an open turn as a turn of its own, under the id that the host gave."""
    update = {"id": record.id, "host_id": None, "superseded_by": None, "version": 1, "v": 1}
    return current.model_copy(update=update)
