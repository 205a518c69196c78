"""The writes that bring a session in step with a host's list: a function of a snapshot."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from optical_memory.search.meaning import Embedder
from optical_memory.session.corrections.versions import versions_of
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.maps.runs import numbers, runs
from optical_memory.session.records import TurnRecord, put, turn_key
from optical_memory.session.remember import Remembered, remember
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.sync.match import Match, host_id_of, match_turns, with_forgotten
from optical_memory.stores.base import Delete
from optical_memory.turns import Turn, short_repr

__all__ = [
    "sync",
]

MORE_TURNS = 256
"""Turns before the host's last list that are looked at, beyond as many as the list has."""


def sync(
    snapshot: Snapshot,
    known_ids: Sequence[str],
    turns: Sequence[Turn],
    embedder: Embedder | None = None,
) -> tuple[list[Change], Remembered]:
    """Writes after which the session has a host's list, and the id of each turn's record.

    The list is the turns of `known_ids`, which have not changed since the last list, then `turns`.
    New turns are remembered. A turn with other content, by its id or by its place, is an edit, a
    later version that supersedes the turn. Turns that the list has no more, or has under another
    id, are not found any more; open turns are removed. Those that a host cut off at the front of
    its list stay. A forgotten turn does not come back. `embedder` gives new turns their vectors.

    Raises `InputError` if a turn cannot be kept as it is.
    """
    draft = _Draft(snapshot, known_ids, _with_single_ids(snapshot, turns), embedder)
    new = draft.write()
    return draft.changes(), Remembered([*known_ids, *new.ids], new.n_forgotten)


def _with_single_ids(snapshot: Snapshot, turns: Iterable[Turn]) -> list[Turn]:
    """The turns; of those with the same id only the first keeps it: two messages are two turns.

    All keep the id of a forgotten turn, which is known by it.
    """
    ids: set[str] = set()
    single: list[Turn] = []
    for turn in turns:
        single.append(replace(turn, id=None) if turn.id in ids else turn)
        if turn.id is not None and not _is_forgotten(snapshot, turn.id):
            ids.add(turn.id)
    return single


def _is_forgotten(snapshot: Snapshot, id: str) -> bool:
    """True if there was a turn with this id and all its versions are forgotten."""
    is_candidate = snapshot.is_forgotten(id)
    return is_candidate and all(record.forgotten for record in versions_of(snapshot, id))


