"""From open turns to sealed pages: full pages laid out, drawn at every rung they may ever have,
indexed.

Takes a snapshot and gives the writes; nothing is written here. Drawing takes a tenth of a second a
page, so nobody may be made to wait for it: the writes replace turns and pages only, and go in if
those are still as they were.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from optical_memory import ledger as ledgers
from optical_memory import search
from optical_memory.counting import count_tokens
from optical_memory.pages import Grid, Page
from optical_memory.profiles import ReaderProfile
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.pictures import png_bytes
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.archive import Change, Snapshot, put
from optical_memory.session.records import PageRecord, Retain, TurnRecord, page_key, picture_key
from optical_memory.stores.base import Put
from optical_memory.turns import body

__all__ = ["BATCH", "sealed"]

BATCH = 4
"""Pages sealed in one commit: bounds what a crash makes us draw again, and how long one commit
takes.
"""


def sealed(
    snapshot: Snapshot,
    renderer: PageRenderer,
    profile: ReaderProfile,
    retain: Retain,
    keep_turns: int,
) -> list[Change]:
    """The next full pages (at most `BATCH`) of turns older than the newest `keep_turns`; nothing if
    there are none.
    """
    open_turns = snapshot.open_turns()
    old = open_turns[: max(0, len(open_turns) - keep_turns)]
    placed = [
        PlacedTurn(record.turn, record.id, record.ordinal, record.sealed_upto)
        for record in open_turns
    ]
    if (
        least_rows(placed[: len(old)], profile.grid)
        < profile.grid.rows * profile.grid.text_columns // 2
    ):
        return []
    pages = renderer.paginate(_enough(placed, profile.grid))[:-1]
    ready = list(
        itertools.takewhile(lambda page: page.layout.spans[-1].ordinal <= old[-1].ordinal, pages)
    )[:BATCH]
    return _written(
        snapshot, ready, {record.id: record for record in open_turns}, renderer, profile, retain
    )


def least_rows(placed: Sequence[PlacedTurn], grid: Grid) -> int:
    """Rows that these turns fill at least: a turn starts on its own, and a line break ends one."""
    return sum(_least_rows(turn, grid) for turn in placed)


def _least_rows(placed: PlacedTurn, grid: Grid) -> int:
    text = body(placed.turn)
    return max(1 + text.count("\n", placed.offset), (len(text) - placed.offset) // grid.measure)


def _enough(placed: Sequence[PlacedTurn], grid: Grid) -> Sequence[PlacedTurn]:
    """The first turns, enough for `BATCH` pages and one that is not full, never cut between a tool
    call and results.
    """
    wanted = (BATCH + 2) * grid.rows * grid.text_columns
    for i, turn in enumerate(placed):
        if wanted <= 0 and turn.turn.role != "tool":
            return placed[:i]
        wanted -= _least_rows(turn, grid)
    return placed


def _written(
    snapshot: Snapshot,
    pages: Sequence[Page],
    turns: dict[str, TurnRecord],
    renderer: PageRenderer,
    profile: ReaderProfile,
    retain: Retain,
) -> list[Change]:
    """The new pages with their pictures, and the turns that stand on them now."""
    changes: list[Change] = []
    touched: dict[str, None] = {}
    for number, page in enumerate(pages, len(snapshot.pages)):
        changes += _new_page(snapshot, page, number, turns, renderer, profile)
        for span in page.layout.spans:
            turns[span.turn] = _advance(
                turns[span.turn], span.end - span.body, page_key(number), retain
            )
            touched[span.turn] = None
    return [*changes, *(put(turns[id]) for id in touched)]


def _advance(record: TurnRecord, chars: int, page: str, retain: Retain) -> TurnRecord:
    upto = record.sealed_upto + chars
    done = upto >= len(body(record.turn))
    record = record.model_copy(
        update={"sealed_upto": upto, "sealed": done, "pages": [*record.pages, page]}
    )
    return record.without_content() if done and retain == "pages" else record


def _new_page(
    snapshot: Snapshot,
    page: Page,
    number: int,
    turns: Mapping[str, TurnRecord],
    renderer: PageRenderer,
    profile: ReaderProfile,
) -> list[Change]:
    id, times = page_key(number), [w for s in page.layout.spans if (w := turns[s.turn].when)]
    record = PageRecord(
        id=id,
        ordinal=number,
        digest=snapshot.session.digest(page.digest),
        layout=page.layout.to_json(),
        lines=list(page.lines),
        ledger=ledgers.extract(page.text, charset=profile.charset).to_json(),
        terms={
            str(s.ordinal): dict(search.terms(page.text[s.start : s.end]))
            for s in page.layout.spans
        },
        text_tokens=count_tokens(page.text),
        first_when=times[0] if times else None,
        last_when=times[-1] if times else None,
    )
    pictures = [
        Put("picture", picture_key(id, rung.name), png_bytes(renderer.draw(page, rung.side_px)))
        for rung in profile.ladder
    ]
    return [put(record), *pictures]
