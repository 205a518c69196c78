"""Self-check of a session: what is damaged or does not fit together, one sentence each, and the
writes that mend it.

Mending never invents text: pictures are drawn again while a page's text is there, a page goes on
with the pictures it still has, and what cannot be read any more is marked as forgotten, so that
everything else can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from optical_memory.errors import CorruptTokens, NewerFormat, StoreError
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import RECORDS, Archive, Change, Snapshot, put
from optical_memory.session.life import forgotten_page
from optical_memory.session.policy import FORGOTTEN, STUB
from optical_memory.session.records import (
    PageRecord,
    Record,
    SessionRecord,
    TurnRecord,
    load,
    picture_key,
)
from optical_memory.stores.base import Delete, Kind, Put

__all__ = ["check"]

_TYPES: dict[Kind, type[Record]] = {
    "session": SessionRecord,
    "turn": TurnRecord,
    "page": PageRecord,
}


class Problem(NamedTuple):
    """What is wrong, and the writes that mend it, if anything does."""

    told: str
    mended: tuple[Change, ...] = ()


def check(
    archive: Archive, profile: ReaderProfile, renderer: PageRenderer, *, repair: bool
) -> list[str]:
    """Problems of the session and its store; with `repair`, those that can be mended are (and still
    told).

    Raises `NewerFormat` for a session that a newer version wrote to, of which nothing is mended.
    """
    found = [Problem(told) for told in archive.store.check()]
    damaged = list(_damaged_records(archive))
    found += damaged
    if damaged and repair:
        archive.store.commit(archive.session, _writes(damaged))
    if not damaged or repair:
        snapshot = archive.snapshot()
        rest = [*_turn_problems(snapshot), *_picture_problems(archive, snapshot, profile, renderer)]
        found += rest
        if repair and (changes := _writes(rest)):
            archive.update(lambda _: changes)
    return [problem.told for problem in found]


def _writes(problems: Iterable[Problem]) -> list[Change]:
    return [change for problem in problems for change in problem.mended]


# ---- records -------------------------------------------------------------------------------------


def _damaged_records(archive: Archive) -> Iterator[Problem]:
    """Records that do not parse. In their place goes one that says: this was forgotten. Raises
    `NewerFormat`.
    """
    for kind in RECORDS:
        for key, value in archive.store.scan(archive.session, kind):
            try:
                yield from _damaged_certificate(load(_TYPES[kind], value))
            except NewerFormat:
                raise
            except StoreError as error:
                told = f"{kind} {key} is damaged ({str(error).splitlines()[0]}); repair marks what it held as forgotten"
                yield Problem(told, (_placeholder(archive, kind, key),))


def _damaged_certificate(record: Record) -> Iterator[Problem]:
    if isinstance(record, PageRecord):
        try:
            record.get_certificate()
        except NewerFormat:
            raise
        except StoreError as error:
            unproven = put(record.model_copy(update={"certificate": None}))
            yield Problem(
                f"{error}; repair drops it: the page then reads as reconstructed", (unproven,)
            )


def _placeholder(archive: Archive, kind: Kind, key: str) -> Change:
    if kind == "turn":
        gone = TurnRecord(
            id=f"damaged-{key}",
            ordinal=int(key),
            role="user",
            digest="",
            forgotten=True,
            sealed=True,
        )
        return put(gone)
    if kind == "page":
        return put(PageRecord(id=key, ordinal=int(key), state="forgotten", digest=""))
    turns = archive.store.scan(archive.session, "turn")
    return put(SessionRecord(next_turn=len(turns)))


# ---- turns ---------------------------------------------------------------------------------------


def _turn_problems(snapshot: Snapshot) -> Iterator[Problem]:
    ordinals = [record.ordinal for record in snapshot.turns.values()]
    if ordinals != list(range(len(ordinals))):
        yield Problem("the turns are not numbered without gaps")
    if snapshot.session.next_turn != len(ordinals):
        yield Problem(
            f"the session counts {snapshot.session.next_turn} turns, but {len(ordinals)} are stored",
            (
                put(
                    snapshot.session.model_copy(update={"next_turn": max(ordinals, default=-1) + 1})
                ),
            ),
        )
    if [record.ordinal for record in snapshot.pages.values()] != list(range(len(snapshot.pages))):
        yield Problem("the pages are not numbered without gaps")
    for record in snapshot.turns.values():
        if lost := [page for page in record.pages if page not in snapshot.pages]:
            yield Problem(f"turn {record.id} stands on pages that are not stored: {lost}")
        if not record.sealed and not record.forgotten and record.text is None:
            yield Problem(f"turn {record.id} is open but has no text")


# ---- pictures ------------------------------------------------------------------------------------


def _picture_problems(
    archive: Archive, snapshot: Snapshot, profile: ReaderProfile, renderer: PageRenderer
) -> Iterator[Problem]:
    sides = {rung.name: rung.side_px for rung in profile.ladder}
    kept = {key: _side(value) for key, value in archive.store.scan(archive.session, "picture")}
    wanted: set[str] = set()
    for record in snapshot.pages.values():
        rungs = _rungs(record, profile)
        wanted |= {picture_key(record.id, rung.name) for rung in rungs}
        if (proof := record.get_certificate()) is not None:  # it fades to no other rung
            rungs = [rung for rung in rungs if rung.name in (record.rung, *proof.rungs)]
        missing = [
            rung
            for rung in rungs
            if kept.get(picture_key(record.id, rung.name)) != sides[rung.name]
        ]
        if missing:
            yield _missing(record, rungs, missing, renderer)
    ladder = tuple(f"/{name}" for name in sides)
    for key in sorted(key for key in kept if key not in wanted and key.endswith(ladder)):
        yield Problem(
            f"picture {key} belongs to no page at that rung; repair removes it",
            (Delete("picture", key),),
        )


def _side(picture: bytes) -> int | None:
    """Side of a square picture (px), None for bytes that are none."""
    try:
        height, width = from_png(picture).shape
    except CorruptTokens:
        return None
    return height if height == width else None


def _rungs(record: PageRecord, profile: ReaderProfile) -> list[Rung]:
    """The rungs whose pictures a page keeps: its own and all below it, so that fading only deletes."""
    names = [rung.name for rung in profile.ladder]
    if record.state in (STUB, FORGOTTEN):
        return []
    return list(profile.ladder[names.index(record.rung) if record.rung in names else 0 :])


def _missing(
    record: PageRecord, rungs: list[Rung], missing: list[Rung], renderer: PageRenderer
) -> Problem:
    told = f"page {record.id} lacks its pictures at {[rung.name for rung in missing]}"
    page = record.get_page()
    if page is not None:  # the text is there: draw it again
        drawn = [
            Put(
                "picture", picture_key(record.id, r.name), png_bytes(renderer.draw(page, r.side_px))
            )
            for r in missing
        ]
        return Problem(f"{told}; repair draws them again", tuple(drawn))
    told += " and its text is gone"
    left = [rung for rung in rungs if rung not in missing]
    removed = tuple(Delete("picture", picture_key(record.id, rung.name)) for rung in missing)
    if not left:
        return Problem(
            f"{told}; repair marks it as forgotten", (put(forgotten_page(record)), *removed)
        )
    update: dict[str, object] = {"rung": left[0].name}
    if (
        proof := record.get_certificate()
    ) is not None:  # without its certificate no page fades to a rung
        proven = {rung.name: proof.rungs[rung.name] for rung in left if rung.name in proof.rungs}
        update["certificate"] = replace(proof, rungs=proven).to_json()
    told += f"; repair goes on with {[rung.name for rung in left]}"
    return Problem(told, (put(record.model_copy(update=update)), *removed))
