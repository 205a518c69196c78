"""The whole of a `forget`: the records first, then what is cached of them."""

from __future__ import annotations

from optical_memory.errors import Forgotten
from optical_memory.profiles import ReaderProfile
from optical_memory.session.archive import Archive
from optical_memory.session.corrections.tombstones import keyed_digest
from optical_memory.session.corrections.versions import turn_meant
from optical_memory.session.erasing.erase import erase_page, erase_turn
from optical_memory.session.erasing.mark import finish_cut_short, finish_erasing, mark_erasing

__all__ = [
    "forget_page",
    "forget_turn",
]


def forget_page(archive: Archive, profile: ReaderProfile, page: str) -> None:
    """Erase a page. Raises `Forgotten` if it is not there, unless its erasure was cut short."""
    was_cut_short = finish_cut_short(archive)
    try:
        archive.replace(
            lambda s: mark_erasing(s, erase_page(s, page, profile, keyed_digest)),
        )
    except Forgotten:
        if not was_cut_short:
            raise
    finish_erasing(archive)


def forget_turn(archive: Archive, profile: ReaderProfile, turn: str) -> int:
    """Erase all versions of a turn; gives how many there were. Raises as `forget_page`."""
    was_cut_short = finish_cut_short(archive)
    picture = archive.picture
    try:
        archive.replace(
            lambda s: mark_erasing(s, erase_turn(s, turn, picture, profile, keyed_digest)),
        )
    except Forgotten:
        if not was_cut_short:
            raise
    finish_erasing(archive)
    return len(turn_meant(archive.snapshot(), turn))
