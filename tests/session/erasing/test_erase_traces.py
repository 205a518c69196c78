"""`forget` leaves nothing that tells of what was forgotten, or would confirm a guess; and the rest
stays trusted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.memories import Open
from support.secret_turn import (
    assert_no_trace,
    on_page_with_secret,
    raw,
    said,
)

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.pages import rows_of
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import SMALL_LADDER, TemplateReader


@pytest.mark.parametrize("what", ["turn", "page"])
@pytest.mark.parametrize("state", ["sealed", "certified", "forgotten"])
def test_no_digest_confirms_a_guess_to_whoever_holds_the_store(
    opened: Open, url: str, state: str, what: str
):
    """The salt lies in the store too: nothing may be the keyed digest of what was forgotten, or
    follow from one.
    """
    memory = opened()
    memory.remember(said())
    memory.seal()
    before = memory._archive.snapshot()
    page, turn = before.pages[on_page_with_secret(memory)], before.turn("m5")
    assert turn is not None
    if state != "sealed":
        memory.flush()
    if state == "forgotten":
        memory.fade(capacity=0)
    assert page.digest.encode() in raw(url)
    assert turn.digest.encode() in raw(url)
    memory.forget(turn="m5") if what == "turn" else memory.forget(page=page.id)
    kept, keyed = raw(url), before.session.digest
    guesses = [
        page.digest,
        turn.digest,
        keyed(page.digest),
        keyed(f"{page.digest} without turn {turn.ordinal}"),
    ]
    assert [guess for guess in guesses if guess.encode() in kept] == []


def test_rows_of_a_forgotten_turn_do_not_tell_what_was_wide_in_them(opened: Open):
    memory = opened()
    memory.remember([*said(3), Turn("user", "門 code 門門 is 4711 🙂", id="m5"), *said()[6:]])
    memory.seal()
    page = on_page_with_secret(memory)

    def rows() -> list[tuple[int, int, int]]:
        layout = memory.inspect(page).layout
        (span,) = [s for s in layout.spans if s.turn == "m5"]
        return [
            (r.chars, r.cells, len(r.clusters))
            for i, r in enumerate(layout.rows)
            if i in rows_of(layout, span.start, span.end)
        ]

    before = rows()
    assert any(clusters and cells != chars for chars, cells, clusters in before)
    memory.forget(turn="m5")
    assert rows() == [(chars, chars, 0) for chars, _, _ in before]
    memory.flush()
    assert memory.check() == []


def test_a_certificate_does_not_tell_how_a_forgotten_turn_was_misread(opened: Open):
    memory = opened(reader=TemplateReader(misread={rung.name: 0.2 for rung in SMALL_LADDER}))
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    layout = memory.inspect(page).layout
    (span,) = [s for s in layout.spans if s.turn == "m5"]

    def inside() -> list[tuple[int, int]]:
        proof = memory.inspect(page).certificate
        assert proof is not None
        found = [r for rung in proof.rungs.values() for r in rung.misread]
        return [(a, b) for a, b in found if a < span.end and b > span.start]

    assert inside()
    memory.forget(turn="m5")
    assert not inside()
    proof = memory.inspect(page).certificate
    assert proof is not None
    assert {
        round(100 * value, 9) % 1
        for rung in proof.rungs.values()
        for value in (rung.agreement, rung.confidence)
    } == {0}


def test_what_is_certified_after_a_turn_was_forgotten_is_verified(opened: Open):
    memory = opened()
    memory.remember(said())
    memory.seal()
    page = on_page_with_secret(memory)
    memory.forget(turn="m5")
    memory.flush()
    found = memory.read(page)
    assert found.rung == "large"
    assert {s.status for s in found.spans} == {"forgotten", "original", "verified"}


def test_a_page_of_which_everything_was_forgotten_is_certified_and_reads_as_nothing(opened: Open):
    memory = opened(reader=PocketReader())
    memory.remember([Turn("user", "zorblax flurbington " * 400, id="m5"), *said(4)])
    memory.seal()
    page = on_page_with_secret(memory)
    memory.forget(turn="m5")
    memory.flush()
    assert memory._archive.snapshot().pages[page].rung is not None
    found = memory.read(page)
    assert not found.text.strip()
    assert "verified" not in {s.status for s in found.spans if found.text[s.start : s.end].strip()}


def test_forgetting_says_so_where_another_process_keeps_the_text_in_the_log(tmp_path: Path):
    path = tmp_path / "memory.db"
    store = SQLiteStore(path, busy_timeout=0.2)
    memory = OpticalMemory(
        "alice", store=store, reader=TemplateReader(), keep_turns=2, background=False
    )
    memory.remember(said())
    memory.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        with pytest.raises(StoreError, match="a reader holds the log"):
            memory.forget(turn="m5")
        assert any("a reader holds the log" in problem for problem in memory.check())
    assert memory.check() == []
    assert_no_trace(f"sqlite:///{path}")
    memory.close()
    store.close()
