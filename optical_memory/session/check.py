"""Self-check of a session: damage and contradictions, a sentence each, and writes that mend them.

Mending never invents text. Pictures are drawn again if a page's text is there; a page goes on with
the pictures it still has; a part that cannot be read any more is marked as forgotten, so that
everything else can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from optical_memory.errors import CorruptPicture, NewerFormat, SessionLost, StoreError
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.renderers.pictures import from_png
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import Archive
from optical_memory.session.erasing.mark import finish_erasing
from optical_memory.session.facts.other_readers import is_for_other_reader
from optical_memory.session.facts.stubs import forgotten_page
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB
from optical_memory.session.opening.losses import forgotten_turn, without_lost_turns
from optical_memory.session.records import (
    PageRecord,
    Record,
    SessionRecord,
    TurnRecord,
    load_record,
    picture_key,
    put,
)
from optical_memory.session.seal import page_pictures
from optical_memory.session.snapshot import RECORD_KINDS, Change, Snapshot
from optical_memory.session.stored_page import StoredPage, certificate_of
from optical_memory.stores.base import Delete, Kind

__all__ = [
    "check",
]

_CUT_SHORT = (
    "a forget was cut short, so the token cache may still show what it erased; repair empties it"
)


class Problem(NamedTuple):
    """A sentence about the problem, and the writes that mend it, if any do."""

    sentence: str
    mend: tuple[Change, ...] = ()


def check(
    archive: Archive, profile: ReaderProfile, renderer: PageRenderer, *, repair: bool
) -> list[str]:
    """Problems of the session and its store, a sentence each; `repair` mends those that it can.

    A mended problem is in the list too. Raises `NewerFormat` for a session that a newer version of
    this package wrote to; nothing of it is mended.
    """
    problems = [Problem(sentence) for sentence in archive.store.check()]
    problems += _losses(archive)
    damage = list(_damaged_records(archive))
    problems += damage
    if damage and repair:
        archive.store.commit(archive.session, _writes(damage))
    if not damage or repair:
        snapshot = archive.snapshot()
        if snapshot.session.erasing:
            problems.append(Problem(_CUT_SHORT))
            if repair:
                finish_erasing(archive)
                snapshot = archive.snapshot()
        rest = [
            *_turn_problems(snapshot),
            *_PictureCheck(archive, snapshot, profile, renderer).problems(),
        ]
        problems += rest
        writes = _writes(rest)
        if repair and writes:
            archive.update(lambda _: (writes, None))
    return [problem.sentence for problem in problems]


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


# ---- records -------------------------------------------------------------------------------------


def _damaged_records(archive: Archive) -> Iterator[Problem]:
    """Records that do not parse. A record that says "forgotten" takes the place of each."""
    for kind, record_type in RECORD_KINDS.items():
        for key, value in archive.store.scan(archive.session, kind):
            try:
                yield from _damaged_parts(load_record(record_type, value))
            except NewerFormat:
                raise
            except StoreError as error:
                sentence = (
                    f"{kind} {key} is damaged ({str(error).splitlines()[0]}); "
                    "repair marks everything in it as forgotten"
                )
                yield Problem(sentence, (_stand_in(archive, kind, key),))


def _damaged_parts(record: Record) -> Iterator[Problem]:
    """Parts of a page's record that do not parse."""
    if not isinstance(record, PageRecord):
        return
    unproven = record.model_copy(update={"certificate": None})
    try:
        certificate_of(record)
    except NewerFormat:
        raise
    except StoreError as error:
        sentence = f"{error}; repair drops it: the page then reads as reconstructed"
        yield Problem(sentence, (put(unproven),))
    try:
        StoredPage.of(unproven, Snapshot())
    except NewerFormat:
        raise
    except StoreError as error:
        # Without layout or ledger nothing on the page can be placed.
        sentence = f"{error}; repair marks the page as forgotten"
        yield Problem(sentence, (put(forgotten_page(record)),))


def _stand_in(archive: Archive, kind: Kind, key: str) -> Change:
    """The record that takes the place of a damaged record."""
    if kind == "turn":
        return forgotten_turn(int(key))
    if kind == "page":
        return put(PageRecord(id=key, ordinal=int(key), state="forgotten", digest=""))
    turns = archive.store.scan(archive.session, "turn")
    return put(SessionRecord(next_turn=len(turns)))


# ---- turns ---------------------------------------------------------------------------------------


def _turn_problems(snapshot: Snapshot) -> Iterator[Problem]:
    session = snapshot.session
    if snapshot.is_session_damaged:
        yield Problem("the session's own record is gone; repair writes it anew", (put(session),))
    if session.lost_turns:
        yield Problem(f"the store lost {session.lost_turns} turns that it had acknowledged")
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    if ordinals != list(range(len(ordinals))):
        yield Problem("the turns are not numbered without gaps")
    if session.next_turn != len(ordinals):
        n_turns = len(ordinals)
        yield Problem(f"the session counts {session.next_turn} turns, but {n_turns} are stored")
    if [record.ordinal for record in snapshot.pages.values()] != list(range(len(snapshot.pages))):
        yield Problem("the pages are not numbered without gaps")
    for record in snapshot.turns.values():
        yield from _problems_of_turn(snapshot, record)
    writes = without_lost_turns(snapshot)
    if writes:
        yield Problem("repair marks lost turns as forgotten, and counts again", tuple(writes))


