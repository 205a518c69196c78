"""Keeps two conversations apart whose messages have the same ids, such as 1, 2, 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optical_memory.session.corrections.versions import current_version, versions_of
from optical_memory.session.records import TurnRecord
from optical_memory.session.snapshot import Snapshot
from optical_memory.turns import Turn

__all__ = ["apart"]

LEAST_TURNS = 3
"""Fewer turns with other words under known ids are edits."""

SHARE_OF_WORDS = 0.5
"""An edit keeps more than this share of a turn's words, and another message has few of them."""

SHARE_OF_STRETCH = 0.5
"""Another conversation has more than this share of the ids of a stretch, and edits have few."""


def apart(snapshot: Snapshot, turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns, with ids of their own if they are another conversation than the one that is there.

    They are if three ids or more are known, of most turns in a row, and each of these turns is
    another than before: its digest is, and so are its words. A turn that stands on pages has no
    words to compare, only its digest.

    The new ids begin with the digest of the first turn: the same turns, given again, get the same
    ids. If an id is of a forgotten turn, all ids stay, so that it does not come back under another
    id.
    """
    if snapshot.is_session_damaged:  # its digests say nothing
        return turns
    known = [turn for turn in turns if isinstance(turn.id, str) and turn.id in snapshot.keys]
    if len(known) < LEAST_TURNS or not _are_together(snapshot, known):
        return turns
    if not all(_is_other(snapshot, turn) for turn in known):
        return turns
    prefix = _digest(snapshot, turns[0])[:12]
    return [turn if turn.id is None else replace(turn, id=f"{prefix}/{turn.id}") for turn in turns]


def _are_together(snapshot: Snapshot, turns: Sequence[Turn]) -> bool:
    """True if these are most turns from the first to the last: edits stand here and there."""
    ordinals = {int(snapshot.keys[str(turn.id)]) for turn in turns}
    return len(ordinals) > SHARE_OF_STRETCH * (max(ordinals) - min(ordinals) + 1)


def _is_other(snapshot: Snapshot, turn: Turn) -> bool:
    """True if the turn is no edit of the turn that has its id. Of a forgotten turn nobody knows."""
    old = current_version(versions_of(snapshot, str(turn.id)))
    if old is None or old.forgotten or not old.digest:
        return False
    return old.digest != _digest(snapshot, turn) and not _share_words(old.text, turn.text)


def _share_words(old: str | None, new: str) -> bool:
    """True if most words of the text with fewer words are in the other."""
    if not old or not new:
        return False
    old_words = set(old.lower().split())
    new_words = set(new.lower().split())
    n_shared = len(old_words & new_words)
    return n_shared > SHARE_OF_WORDS * min(len(old_words), len(new_words))


def _digest(snapshot: Snapshot, turn: Turn) -> str:
    return snapshot.session.digest(TurnRecord.of(turn, str(turn.id), 0).content)
