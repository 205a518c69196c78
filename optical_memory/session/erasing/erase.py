"""Erasing: a page or a turn leaves record, pictures, ledger and index for good.

Functions from a snapshot to the writes that change it. A turn's rows are painted white in every
picture that is left; everything else on the page stays readable, and `verified` if it still reads
as it was certified. The page's certificate says that it is partial: another picture was certified.

No digest of the forgotten text stays: the session's salt lies beside it, so a guess could be tested
against it. Only a tombstone does, which is made with a key that is not in the store. How many rows
a turn had and how many characters in each stays: the places of other text follow from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from optical_memory import ledger as ledgers
from optical_memory.errors import CorruptPicture, Forgotten
from optical_memory.pages import Layout, rows_of
from optical_memory.profiles import ReaderProfile
from optical_memory.renderers.drawing import Image
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.renderers.styles import STYLES
from optical_memory.session.corrections.versions import turn_meant
from optical_memory.session.facts.other_readers import RungsOf, drawn_names
from optical_memory.session.facts.stubs import forgotten_page, pages_into
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import PageRecord, TurnRecord, picture_key, put, turn_key
from optical_memory.session.snapshot import Change, Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.stores.base import Delete, Put
from optical_memory.turns import body

__all__ = [
    "erase_page",
    "erase_records",
    "erase_turn",
]

PictureOf = Callable[[str, str], bytes | None]
"""Gives the stored PNG by page and rung; None if there is none. See `Archive.picture`."""

TombstoneOf = Callable[[str], str | None]
"""Gives the tombstone of a turn by its digest; None if it gets none. See `keyed_digest`."""


def erase_page(
    snapshot: Snapshot,
    page: str,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None = None,
) -> list[Change]:
    """Writes after which only the page's order and times are left.

    `rungs_of` tells of pictures that another reader drew (`drawn_names`).
    Raises `Forgotten` if there is no such page, or it was erased already.
    """
    record = snapshot.pages.get(page)
    if record is None or not (record.readable or record.digest):
        raise Forgotten(f"no page {page!r}, or it is forgotten already")
    draft = IndexDraft(snapshot)
    _cut_page(draft, snapshot, record)
    return [*_erased_page(snapshot, record, profile, tombstone_of, rungs_of), *draft.changes()]


def _cut_page(draft: IndexDraft, snapshot: Snapshot, page: PageRecord) -> None:
    draft.cut_page(page)
    for turn in snapshot.turns_on(page.id):
        if not turn.sealed and not turn.forgotten:
            draft.renew(_off_page(snapshot, turn, page.id, _no_tombstone), without=[page.id])


def _no_tombstone(digest: str) -> None:
    """For the index, which has no tombstones."""


def _erased_page(
    snapshot: Snapshot,
    page: PageRecord,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None,
) -> list[Change]:
    """The writes of `erase_page` but for the index."""
    empty = forgotten_page(page).model_copy(update={"digest": "", "text_tokens": 0})
    changes: list[Change] = [put(empty)]
    for other in pages_into(snapshot, page.id):
        changes.append(put(other.model_copy(update={"into": None})))
    names = drawn_names(page, profile.ladder, rungs_of)
    changes += [Delete("picture", picture_key(page.id, name)) for name in names]
    for turn in snapshot.turns_on(page.id):
        if not turn.forgotten:
            changes.append(put(_off_page(snapshot, turn, page.id, tombstone_of)))
    return changes


def _off_page(
    snapshot: Snapshot, turn: TurnRecord, page: str, tombstone_of: TombstoneOf
) -> TurnRecord:
    """The turn without its text on sealed pages. Other pages keep theirs, and open text stays."""
    turn = _with_tombstone(turn, tombstone_of)
    if not turn.sealed:
        rest = body(turn.turn)[turn.sealed_upto :]
        part = {
            "text": rest,
            "tool_calls": [],
            "attachments": [],
            "sealed_upto": 0,
        }
        return turn.model_copy(update=part)
    other_pages = [snapshot.pages.get(id) for id in turn.pages if id != page]
    if any(page is not None and page.readable for page in other_pages):
        return turn.without_content()
    return _empty(turn)


def _with_tombstone(turn: TurnRecord, tombstone_of: TombstoneOf) -> TurnRecord:
    """The turn with a tombstone in place of its digest."""
    tombstone = turn.tombstone or tombstone_of(turn.digest)
    if tombstone is None:
        return turn.model_copy(update={"digest": ""})
    return turn.model_copy(update={"digest": "", "tombstone": tombstone, "v": 4})


def erase_turn(
    snapshot: Snapshot,
    turn: str,
    picture: PictureOf,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None = None,
) -> list[Change]:
    """Writes after which only the number, role and time of each of a turn's versions are left.

    `turn` is the host's id or that of any version (`turn_meant`); `rungs_of` as in `erase_page`.
    Raises `Forgotten` if there is no such turn, or it was erased already.
    """
    versions = [record for record in turn_meant(snapshot, turn) if not record.forgotten]
    if not versions:
        raise Forgotten(f"no turn {turn!r}, or it is forgotten already")
    return erase_records(snapshot, versions, picture, profile, tombstone_of, rungs_of)


def erase_records(
    snapshot: Snapshot,
    versions: Sequence[TurnRecord],
    picture: PictureOf,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None = None,
) -> list[Change]:
    """Writes after which only the number, role and time of each of these turns are left."""
    writes: dict[tuple[str, str], Change] = {}

    def latest_picture(page: str, rung: str) -> bytes | None:
        """The picture without the versions that are erased already."""
        write = writes.get(("picture", picture_key(page, rung)))
        if write is None:
            return picture(page, rung)
        return write.value if isinstance(write, Put) else None

    for version in versions:
        record = snapshot.turns[turn_key(version.ordinal)]
        changes = _erase_version(snapshot, record, latest_picture, profile, tombstone_of, rungs_of)
        writes.update(((change.kind, change.key), change) for change in changes)
        snapshot = snapshot.after(changes, snapshot.version)
    return list(writes.values())


def _erase_version(
    snapshot: Snapshot,
    record: TurnRecord,
    picture: PictureOf,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None,
) -> list[Change]:
    changes: list[Change] = []
    draft = IndexDraft(snapshot)
    for id in record.pages:
        page = snapshot.pages.get(id)
        if page is not None:
            changes += _erase_on_page(
                snapshot, page, record, picture, profile, tombstone_of, rungs_of
            )
            if page.layout is None:
                _cut_page(draft, snapshot, page)
    draft.remove([record.ordinal])
    # Erasing a whole page writes the turns on it, this turn among them. It is forgotten as a whole,
    # whatever stands on other pages, so its own write replaces those.
    own_key = turn_key(record.ordinal)
    other_changes = [change for change in changes if (change.kind, change.key) != ("turn", own_key)]
    empty = _empty(_with_tombstone(record, tombstone_of))
    return [*other_changes, put(empty), *draft.changes()]


def _empty(record: TurnRecord) -> TurnRecord:
    """The turn without anything that was said; its tombstone stays."""
    update = {"forgotten": True, "name": None, "tool_call_id": None}
    return record.without_content().model_copy(update=update)


def _erase_on_page(
    snapshot: Snapshot,
    page: PageRecord,
    turn: TurnRecord,
    picture: PictureOf,
    profile: ReaderProfile,
    tombstone_of: TombstoneOf,
    rungs_of: RungsOf | None,
) -> list[Change]:
    """Writes that take the turn off a page; off a stub only the whole page can go."""
    stored_page = StoredPage.of(page, snapshot)
    if stored_page.layout is None:  # a stub: nobody knows which of its words are the turn's
        is_left = page.readable or page.digest
        return _erased_page(snapshot, page, profile, tombstone_of, rungs_of) if is_left else []
    spans = [span for span in stored_page.layout.spans if span.ordinal == turn.ordinal]
    if not spans:
        return []
    start = spans[0].start
    end = spans[0].end
    rows = rows_of(stored_page.layout, start, end)
    changes: list[Change] = [
        put(_erased_record(stored_page, stored_page.layout, rows, start, end, turn))
    ]
    for name in drawn_names(page, profile.ladder, rungs_of):
        png = picture(page.id, name)
        if png is not None:
            key = picture_key(page.id, name)
            changes.append(_erased_picture(key, png, stored_page.layout, rows))
    return changes


def _erased_picture(key: str, png: bytes, layout: Layout, rows: Sequence[int]) -> Change:
    try:
        image = from_png(png)
    except CorruptPicture:  # nobody can read it, and nobody may mend it: the words are on it
        return Delete("picture", key)
    return Put("picture", key, png_bytes(_paint_white(image, layout, rows)))


def _erased_record(
    stored_page: StoredPage,
    layout: Layout,
    rows: Sequence[int],
    start: int,
    end: int,
    turn: TurnRecord,
) -> PageRecord:
    """The page's record without the characters `start:end`, which are the turn's, in `rows`."""
    page = stored_page.record
    terms = dict(page.terms)
    terms.pop(str(turn.ordinal), None)
    lines = page.lines
    if lines is not None:
        lines = [" " * len(line) if i in rows else line for i, line in enumerate(lines)]
    certificate = stored_page.certificate
    # The new digest is random: no digest of the old text stays, and tokens that are cached for the
    # old pictures, by the old digest, are never found again.
    update = {
        "digest": secrets.token_hex(32),
        "layout": _without_shape(layout, rows).to_json(),
        "ledger": ledgers.blank(stored_page.ledger, start, end).to_json(),
        "terms": terms,
        "lines": lines,
        "certificate": certificate and certificate.without(start, end).to_json(),
    }
    return page.model_copy(update=update)


def _without_shape(layout: Layout, white_rows: Sequence[int]) -> Layout:
    """Erased rows keep how many characters they have; their widths and wide characters go."""
    rows = list(layout.rows)
    for i in white_rows:
        n_cells = min(rows[i].chars, layout.grid.measure)
        rows[i] = replace(rows[i], cells=n_cells, clusters=())
    return replace(layout, rows=tuple(rows))


def _paint_white(image: Image, layout: Layout, rows: Sequence[int]) -> Image:
    grid = layout.grid
    white = image.copy()
    tops, lefts = STYLES[grid.style].edges(grid, len(image))
    for i in rows:
        row = layout.rows[i]
        across = slice(lefts[row.x], lefts[row.x + grid.measure])
        white[tops[row.y] : tops[row.y + 1], across] = 255
    return white
