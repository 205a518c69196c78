"""`forget(turn=…)`: the turn is gone from records, pictures, ledger, index, tokens and the raw
bytes.
"""

from __future__ import annotations

from typing import Any

import pytest
from support.memories import Open
from support.page_life import ledger_tokens, to_stubs
from support.secret_turn import (
    assert_no_trace,
    on_page_with_secret,
    raw,
    said,
)

from optical_memory import ForgettingPolicy, Forgotten, Turn
from optical_memory.errors import InputError
from optical_memory.pages import Grid
from optical_memory.profiles import Rung
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.renderers.geometry import cell_size, origins
from optical_memory.renderers.pictures import from_png
from optical_memory.stores import Put
from optical_memory.testing import SMALL_GRID, SMALL_LADDER, TemplateReader, turn_texts


@pytest.mark.parametrize("retain", ["pages", "text"])
@pytest.mark.parametrize("state", ["open", "sealed", "certified", "faded"])
def test_a_forgotten_turn_leaves_no_trace_and_the_others_are_told_as_before(
    opened: Open, url: str, state: str, retain: str
):
    memory = opened(retain=retain)
    memory.remember(said(8 if state == "open" else 40))
    if state == "sealed":
        memory.seal()
    elif state != "open":
        memory.flush()
    if state == "faded":
        assert memory.fade(capacity=150 + ledger_tokens(memory))
    before = turn_texts(memory)
    assert raw(url).count(b"zorblax") > 0
    memory.forget(turn="m5")
    assert_no_trace(url)
    after = turn_texts(memory)
    assert after.pop("m5").strip() == ""
    assert after == {id: text for id, text in before.items() if id != "m5"}
    assert not any("zorblax" in found.text for found in memory.recall("zorblax code topic4", k=5))
    assert memory.check() == []


@pytest.mark.parametrize(
    ("grid", "ladder"), [(SMALL_GRID, SMALL_LADDER), (Grid(), LADDER)], ids=["small", "pocket"]
)
def test_its_rows_are_white_in_every_picture_and_the_rest_of_the_pixels_are_as_they_were(
    opened: Open, grid: Grid, ladder: tuple[Rung, ...]
):
    memory = opened(reader=TemplateReader(grid=grid, ladder=ladder))
    memory.remember(said(150))
    memory.flush()
    page = on_page_with_secret(memory)
    before = {rung.name: from_png(memory.picture(page, rung.name)) for rung in ladder}
    layout = memory.inspect(page).layout
    (span,) = [span for span in layout.spans if span.turn == "m5"]
    memory.forget(turn="m5")
    at, rows = 0, []
    for row in layout.rows:
        if span.start <= at < span.end:
            rows.append(row)
        at += row.chars + len(row.join)
    assert rows
    for rung in ladder:
        expected = before[rung.name].copy()
        width, height = cell_size(grid.columns, grid.rows, rung.side_px)
        tops, lefts = (
            origins(grid.rows, rung.side_px, height),
            origins(grid.columns, rung.side_px, width),
        )
        for row in rows:
            right = lefts[row.x + grid.measure - 1] + width
            here = expected[tops[row.y] : tops[row.y] + height, lefts[row.x] : right]
            assert (here < 255).any()
            here[:] = 255
        assert (from_png(memory.picture(page, rung.name)) == expected).all()


def test_the_turn_reads_as_forgotten_and_what_reads_as_before_stays_verified(opened: Open):
    memory = opened()
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    before = memory.read(page)
    memory.forget(turn="m5")
    found = memory.read(page)
    (span,) = [s for s in memory.inspect(page).layout.spans if s.turn == "m5"]
    statuses = {s.status for s in found.spans if s.start < span.end and s.end > span.start}
    assert statuses == {"forgotten"}
    assert {s.status for s in found.spans} == {"forgotten", "original", "reconstructed", "verified"}
    verified = [(s.start, s.end) for s in found.spans if s.status == "verified"]
    assert all(found.text[start:end] == before.text[start:end] for start, end in verified)
    doubtful = {
        i // 64 for s in found.spans if s.status == "reconstructed" for i in range(s.start, s.end)
    }
    assert doubtful <= {span.start // 64, (span.end - 1) // 64}, (
        "only what shares a checksum with the turn"
    )
    certificate = memory.inspect(page).certificate
    assert certificate is not None
    assert certificate.partial


