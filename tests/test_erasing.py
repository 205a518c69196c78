"""`forget`: what is forgotten on purpose is gone from records, pictures, ledger, index, tokens and the raw bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.errors import InputError, StoreError
from optical_memory.pages import Grid
from optical_memory.profiles import Rung
from optical_memory.readers.pocket import LADDER, PocketReader
from optical_memory.renderers.drawing import cell_size, origins
from optical_memory.renderers.pictures import from_png
from optical_memory.stores import open_store
from optical_memory.stores.sqlite import SQLiteStore
from optical_memory.testing import SMALL_GRID, SMALL_LADDER, TemplateReader, turns_told
from optical_memory.turns import ToolCall
from optical_memory.white_rows import rows_of

Open = Callable[..., OpticalMemory]
SECRET = ("zorblax", "QX-7731-ZZ", "flurbington")
TRACES = [word.encode() for word in (*SECRET, *(word.lower() for word in SECRET), "look_up_zorblax", "Zebedee")]


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/memory.db" if request.param == "sqlite" else request.getfixturevalue("redis_url")


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Opens memories of one session; nothing runs by itself."""
    store, memories = open_store(url), []

    def open_one(**settings: Any) -> OpticalMemory:
        defaults: dict[str, Any] = {"reader": TemplateReader(), "keep_turns": 2, "capacity": 10**6, "background": False}
        memories.append(OpticalMemory("alice", store=store, **defaults | settings))
        return memories[-1]

    yield open_one
    for memory in memories:
        memory._worker.stop()
    store.drop("alice")
    store.close()