def _problems_of_turn(snapshot: Snapshot, record: TurnRecord) -> Iterator[Problem]:
    lost_pages = [page for page in record.pages if page not in snapshot.pages]
    if lost_pages:
        yield Problem(f"turn {record.id} stands on pages that are not stored: {lost_pages}")
    if not record.sealed and not record.forgotten and record.text is None:
        yield Problem(f"turn {record.id} is open but has no text")


# ---- pictures ------------------------------------------------------------------------------------


class _PictureCheck:
    """Compares the pictures that a session has with those that its pages should have."""

    def __init__(
        self,
        archive: Archive,
        snapshot: Snapshot,
        profile: ReaderProfile,
        renderer: PageRenderer,
    ) -> None:
        self._snapshot = snapshot
        self._reader = profile.id
        self._ladder = profile.ladder
        self._renderer = renderer
        pictures = archive.store.scan(archive.session, "picture")
        self._sides = {key: _side(png) for key, png in pictures}
        self._keys: dict[str, list[str]] = {}  # by page
        for key in self._sides:
            self._keys.setdefault(key.partition("/")[0], []).append(key)

    def problems(self) -> Iterator[Problem]:
        """Pictures that pages lack, then pictures that belong to no page."""
        wanted_keys: set[str] = set()
        for record in self._snapshot.pages.values():
            if self._is_for_other_reader(record):
                wanted_keys.update(self._keys.get(record.id, ()))
                continue
            rungs = _rungs_with_picture(record, self._ladder)
            wanted_keys.update(picture_key(record.id, rung.name) for rung in rungs)
            yield from self._problems_of_page(StoredPage.of(record, self._snapshot), rungs)
        suffixes = tuple(f"/{name}" for name in self._ladder.names)
        for key in sorted(self._sides):
            if key not in wanted_keys and key.endswith(suffixes):
                yield Problem(
                    f"picture {key} belongs to no page at that rung; repair removes it",
                    (Delete("picture", key),),
                )

    def _is_for_other_reader(self, record: PageRecord) -> bool:
        """True if another reader drew the page: nothing of it is mended for this reader.

        Its certificate says so, or its pictures do: some of them are whole, and of no rung of this
        reader.
        """
        if record.state in (STUB, FORGOTTEN):
            return False
        if is_for_other_reader(record, self._ladder):
            return True
        certificate = certificate_of(record)
        if certificate is not None and certificate.reader == self._reader:
            return False
        own_keys = {(picture_key(record.id, rung.name), rung.side_px) for rung in self._ladder}
        return any(
            self._sides[key] is not None and (key, self._sides[key]) not in own_keys
            for key in self._keys.get(record.id, ())
        )

    def _problems_of_page(self, page: StoredPage, rungs: Sequence[Rung]) -> Iterator[Problem]:
        if page.certificate is not None:  # the page fades to no other rungs than these
            names = (page.record.rung, *page.certificate.rungs)
            rungs = [rung for rung in rungs if rung.name in names]
        absent = [rung for rung in rungs if not self._has(page.record, rung)]
        if absent:
            yield self._absent_pictures(page, rungs, absent)

    def _has(self, record: PageRecord, rung: Rung) -> bool:
        return self._sides.get(picture_key(record.id, rung.name)) == rung.side_px

    def _absent_pictures(
        self, page: StoredPage, rungs: Sequence[Rung], absent: Sequence[Rung]
    ) -> Problem:
        record = page.record
        sentence = f"page {record.id} lacks its pictures at {[rung.name for rung in absent]}"
        if page.page is not None:
            writes = page_pictures(page.page, record.id, absent, self._renderer)
            return Problem(f"{sentence}; repair draws them again", tuple(writes))
        sentence += " and its text is gone"
        removals = tuple(Delete("picture", picture_key(record.id, r.name)) for r in absent)
        rest = [rung for rung in rungs if rung not in absent]
        if not rest:
            empty_page = put(forgotten_page(record))
            return Problem(f"{sentence}; repair marks it as forgotten", (empty_page, *removals))
        sentence += f"; repair goes on with {[rung.name for rung in rest]}"
        return Problem(sentence, (put(_at_rungs(page, rest)), *removals))


def _side(png: bytes) -> int | None:
    """Side of a square picture (px); None if the bytes are no such picture."""
    try:
        height, width = from_png(png).shape
    except CorruptPicture:
        return None
    return height if height == width else None


def _rungs_with_picture(record: PageRecord, ladder: Ladder) -> Sequence[Rung]:
    """The page's own rung and all below it: fading only deletes, so their pictures are kept."""
    if record.state in (STUB, FORGOTTEN):
        return ()
    return ladder.down_from(record.rung) or ladder


def _at_rungs(page: StoredPage, rungs: Sequence[Rung]) -> PageRecord:
    """The page at the first of these rungs, its certificate without the others.

    A page without a certificate fades to no rung.
    """
    update: dict[str, object] = {"rung": rungs[0].name}
    certificate = page.certificate
    if certificate is not None:
        names = [rung.name for rung in rungs if rung.name in certificate.rungs]
        proven = {name: certificate.rungs[name] for name in names}
        update["certificate"] = replace(certificate, rungs=proven).to_json()
    return page.record.model_copy(update=update)
