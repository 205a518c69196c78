"""A problem of a session, and the writes that mend it."""

from __future__ import annotations

from typing import NamedTuple

from optical_memory.session.snapshot import Change

__all__ = ["Problem"]


class Problem(NamedTuple):
    """A sentence about the problem, and the writes that mend it, if any do."""

    sentence: str
    mend: tuple[Change, ...] = ()