def said(n: int = 40) -> list[Turn]:
    """Turns with ids; the sixth has a secret in its text, its tool call, its name."""
    turns = [Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.", id=f"m{i}") for i in range(n)]
    call = ToolCall("look_up_zorblax", '{"code": "QX-7731-ZZ"}', "c1")
    text = "The zorblax code is QX-7731-ZZ, says flurbington."
    turns[5:6] = [Turn("assistant", text, "Zebedee", id="m5", tool_calls=(call,))] if n > 5 else []
    return turns


def raw(url: str) -> bytes:
    """Every byte that is kept: SQLite's files as they lie on the disk, all of the server's keys and values."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in sorted(path.parent.glob("memory.db*")))
    with redis.Redis.from_url(url) as client:
        return b"".join(_value(client, key) for key in client.scan_iter())


def _value(client: Any, key: bytes) -> bytes:
    kind = client.type(key)
    if kind == b"hash":
        return key + b"".join(name + value for name, value in client.hgetall(key).items())
    if kind == b"string":
        return key + client.get(key)
    return key + b"".join(client.lrange(key, 0, -1) if kind == b"list" else client.zrange(key, 0, -1))


def assert_no_trace(url: str) -> None:
    kept = raw(url)
    assert [trace for trace in TRACES if trace in kept] == []


def on_page_with_secret(memory: OpticalMemory) -> str:
    record = memory.archive.snapshot().turn("m5")
    assert record is not None
    return record.pages[0]


# ---- a turn ---------------------------------------------------------------------------------------------------------


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
        assert memory.fade(capacity=150)
    before = turns_told(memory)
    assert raw(url).count(b"zorblax") > 0
    memory.forget(turn="m5")
    assert_no_trace(url)
    after = turns_told(memory)
    assert after.pop("m5").strip() == ""
    assert after == {id: text for id, text in before.items() if id != "m5"}
    assert not any("zorblax" in found.text for found in memory.recall("zorblax code topic4", k=5))
    assert memory.check() == []


@pytest.mark.parametrize(("grid", "ladder"), [(SMALL_GRID, SMALL_LADDER), (Grid(), LADDER)], ids=["small", "pocket"])
def test_its_rows_are_white_in_every_picture_and_the_rest_of_the_pixels_are_as_they_were(
    opened: Open, grid: Grid, ladder: tuple[Rung, ...]
):
    memory = opened(reader=TemplateReader(grid=grid, ladder=ladder))
    memory.remember(said(150))
    memory.flush()
    page = on_page_with_secret(memory)
    before = {rung.name: from_png(memory.archive.picture(page, rung.name) or b"") for rung in ladder}
    layout = memory.archive.snapshot().pages[page].get_layout()
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
        tops, lefts = origins(grid.rows, rung.side_px, height), origins(grid.columns, rung.side_px, width)
        for row in rows:
            right = lefts[row.x + grid.measure - 1] + width
            here = expected[tops[row.y] : tops[row.y] + height, lefts[row.x] : right]
            assert (here < 255).any()
            here[:] = 255
        assert (from_png(memory.archive.picture(page, rung.name) or b"") == expected).all()


def test_the_turn_reads_as_forgotten_and_what_reads_as_before_stays_verified(opened: Open):
    memory = opened()
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    before = memory.read(page)
    memory.forget(turn="m5")
    found = memory.read(page)
    (span,) = [s for s in memory.archive.snapshot().pages[page].get_layout().spans if s.turn == "m5"]
    statuses = {s.status for s in found.spans if s.start < span.end and s.end > span.start}
    assert statuses == {"forgotten"}
    assert {s.status for s in found.spans} == {"forgotten", "original", "reconstructed", "verified"}
    verified = [(s.start, s.end) for s in found.spans if s.status == "verified"]
    assert all(found.text[start:end] == before.text[start:end] for start, end in verified)
    doubtful = {i // 64 for s in found.spans if s.status == "reconstructed" for i in range(s.start, s.end)}
    assert doubtful <= {span.start // 64, (span.end - 1) // 64}, "only what shares a checksum with the turn"
    certificate = memory.archive.snapshot().pages[page].get_certificate()
    assert certificate is not None
    assert certificate.partial


def test_a_turn_that_goes_over_several_pages_is_gone_from_each(opened: Open, url: str):
    memory = opened()
    memory.remember([*said(4), Turn("user", "zorblax flurbington " * 100, id="m5"), *said(40)[6:]])
    memory.flush()
    record = memory.archive.snapshot().turn("m5")
    assert record is not None
    assert len(record.pages) > 2
    memory.forget(turn="m5")
    assert_no_trace(url)
    assert memory.check() == []


def test_a_turn_that_is_partly_open_is_gone_from_the_page_and_from_the_open_text(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember([*said(4), Turn("user", "zorblax flurbington " * 40, id="m5")])
    memory.flush()
    assert memory.archive.snapshot().open_turns()[0].sealed_upto > 0
    memory.forget(turn="m5")
    assert_no_trace(url)
    memory.remember(said(40)[6:])
    memory.flush()
    assert memory.check() == []
    assert turns_told(memory)["m39"] == said()[39].text


def test_forgetting_an_open_turn_leaves_the_open_turns_before_it(opened: Open):
    memory = opened()
    memory.remember(said(8))
    memory.forget(turn="m5")
    assert [record.id for record in memory.archive.snapshot().open_turns()] == [
        "m0",
        "m1",
        "m2",
        "m3",
        "m4",
        "m6",
        "m7",
    ]


def test_a_turn_on_a_stub_takes_the_stub_with_it_because_nobody_knows_whose_its_words_are(opened: Open, url: str):
    memory = opened(retain="pages")
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    memory.fade(capacity=40)
    state = memory.archive.snapshot().pages[page].state
    memory.forget(turn="m5")
    assert_no_trace(url)
    assert state in ("stub", "forgotten")
    assert memory.archive.snapshot().pages[page].state == "forgotten"


@pytest.mark.parametrize("what", ["turn", "page"])
@pytest.mark.parametrize("state", ["sealed", "certified", "forgotten"])
def test_no_digest_confirms_a_guess_to_whoever_holds_the_store(opened: Open, url: str, state: str, what: str):
    """The salt lies in the store too: nothing may be the keyed digest of what was forgotten, or follow from one."""
    memory = opened()
    memory.remember(said())
    memory.seal()
    before = memory.archive.snapshot()
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
    guesses = [page.digest, turn.digest, keyed(page.digest), keyed(f"{page.digest} without turn {turn.ordinal}")]
    assert [guess for guess in guesses if guess.encode() in kept] == []


def test_rows_of_a_forgotten_turn_do_not_tell_what_was_wide_in_them(opened: Open):
    memory = opened()
    memory.remember([*said(3), Turn("user", "門 code 門門 is 4711 🙂", id="m5"), *said()[6:]])
    memory.seal()
    page = on_page_with_secret(memory)

    def rows() -> list[tuple[int, int, int]]:
        layout = memory.archive.snapshot().pages[page].get_layout()
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
    layout = memory.archive.snapshot().pages[page].get_layout()
    (span,) = [s for s in layout.spans if s.turn == "m5"]

    def inside() -> list[tuple[int, int]]:
        proof = memory.archive.snapshot().pages[page].get_certificate()
        assert proof is not None
        found = [r for rung in proof.rungs.values() for r in rung.misread]
        return [(a, b) for a, b in found if a < span.end and b > span.start]

    assert inside()
    memory.forget(turn="m5")
    assert not inside()
    proof = memory.archive.snapshot().pages[page].get_certificate()
    assert proof is not None
    assert {round(100 * value, 9) % 1 for rung in proof.rungs.values() for value in (rung.agreement, rung.sure)} == {0}


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
    assert memory.archive.snapshot().pages[page].rung is not None
    found = memory.read(page)
    assert not found.text.strip()
    assert "verified" not in {s.status for s in found.spans if found.text[s.start : s.end].strip()}


def test_forgetting_says_so_where_another_process_keeps_the_text_in_the_log(tmp_path: Path):
    path = tmp_path / "memory.db"
    store = SQLiteStore(path, busy_timeout=0.2)
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), keep_turns=2, background=False)
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


# ---- a page, a session ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retain", ["pages", "text"])
def test_a_forgotten_page_leaves_no_trace_and_the_others_are_told_as_before(opened: Open, url: str, retain: str):
    memory = opened(retain=retain)
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    others = {p: memory.read(p).text for p in memory.archive.snapshot().pages if p != page}
    memory.forget(page=page)
    assert_no_trace(url)
    with pytest.raises(Forgotten):
        memory.read(page)
    assert {p: memory.read(p).text for p in others} == others
    assert [gone["page"] for gone in memory.stats().forgotten] == [page]
    assert memory.check() == []


def test_a_page_that_faded_away_with_its_text_retained_can_still_be_forgotten(opened: Open, url: str):
    memory = opened(retain="text")
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    memory.fade(capacity=0)
    assert memory.stats().forgotten == []
    memory.forget(page=page)
    assert_no_trace(url)
    assert [gone["page"] for gone in memory.stats().forgotten] == [page]


def test_a_forgotten_page_is_not_brought_back_by_a_host_that_sends_its_history_again(opened: Open, url: str):
    memory = opened(keep_turns=0)
    long = Turn("user", "zorblax flurbington " * 100, id="m5")
    memory.remember([*said(4), long, *said()[6:]])
    memory.flush()
    record = memory.archive.snapshot().turn("m5")
    assert record is not None
    first, *others = record.pages
    memory.forget(page=first)
    assert others
    n = len(memory.archive.snapshot().turns)
    memory.remember([*said(4), long, *said()[6:]])
    assert len(memory.archive.snapshot().turns) == n
    for page in others:
        memory.forget(page=page)
    assert_no_trace(url)
    memory.remember([*said(4), long, *said()[6:]])
    assert_no_trace(url)


def test_a_page_takes_along_its_part_of_a_turn_that_is_still_open(opened: Open, url: str):
    memory = opened(keep_turns=0)
    memory.remember([*said(4), Turn("user", "zorblax flurbington " + "so it goes. " * 60 + "The end.", id="m5")])
    memory.flush()
    page = on_page_with_secret(memory)
    memory.forget(page=page)
    assert_no_trace(url)
    assert memory.recall("end", k=1)[0].text.endswith("The end.")
    memory.remember(said()[6:])
    memory.flush()
    assert memory.check() == []


def test_a_forgotten_session_leaves_no_trace_and_can_begin_again(opened: Open, url: str):
    memory = opened()
    memory.remember(said())
    memory.flush()
    memory.forget(session=True)
    assert_no_trace(url)
    assert b"apples" not in raw(url)
    assert memory.sessions() == []
    assert memory.recall("topic4") == []
    memory.remember(said(1))
    assert turns_told(memory) == {"m0": said(1)[0].text}


def test_tokens_that_were_being_made_when_their_page_was_forgotten_are_not_cached(opened: Open, url: str):
    memory = opened()
    memory.remember(said())
    memory.flush()
    page = on_page_with_secret(memory)
    record, store = memory.archive.snapshot().pages[page], memory.store
    keys = [memory.pages._key(record, rung) for rung in SMALL_LADDER]
    memory.reader = memory.pages.reader = ForgettingReader(memory, page)
    store.drop_blobs("alice")
    with pytest.raises(Forgotten):
        memory.read(page)
    assert store.get_blobs("alice", keys) == [None] * 4


class ForgettingReader(TemplateReader):
    """While it looks at a page, somebody has the page forgotten."""

    def __init__(self, memory: OpticalMemory, page: str) -> None:
        super().__init__()
        self._memory, self._page = memory, page

    def encode(self, images: Any, rung: Any) -> Any:
        self._memory.forget(page=self._page)
        return super().encode(images, rung)