class _Draft:
    """The session as the writes so far leave it."""

    def __init__(
        self,
        snapshot: Snapshot,
        known_ids: Sequence[str],
        turns: Sequence[Turn],
        embedder: Embedder | None,
    ) -> None:
        self._embedder = embedder
        self._snapshot = snapshot
        # A forgotten turn may stand in a list twice, and each turn stands in the line once.
        self._known = list(dict.fromkeys(int(snapshot.keys[id]) for id in known_ids))
        self._turns = turns
        self._line = numbers(snapshot.session.host_turns)
        self._old = set(numbers(snapshot.session.old_turns))
        self._changes: dict[tuple[str, str], Change] = {}

    def write(self) -> Remembered:
        """Make all writes; gives the ids of the turns that were not known."""
        match = with_forgotten(self._snapshot, self._match(), self._turns, self._digest_of_known())
        steps = _steps(match, self._turns)
        self._remove([*self._all_versions(match.old), *_replaced(steps)])
        new_turns = [step.turn for step in steps if step.turn is not None]
        at_end = [step.turn.id for step in steps if step.turn is not None and step.goes_to_end]
        changes, new = remember(
            self._snapshot,
            new_turns,
            self._embedder,
            at_end=set(filter(None, at_end)),
            is_list=True,
        )
        self._apply(changes)
        ids_left = iter(new.ids)
        ids = [step.id if step.turn is None else next(ids_left) for step in steps]
        self._find_again(ids)
        self._set_line(ids)
        n_forgotten = sum(record is not None and record.forgotten for record in match.records)
        return Remembered(ids, n_forgotten)

    def _apply(self, changes: Sequence[Change]) -> None:
        if changes:
            self._changes.update({(change.kind, change.key): change for change in changes})
            self._snapshot = self._snapshot.after(changes, self._snapshot.version)

    def changes(self) -> list[Change]:
        """The writes, those that remove first."""
        changes = self._changes.values()
        return sorted(changes, key=lambda change: not isinstance(change, Delete))

    # ---- matching --------------------------------------------------------------------------------

    def _match(self) -> Match:
        """The match of the turns with those that the session had after the known turns."""
        if self._known:
            rest = self._line[self._line.index(self._known[-1]) + 1 :]
            return self._match_with(self._records(rest), follows=True)
        records = self._records(self._line)
        match = self._match_with(records, follows=False)
        talk = [i for i, turn in enumerate(self._turns) if turn.role != "system"]
        if talk and match.records[talk[0]] is None:
            match = self._match_with([*self._older_records(), *records], follows=False)
        return match

    def _match_with(self, records: Sequence[TurnRecord], *, follows: bool) -> Match:
        """The match; only turns of the host's last list are old, if it gave a list."""
        match = match_turns(self._snapshot, records, self._turns, follows=follows)
        line = set(self._line)
        old_records = [r for r in match.old if not line or r.ordinal in line]
        return replace(match, old=old_records)

    def _records(self, ordinals: Iterable[int]) -> list[TurnRecord]:
        records = [self._snapshot.turns.get(turn_key(ordinal)) for ordinal in ordinals]
        return [record for record in records if record is not None]

    def _older_records(self) -> list[TurnRecord]:
        """The turns before the host's last list; of a session without such a list, the newest."""
        end = min(self._line, default=self._snapshot.session.next_turn)
        first = max(0, end - len(self._turns) - MORE_TURNS)
        records = self._records(n for n in range(first, end) if n not in self._old)
        return [record for record in records if not record.is_older_version]

    def _digest_of_known(self) -> str:
        """The digest of the last turn that is known; empty without such turns."""
        records = self._records(self._known[-1:])
        return records[0].digest if records else ""

    def _all_versions(self, records: Iterable[TurnRecord]) -> list[TurnRecord]:
        """The records, and the older versions of these turns."""
        versions: dict[int, TurnRecord] = {}
        for record in records:
            older = versions_of(self._snapshot, host_id_of(record))
            versions.update((version.ordinal, version) for version in [record, *older])
        return list(versions.values())

    # ---- writing ---------------------------------------------------------------------------------

    def _remove(self, records: Sequence[TurnRecord]) -> None:
        """Take turns out of the search; those that stand on no page leave the session.

        The records of forgotten turns stay: they keep the text from coming back.
        """
        removable = [record for record in records if not record.forgotten]
        if not removable:
            return
        draft = IndexDraft(self._snapshot, self._embedder)
        draft.remove([record.ordinal for record in removable])
        changes: list[Change] = []
        for record in removable:
            self._old.add(record.ordinal)
            if not record.pages:
                changes.append(Delete("turn", turn_key(record.ordinal)))
            elif not record.sealed:
                changes.append(put(_closed(record)))
        self._apply([*changes, *draft.changes()])

    def _set_line(self, ids: Sequence[str]) -> None:
        """Note the host's list."""
        keys = [self._snapshot.keys.get(id) for id in ids]  # a damaged turn has none
        line = [*self._known, *(int(key) for key in keys if key is not None)]
        self._old.difference_update(line)
        session = self._snapshot.session
        old_turns = runs(sorted(self._old))
        new_session = session.with_fields(
            host_turns=runs(list(dict.fromkeys(line))),
            old_turns=old_turns,
        )
        if new_session != session:
            self._apply([put(new_session)])

    def _find_again(self, ids: Sequence[str]) -> None:
        """Index the turns that the list has again, with their text from the list."""
        records: list[TurnRecord] = []
        for id, turn in zip(ids, self._turns, strict=True):
            record = self._snapshot.turn(id)
            if record is not None and record.ordinal in self._old:
                records.append(TurnRecord.of(turn, id, record.ordinal))
        if records:
            draft = IndexDraft(self._snapshot, self._embedder)
            draft.add(records)
            self._apply(draft.changes())


@short_repr
@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of a turn of the list.

    `turn` is remembered if it is not None; else the turn is in the session already, as `id`. `old`
    is the record that leaves the session for it. `goes_to_end` is True for a later version that
    must stand behind turns that were remembered before it.
    """

    id: str
    turn: Turn | None = None
    old: TurnRecord | None = None
    goes_to_end: bool = False


def _replaced(steps: Iterable[_Step]) -> list[TurnRecord]:
    return [step.old for step in steps if step.old is not None]


def _steps(match: Match, turns: Sequence[Turn]) -> list[_Step]:
    """The steps for all turns.

    A turn at the end of the session would stand behind the open turns that follow it in the list.
    So these are remembered again after it.
    """
    steps: list[_Step] = []
    is_behind = False
    for turn, record, is_same in zip(turns, match.records, match.is_same, strict=True):
        if record is None:
            step = _Step("", turn)
        elif is_same and not (is_behind and _can_move(record)):
            step = _Step(record.id)
        elif is_same or turn.id not in (None, host_id_of(record)):
            step = _Step("", _renamed(turn, record), old=record)
        else:
            goes_to_end = is_behind or bool(record.pages)
            step = _Step("", replace(turn, id=host_id_of(record)), goes_to_end=goes_to_end)
        is_behind = is_behind or record is None or step.old is not None or step.goes_to_end
        steps.append(step)
    return steps


def _can_move(record: TurnRecord) -> bool:
    """True for an open turn of which nothing stands on a page, and that nothing superseded."""
    if record.pages or record.forgotten or record.superseded_by is not None:
        return False
    return record.text is not None


def _renamed(turn: Turn, record: TurnRecord) -> Turn:
    """The turn with the record's id, if the host gives none."""
    return turn if turn.id is not None else replace(turn, id=host_id_of(record))


def _closed(record: TurnRecord) -> TurnRecord:
    """A turn without the part that stands on no page; its content is never the same again."""
    update = {"sealed": True, "digest": secrets.token_hex(32)}
    return record.without_content().model_copy(update=update)
