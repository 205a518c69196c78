"""Forgetting on purpose: a page or a turn leaves record, pictures, ledger and index for good.

Like `life`, functions from a snapshot to the writes that change it. A turn's rows are painted white
in every picture that is left; what else stands on the page stays readable, and `verified` where it
still reads as it was certified. The page's certificate says that it is partial: what was certified
was another picture.

No digest stays of what held the forgotten text: with the session's salt, which lies beside it, it
would confirm a guess. How many rows a turn had, and how many characters in each, is still there:
other text's places follow from it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from optical_memory import ledger as ledgers
from optical_memory.errors import Forgotten
from optical_memory.pages import Layout, rows_of
from optical_memory.profiles import ReaderProfile
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.renderers.styles import STYLES
from optical_memory.session.archive import Change, Snapshot, put
from optical_memory.session.life import forgotten_page
from optical_memory.session.records import PageRecord, TurnRecord, picture_key
from optical_memory.stores.base import Delete, Put
from optical_memory.turns import body

__all__ = ["without_page", "without_turn"]


def without_page(snapshot: Snapshot, page: str, profile: ReaderProfile) -> list[Change]:
    """Only order and times stay. Raises `Forgotten` if there is no such page any more."""
    record = snapshot.pages.get(page)
    if record is None or not (record.readable or record.digest):
        raise Forgotten(f"no page {page!r}, or it is forgotten already")
    pictures = [Delete("picture", picture_key(page, rung.name)) for rung in profile.ladder]
    gone = forgotten_page(record).model_copy(update={"digest": "", "text_tokens": 0})
    turns = [turn for turn in snapshot.turns.values() if page in turn.pages and not turn.forgotten]
    return [put(gone), *pictures, *(put(_off_page(snapshot, turn, page)) for turn in turns)]


def _off_page(snapshot: Snapshot, turn: TurnRecord, page: str) -> TurnRecord:
    """The turn without what stands on sealed pages: other pages keep their own text. What is open
    stays open.
    """
    if not turn.sealed:
        rest = body(turn.turn)[turn.sealed_upto :]
        part = {"text": rest, "tool_calls": [], "attachments": [], "sealed_upto": 0, "digest": ""}
        return turn.model_copy(update=part)
    elsewhere = any(
        id != page and id in snapshot.pages and snapshot.pages[id].readable for id in turn.pages
    )
    return turn.without_content().model_copy(update={"digest": ""}) if elsewhere else _empty(turn)


def without_turn(
    snapshot: Snapshot,
    turn: str,
    picture: Callable[[str, str], bytes | None],
    profile: ReaderProfile,
) -> list[Change]:
    """The turn's number and time stay, nothing else. Raises `Forgotten` if there is no such turn
    any more.
    """
    record = snapshot.turn(turn)
    if record is None or record.forgotten:
        raise Forgotten(f"no turn {turn!r}, or it is forgotten already")
    changes: list[Change] = []
    for id in record.pages:
        changes += _blanked(snapshot, snapshot.pages[id], record, picture, profile)
    return [*changes, put(_empty(record))]  # last: it has the last word on the turn


def _empty(record: TurnRecord) -> TurnRecord:
    gone = {"forgotten": True, "name": None, "digest": "", "tool_call_id": None}
    return record.without_content().model_copy(update=gone)


def _blanked(
    snapshot: Snapshot,
    page: PageRecord,
    turn: TurnRecord,
    picture: Callable[[str, str], bytes | None],
    profile: ReaderProfile,
) -> list[Change]:
    terms = {
        ordinal: counts for ordinal, counts in page.terms.items() if ordinal != str(turn.ordinal)
    }
    if page.layout is None:  # a stub: it is not known which of its words are the turn's
        return (
            list(without_page(snapshot, page.id, profile)) if page.readable or page.digest else []
        )
    layout = page.get_layout()
    start, end = next((s.start, s.end) for s in layout.spans if s.ordinal == turn.ordinal)
    certificate = page.get_certificate()
    update = {
        "digest": secrets.token_hex(32),
        "layout": _without_shape(layout, start, end).to_json(),
        "ledger": ledgers.blank(page.get_ledger(), start, end).to_json(),
        "terms": terms,
        "lines": None if page.lines is None else _blank_lines(page.lines, layout, start, end),
        "certificate": None if certificate is None else certificate.without(start, end).to_json(),
    }
    changes: list[Change] = [put(page.model_copy(update=update))]
    for rung in profile.ladder:
        if (data := picture(page.id, rung.name)) is not None:
            image = _paint(from_png(data), layout, start, end)
            changes.append(Put("picture", picture_key(page.id, rung.name), png_bytes(image)))
    return changes


def _without_shape(layout: Layout, start: int, end: int) -> Layout:
    """Rows of these characters keep how many they are; where wide ones stood, and how wide all
    were, is gone.
    """
    rows = list(layout.rows)
    for i in rows_of(layout, start, end):
        rows[i] = replace(rows[i], cells=min(rows[i].chars, layout.grid.measure), clusters=())
    return replace(layout, rows=tuple(rows))


def _blank_lines(lines: list[str], layout: Layout, start: int, end: int) -> list[str]:
    rows = set(rows_of(layout, start, end))
    return [" " * len(line) if i in rows else line for i, line in enumerate(lines)]


def _paint(
    image: npt.NDArray[np.uint8], layout: Layout, start: int, end: int
) -> npt.NDArray[np.uint8]:
    grid, image = layout.grid, image.copy()
    ys, xs = STYLES[grid.style].edges(grid, len(image))
    for row in (layout.rows[i] for i in rows_of(layout, start, end)):
        image[ys[row.y] : ys[row.y + 1], xs[row.x] : xs[row.x + grid.measure]] = 255
    return image
