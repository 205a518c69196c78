"""Self-check of a session: damage and contradictions, a sentence each, and writes that mend them.

Mending never invents text. Pictures are drawn again if a page's text is there; a page goes on with
the pictures it still has; a part that cannot be read any more is marked as forgotten, so that
everything else can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from optical_memory.errors import SessionLost
from optical_memory.profiles import ReaderProfile
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import Archive
from optical_memory.session.checking.index import index_problems
from optical_memory.session.checking.pictures import PictureCheck
from optical_memory.session.checking.problem import Problem
from optical_memory.session.checking.records import record_problems
from optical_memory.session.checking.turns import turn_problems
from optical_memory.session.erasing.mark import finish_erasing
from optical_memory.session.snapshot import Change, Snapshot

__all__ = [
    "check",
]

_CUT_SHORT = (
    "a forget was cut short, so the token cache may still show what it erased; repair empties it"
)


def check(
    archive: Archive, profile: ReaderProfile, renderer: PageRenderer, *, repair: bool
) -> list[str]:
    """Problems of the session and its store, a sentence each; `repair` mends those that it can.

    A mended problem is in the list too. Raises `NewerFormat` for a session that a newer version of
    this package wrote to; nothing of it is mended.
    """
    problems = [Problem(sentence) for sentence in archive.store.check()]
    problems += _losses(archive)
    damage = list(record_problems(archive))
    problems += damage
    if damage and not repair:
        return _sentences(problems)  # what else is wrong, nobody knows without these records
    if damage:
        archive.update(lambda _: (_writes(record_problems(archive)), None))
    if archive.snapshot().session.erasing:
        problems.append(Problem(_CUT_SHORT))
        if repair:
            finish_erasing(archive)
    for look in (turn_problems, _picture_look(archive, profile, renderer), index_problems):
        some_problems = list(look(archive.snapshot()))
        problems += some_problems
        if _writes(some_problems) and repair:
            # It looks again if another process wrote meanwhile. The next look is at what is left.
            archive.replace(partial(_mends, look))
    return _sentences(problems)


def _picture_look(
    archive: Archive, profile: ReaderProfile, renderer: PageRenderer
) -> Callable[[Snapshot], Iterable[Problem]]:
    return lambda snapshot: PictureCheck(archive, snapshot, profile, renderer).problems()


def _mends(look: Callable[[Snapshot], Iterable[Problem]], snapshot: Snapshot) -> list[Change]:
    return _writes(look(snapshot))


def _losses(archive: Archive) -> Iterator[Problem]:
    """A loss that nobody was told of yet."""
    try:
        archive.snapshot()
    except SessionLost as error:
        yield Problem(str(error))


def _writes(problems: Iterable[Problem]) -> list[Change]:
    writes: list[Change] = []
    for problem in problems:
        writes += problem.mend
    return writes


def _sentences(problems: Iterable[Problem]) -> list[str]:
    return [problem.sentence for problem in problems]
