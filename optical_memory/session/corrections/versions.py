"""Versions of a turn: the turn to which a host gave an id, and every edit of it."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.session.records import TurnRecord, turn_key
from optical_memory.session.snapshot import Snapshot

__all__ = [
    "adds_to",
    "current_version",
    "host_id_of",
    "host_ids",
    "is_current",
    "is_superseded",
    "superseded_ordinals",
    "superseded_turns",
    "superseding_turn",
    "turn_meant",
    "turn_named",
    "versions_of",
]


def host_id_of(snapshot: Snapshot, record: TurnRecord) -> str:
    """The id that the host gave to a turn, or our own; all versions of a turn share it."""
    return record.host_id or snapshot.host_ids.get(record.id, record.id)


def host_ids(snapshot: Snapshot, ids: Sequence[str]) -> list[str]:
    """The hosts' ids of turns by the ids of their versions."""
    names = snapshot.host_ids
    return [names.get(id, id) for id in ids] if names else list(ids)


def versions_of(snapshot: Snapshot, host_id: str) -> list[TurnRecord]:
    """The versions of the turn to which the host gave this id, the oldest first."""
    ids = [host_id, *snapshot.aliases.get(host_id, ())]
    records = [snapshot.turn(id) for id in ids]
    versions = [r for r in records if r is not None and host_id_of(snapshot, r) == host_id]
    return sorted(versions, key=lambda record: record.version)


def turn_named(snapshot: Snapshot, id: str) -> list[TurnRecord]:
    """The versions of a turn by the host's id or by the id of any version; none if there is none.

    A host's id goes before the id of a version that is spelled like it.
    """
    versions = versions_of(snapshot, id)
    if versions or id not in snapshot.host_ids:
        return versions
    return versions_of(snapshot, snapshot.host_ids[id])


def turn_meant(snapshot: Snapshot, id: str) -> list[TurnRecord]:
    """The versions of the turn that a person means, who may leave out the conversation's name.

    Turns from files have ids such as `chat-1f3a9c2e77b0/m1`, and "m1" is enough if no other turn's
    id ends so. It looks at every id, so it is for single commands and not for an agent's turn.
    """
    versions = turn_named(snapshot, id)
    if versions:
        return versions
    full_ids = {snapshot.host_ids.get(name, name) for name in snapshot.keys if _ends(name, id)}
    return turn_named(snapshot, full_ids.pop()) if len(full_ids) == 1 else []


def _ends(full_id: str, id: str) -> bool:
    return full_id.partition("~")[0].endswith(f"/{id}")


def current_version(versions: Sequence[TurnRecord]) -> TurnRecord | None:
    """The version that no later version took the place of; None without versions.

    Programs before schema 4 marked no version: of several the last is current.
    """
    current = [record for record in versions if not record.is_older_version]
    return (current or versions)[-1] if versions else None


def adds_to(old: TurnRecord, new: TurnRecord) -> bool:
    """True if the new version has all of the old and only adds to it, as a host that streams."""
    n_calls = len(old.tool_calls)
    n_attachments = len(old.attachments)
    return (
        old.role == new.role
        and (new.text or "").startswith(old.text or "")
        and new.tool_calls[:n_calls] == old.tool_calls
        and new.attachments[:n_attachments] == old.attachments
    )


# ---- what superseded what ------------------------------------------------------------------------


def is_superseded(snapshot: Snapshot, ordinal: int) -> bool:
    """True for a turn that is superseded and not forgotten."""
    return turn_key(ordinal) in snapshot.superseded


def is_current(snapshot: Snapshot, ordinal: int) -> bool:
    """True unless the turn is superseded, or the host's list has it no more."""
    return not is_superseded(snapshot, ordinal) and not snapshot.session.is_old(ordinal)


def superseded_ordinals(snapshot: Snapshot) -> list[int]:
    """The ordinals of turns that are superseded and not forgotten; there are few, mostly none."""
    return [int(key) for key in snapshot.superseded]


def superseding_turn(snapshot: Snapshot, ordinal: int) -> TurnRecord | None:
    """The turn that is current in place of this turn; None if that is forgotten."""
    ordinals: set[int] = set()
    record: TurnRecord | None = snapshot.turns.get(turn_key(ordinal))
    while record is not None and not record.forgotten and record.ordinal not in ordinals:
        if record.superseded_by is None:
            return record
        ordinals.add(record.ordinal)
        record = current_version(versions_of(snapshot, record.superseded_by))
    return None


def superseded_turns(snapshot: Snapshot, host_id: str) -> tuple[str, ...]:
    """The hosts' ids of the turns that this turn superseded; its own if it has older versions."""
    keys = [key for key, id in snapshot.superseded.items() if id == host_id]
    ids = [host_id_of(snapshot, snapshot.turns[key]) for key in keys]
    return tuple(dict.fromkeys(ids))
