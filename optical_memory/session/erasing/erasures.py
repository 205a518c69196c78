"""What a session has forgotten, as a mark. Who keeps recalled words elsewhere drops them if it
changes.
"""

from __future__ import annotations

from zlib import crc32

from optical_memory.session.archive import Archive

__all__ = ["erasures"]


def erasures(archive: Archive) -> str:
    """A mark of this life of the session and of its tombstones, which are few.

    Of turns with the same words the tombstone has the key of the turn that was forgotten last. The
    mark is as this process knew the session last: after a turn is kept, as of this turn.
    """
    snapshot = archive.latest or archive.snapshot()
    keys = [key for _, key in snapshot.tombstones.pairs()]
    return f"{snapshot.version.epoch}/{len(keys)}/{crc32(''.join(keys).encode()):08x}"
