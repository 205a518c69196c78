"""The mark of an erasure that is not done: records are erased, and cached tokens are not yet."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.session.archive import Archive
from optical_memory.session.records import put
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.erasures import erasing

__all__ = [
    "finish_cut_short",
    "finish_erasing",
    "mark_erasing",
]


def mark_erasing(snapshot: Snapshot, changes: Sequence[Change]) -> list[Change]:
    """The changes, and the mark that cached tokens still show what they erase.

    A damaged session's record stays as it is: its mark would take the place of what is damaged.
    """
    if not changes or snapshot.is_session_damaged:
        return list(changes)
    return [*changes, put(snapshot.session.with_fields(erasing=True))]


def finish_erasing(archive: Archive) -> None:
    """Drop the session's cached tokens, take the mark away, and empty the store's logs.

    It comes after the records: whoever caches old tokens meanwhile sees that a page has changed. If
    it is cut short, the mark says so, and the next `forget`, `check` or background work does it.
    """

    def unmark(snapshot: Snapshot) -> tuple[list[Change], None]:
        session = snapshot.session
        return ([put(session.with_fields(erasing=False))] if session.erasing else []), None

    with erasing():
        archive.store.drop_blobs(archive.session)
        archive.update(unmark)
        archive.store.scrub()


def finish_cut_short(archive: Archive) -> bool:
    """Finish an erasure that was cut short; False if there is none."""
    if not archive.snapshot().session.erasing:
        return False
    finish_erasing(archive)
    return True
