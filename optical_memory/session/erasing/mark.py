"""The mark of an erasure that is not done: records are erased, and cached tokens are not yet."""

from __future__ import annotations

from collections.abc import Sequence

from optical_memory.session.archive import COMMIT_TRIES, Archive
from optical_memory.session.maps.sorted_map import ParsedMap
from optical_memory.session.records import PageRecord, put
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
    The mark stays until no page has changed since the tokens were dropped: another process may have
    erased something meanwhile, and its mark is this mark.
    """
    with erasing():
        for _ in range(COMMIT_TRIES):
            pages = archive.snapshot().pages
            archive.store.drop_blobs(archive.session)
            if _unmark(archive, pages):
                break
        archive.store.scrub()


def _unmark(archive: Archive, pages: ParsedMap[PageRecord]) -> bool:
    """Take the mark away; False, and it stays, if any of these pages has changed."""

    def unmark(snapshot: Snapshot) -> tuple[list[Change], bool]:
        if dict(snapshot.pages.data.pairs()) != dict(pages.data.pairs()):
            return [], False
        session = snapshot.session
        changes: list[Change] = []
        if session.erasing:
            changes.append(put(session.with_fields(erasing=False)))
        return changes, True

    _, is_unmarked = archive.update(unmark)
    return is_unmarked


def finish_cut_short(archive: Archive) -> bool:
    """Finish an erasure that was cut short; False if there is none."""
    if not archive.snapshot().session.erasing:
        return False
    finish_erasing(archive)
    return True
