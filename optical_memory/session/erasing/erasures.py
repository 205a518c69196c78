"""How much a session has forgotten. Who keeps recalled words elsewhere drops them if it changes."""

from __future__ import annotations

from optical_memory.session.archive import Archive

__all__ = ["erasures"]

PART = b'"digest":""'
"""In the record of a turn of which a part is forgotten. No text has such quotes in JSON."""

WHOLE = b'"forgotten":true'
"""In the record of a turn of which all is forgotten."""


def erasures(archive: Archive) -> str:
    """The name of this life of the session, and how many turns of it are forgotten, some in part.

    It is as this process knew the session last: after a turn is kept, that is as of this turn.
    """
    snapshot = archive.latest or archive.snapshot()
    n_marks = sum((PART in data) + (WHOLE in data) for _, data in snapshot.turns.data.pairs())
    return f"{snapshot.version.epoch}/{n_marks}"
