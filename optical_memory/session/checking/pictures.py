"""Pictures that a session lacks, and pictures that belong to no page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optical_memory.errors import CorruptPicture
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.renderers.pictures import from_png
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import Archive
from optical_memory.session.checking.problem import Problem
from optical_memory.session.facts.other_readers import is_for_other_reader
from optical_memory.session.facts.stubs import forgotten_page
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB
from optical_memory.session.records import PageRecord, picture_key, put
from optical_memory.session.seal import page_pictures
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage, certificate_of
from optical_memory.stores.base import Delete

__all__ = ["PictureCheck"]


class PictureCheck:
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