def test_a_turn_that_goes_over_several_pages_is_gone_from_each(opened: Open, url: str):
    memory = opened()
    memory.remember([*said(4), Turn("user", "zorblax flurbington " * 100, id="m5"), *said(40)[6:]])
    memory.flush()
    record = memory._archive.snapshot().turn("m5")
    assert record is not None
    assert len(record.pages) > 2
    memory.forget(turn="m5")
    assert_no_trace(url)
    assert memory.check() == []


def test_a_turn_that_is_partly_open_is_gone_from_the_page_and_from_the_open_text(
    opened: Open, url: str
):
    memory = opened(keep_turns=0)
    memory.remember([*said(4), Turn("user", "zorblax flurbington " * 40, id="m5")])
    memory.flush()
    assert memory._archive.snapshot().open_turns()[0].sealed_upto > 0
    memory.forget(turn="m5")
    assert_no_trace(url)
    memory.remember(said(40)[6:])
    memory.flush()
    assert memory.check() == []
    assert turn_texts(memory)["m39"] == said()[39].text


def test_forgetting_an_open_turn_leaves_the_open_turns_before_it(opened: Open):
    memory = opened()
    memory.remember(said(8))
    memory.forget(turn="m5")
    assert [record.id for record in memory._archive.snapshot().open_turns()] == [
        "m0",
        "m1",
        "m2",
        "m3",
        "m4",
        "m6",
        "m7",
    ]


def test_a_turn_on_a_stub_takes_the_stub_with_it_because_nobody_knows_whose_its_words_are(
    opened: Open, url: str
):
    memory = opened(retain="pages")
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    memory.fade(capacity=40)
    state = memory._archive.snapshot().pages[page].state
    memory.forget(turn="m5")
    assert_no_trace(url)
    assert state in ("stub", "forgotten")
    assert memory._archive.snapshot().pages[page].state == "forgotten"


def test_a_turn_on_several_stubs_is_forgotten_as_a_whole(opened: Open, url: str):
    """Each stub that goes writes the turns on it; the turn's own write has the last word."""
    memory = opened(retain="pages", policy=ForgettingPolicy(condense=False, stub_tokens=8))
    turns = said()
    turns[5] = Turn("assistant", "flurbington and QX-7731-ZZ again. " * 60, "Zebedee", id="m5")
    memory.remember(turns)
    memory.flush()
    record = memory._archive.snapshot().turn("m5")
    assert record is not None
    assert len(record.pages) >= 3
    to_stubs(memory, *record.pages)
    memory.forget(turn="m5")
    after = memory._archive.snapshot().turn("m5")
    assert after is not None
    assert after.forgotten
    assert_no_trace(url)
    assert memory.remember(turns)[5] == "m5"
    assert_no_trace(url)


def test_a_broken_picture_does_not_keep_a_turn_from_being_forgotten(opened: Open, url: str):
    memory = opened()
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    memory.store.commit("alice", [Put("picture", f"{page}/large", b"no picture")])
    memory.forget(turn="m5")
    assert_no_trace(url)
    assert memory._archive.picture(page, "large") is None


def test_a_host_that_sends_its_history_again_brings_nothing_back(opened: Open, url: str):
    memory = opened()
    memory.remember(said())
    memory.flush()
    memory.forget(turn="m5")
    assert memory.remember(said())[5] == "m5"
    assert_no_trace(url)


def test_what_is_not_there_cannot_be_forgotten(opened: Open):
    memory = opened()
    memory.remember(said(8))
    memory.forget(turn="m5")
    for gone in ({"turn": "m5"}, {"turn": "never"}, {"page": "0000009"}):
        with pytest.raises(Forgotten):
            memory.forget(**gone)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [{}, {"turn": "a", "page": "b"}, {"turn": "a", "session": True}])
def test_one_thing_at_a_time(opened: Open, asked: dict[str, Any]):
    with pytest.raises(InputError, match="one thing"):
        opened().forget(**asked)
