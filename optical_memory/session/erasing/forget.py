"""The whole of a `forget`: the records first, then what is cached of them."""

from __future__ import annotations

from collections.abc import Callable

from optical_memory.errors import Forgotten
from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.tombstones import keyed_digest
from optical_memory.session.corrections.versions import turn_meant
from optical_memory.session.erasing.erase import erase_page, erase_turn
from optical_memory.session.erasing.mark import finish_cut_short, finish_erasing, mark_erasing
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.stores.erasures import erasing

__all__ = [
    "forget_page",
    "forget_turn",
]


def forget_page(archive: Archive, profile: ReaderProfile, page: str) -> None:
    """Erase a page.

    Raises `Forgotten` if it is not there, unless an erasure was cut short: it may be the page's.
    """
    own = (profile, keyed_digest, archive.drawn_rungs)
    _forget(archive, lambda snapshot: erase_page(snapshot, page, *own))


def forget_turn(archive: Archive, profile: ReaderProfile, turn: str) -> int:
    """Erase all versions of a turn; gives how many there were. Raises as `forget_page`."""
    own = (archive.picture, profile, keyed_digest, archive.drawn_rungs)
    _forget(archive, lambda snapshot: erase_turn(snapshot, turn, *own))
    return len(turn_meant(archive.snapshot(), turn))


def _forget(archive: Archive, erase: Callable[[Snapshot], list[Change]]) -> None:
    was_cut_short = finish_cut_short(archive)
    try:
        with erasing():
            archive.replace(erase, mark_erasing)
    except Forgotten:
        if not was_cut_short:
            raise
        return
    finish_erasing(archive)
