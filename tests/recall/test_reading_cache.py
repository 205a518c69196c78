"""Readings are kept in the process while their picture may be read, and not a moment longer."""

from __future__ import annotations

import gc
import multiprocessing
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from support.memories import Open
from support.page_life import RUNGS, turns_with_secret

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.errors import StoreError
from optical_memory.pages import Layout
from optical_memory.readings import Reading
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import (
    PICTURE_BYTES,
    Picture,
    ReadingCache,
    RowReading,
    is_current,
    shared_readings,
)
from optical_memory.session.archive import Archive
from optical_memory.session.token_cache import TokenCache
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import F16, VisualTokens

PAGE = "0000000"
RANGES = {PAGE: [(0, 30), (100, 160)]}
SECRET_WORD = "heron"


def picture(name: str, session: str = "alice") -> Picture:
    return Picture(session, PAGE, name, "large", frozenset(), ("template", "1", "int8"))


def row(text: str = "a line of a page") -> RowReading:
    return RowReading(text, np.ones(len(text), np.float32))


# ---- the cache -----------------------------------------------------------------------------------


def test_rows_of_a_picture_are_kept_together():
    cache = ReadingCache()
    cache.add(picture("a"), {1: row("one"), 2: row("two")})
    cache.add(picture("a"), {7: row("seven")})
    cache.add(picture("b"), {1: row("other")})
    assert {i: r.text for i, r in cache.rows(picture("a")).items()} == {
        1: "one",
        2: "two",
        7: "seven",
    }
    assert cache.rows(picture("c")) == {}


@pytest.mark.parametrize(
    "other",
    [
        picture("a")._replace(session="bob"),
        picture("a")._replace(page="0000001"),
        picture("a")._replace(digest="b"),
        picture("a")._replace(rung="tiny"),
        picture("a")._replace(erased_rows=frozenset({3})),
        picture("a")._replace(maker=("template", "2", "int8")),
        picture("a")._replace(maker=("template", "1", "f16")),
        picture("a")._replace(maker=("pocket", "1", "int8")),
    ],
)
def test_a_reading_is_of_one_picture_one_reader_revision_and_codec(other: Picture):
    cache = ReadingCache()
    cache.add(picture("a"), {1: row()})
    assert cache.rows(other) == {}


def test_a_full_cache_drops_what_was_not_used_for_the_longest_time():
    size = PICTURE_BYTES + row().n_bytes
    cache = ReadingCache(max_bytes=3 * size)
    for name in "abc":
        cache.add(picture(name), {0: row()})
    assert cache.n_bytes == 3 * size
    assert cache.rows(picture("a"))
    cache.add(picture("d"), {0: row()})
    assert [name for name in "abcd" if cache.rows(picture(name))] == ["a", "c", "d"]
    assert cache.n_bytes == 3 * size


def test_a_cache_never_takes_more_than_its_bound():
    cache = ReadingCache(max_bytes=20_000)
    rng = np.random.default_rng(0)
    for _ in range(300):
        name = str(rng.integers(12))
        cache.add(picture(name), {int(rng.integers(40)): row("x" * int(rng.integers(1, 90)))})
        assert cache.n_bytes <= cache.max_bytes
    cache.add(picture("huge"), {i: row("x" * 80) for i in range(200)})
    assert cache.rows(picture("huge")) == {}
    pictures = cache.pictures("alice")
    cache.drop(pictures)
    assert cache.n_bytes == 0


def test_what_a_caller_does_to_its_rows_changes_nothing_in_the_cache():
    cache = ReadingCache()
    cache.add(picture("a"), {1: row()})
    cache.rows(picture("a")).clear()
    assert cache.rows(picture("a"))


def test_threads_may_share_a_cache():
    cache = ReadingCache(max_bytes=30_000)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(300):
                key = picture(str(rng.integers(20)))
                cache.add(key, {int(rng.integers(30)): row()})
                cache.rows(key)
                cache.drop([picture(str(rng.integers(20)))])
        except BaseException as error:  # noqa: BLE001  the test fails by it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    cache.drop(cache.pictures("alice"))
    assert cache.n_bytes == 0


def test_a_forked_process_has_readings_of_its_own():
    parents = shared_readings()
    with parents._lock:  # as if another thread held it at the fork
        process = multiprocessing.get_context("fork").Process(target=_use_the_shared_readings)
        process.start()
        process.join(20)
    assert process.exitcode == 0
    assert shared_readings() is parents
    assert not parents.rows(picture("child"))


def _use_the_shared_readings() -> None:
    shared_readings().add(picture("child"), {0: row()})


# ---- with a memory -------------------------------------------------------------------------------


class Pages:
    """A page reader of a memory, with a cache of its own."""

    def __init__(self, memory: OpticalMemory) -> None:
        archive = Archive(memory.store, "alice")
        self.readings = ReadingCache()
        self.reader = PageReader(TokenCache(archive, memory.reader, memory.codec), self.readings)
        self.archive = archive

    def texts(self, ranges: dict[str, list[tuple[int, int]]] = RANGES) -> list[str]:
        by_page = self.reader.read_ranges(self.archive.snapshot(), ranges)
        return [reading.text for readings in by_page.values() for reading in readings]

    def all_text(self) -> str:
        """Every word that the cache holds."""
        rows = [
            cached_row.text
            for key in self.readings.pictures("alice")
            for cached_row in self.readings.rows(key).values()
        ]
        return " ".join(rows)


def filled(opened: Open, n_turns: int = 20, **settings: object) -> OpticalMemory:
    memory = opened(keep_turns=0, background=False, **settings)
    memory.remember(turns_with_secret(n_turns))
    memory.flush()
    return memory


def secret_range(memory: OpticalMemory) -> dict[str, list[tuple[int, int]]]:
    """The range of the secret on the first page."""
    layout = memory.inspect(PAGE).layout
    assert layout is not None
    return {PAGE: [(span.start, span.end) for span in layout.spans if span.turn == "secret"]}


def test_the_same_range_again_is_neither_decoded_nor_unpacked(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    pages = Pages(memory)
    first = pages.texts()
    calls = reader.calls.copy()
    memory.store.drop_blobs("alice")
    assert pages.texts() == first
    assert reader.calls == calls


def test_only_the_rows_that_are_not_kept_are_decoded(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    pages = Pages(memory)
    n_before = reader.calls["lines"]
    pages.texts({PAGE: [(0, 64)]})
    n_first = reader.calls["lines"] - n_before
    pages.texts({PAGE: [(0, 10**6)]})
    n_rows = len(pages.archive.snapshot().pages[PAGE].layout["rows"])  # type: ignore[index]
    assert reader.calls["lines"] - n_before == n_rows > n_first > 0


def test_another_codec_has_readings_of_its_own(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    pages = Pages(memory)
    pages.texts()
    other = PageReader(TokenCache(pages.archive, reader, F16), pages.readings)
    n_decoded = reader.calls["decoded"]
    other.read_ranges(pages.archive.snapshot(), RANGES)
    assert reader.calls["decoded"] == n_decoded + 1


def test_memories_of_a_process_share_their_readings(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    readers = [
        PageReader(TokenCache(Archive(memory.store, "alice"), reader, memory.codec))
        for _ in range(2)
    ]
    snapshot = memory._archive.snapshot()
    first = readers[0].read_ranges(snapshot, RANGES)
    n_decoded = reader.calls["decoded"]
    assert readers[1].read_ranges(snapshot, RANGES) == first
    assert reader.calls["decoded"] == n_decoded
    readers[1].drop_readings()
    assert not shared_readings().pictures("alice")


def test_more_turns_change_nothing_in_what_is_kept(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    pages = Pages(memory)
    first = pages.texts()
    memory.remember(turns_with_secret(5)[:4])
    n_decoded = reader.calls["decoded"]
    assert pages.texts() == first
    memory.remember(turns_with_secret(20))
    memory.seal()
    assert pages.texts() == first
    assert reader.calls["decoded"] == n_decoded


# ---- forgetting ----------------------------------------------------------------------------------


def test_dropping_takes_all_readings_of_the_session_and_of_no_other(opened: Open):
    memory = filled(opened)
    pages = Pages(memory)
    pages.texts()
    pages.readings.add(picture("x", session="bob"), {0: row()})
    assert pages.all_text()
    pages.reader.drop_readings()
    assert not pages.all_text()
    assert pages.reader._parsed_pages is None
    assert pages.readings.pictures("bob")


@pytest.mark.parametrize("what", ["turn", "page", "session"])
def test_if_another_process_forgets_the_next_look_at_the_session_drops_the_reading(
    opened: Open, what: str
):
    memory = filled(opened)
    pages = Pages(memory)
    (text,) = pages.texts(secret_range(memory))
    assert SECRET_WORD in text
    assert SECRET_WORD in pages.all_text()
    other = opened(keep_turns=0, background=False)  # as another process would
    targets = {"turn": {"turn": "secret"}, "page": {"page": PAGE}, "session": {"session": True}}
    last_page = memory.pages()[-1].id
    other.forget(**targets[what])  # type: ignore[arg-type]
    if what == "session":
        other.remember(turns_with_secret(5)[:2])
        pages.reader.read_ranges(pages.archive.snapshot(), {})
    else:
        pages.texts({last_page: [(0, 5)]})
    assert SECRET_WORD not in pages.all_text()


def test_a_page_that_loses_a_turn_keeps_no_row_of_its_old_picture(opened: Open):
    memory = filled(opened)
    pages = Pages(memory)
    pages.texts({PAGE: [(0, 10**6)]})
    snapshot = pages.archive.snapshot()
    (old,) = pages.readings.pictures("alice")
    assert is_current(old, snapshot)
    opened(keep_turns=0, background=False).forget(turn="secret")
    pages.texts({PAGE: [(0, 10)]})
    (new,) = pages.readings.pictures("alice")
    assert new.digest != old.digest
    assert not is_current(old, pages.archive.snapshot())


def test_a_page_that_fades_keeps_no_reading_of_its_finer_picture(opened: Open):
    memory = filled(opened, policy=ForgettingPolicy(floor=0.0))
    pages = Pages(memory)
    pages.texts()
    memory.fade(capacity=SMALL_LADDER[-1].n_tokens * len(memory.pages()) + 30)
    pages.texts()
    assert {key.rung for key in pages.readings.pictures("alice")} == {RUNGS[-1]}


class SlowReader(TemplateReader):
    """While it decodes, something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[object] = []

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        readings = super().decode(tokens, layouts, lines)
        while self.meanwhile:
            self.meanwhile.pop()()  # type: ignore[operator]
        return readings


@pytest.mark.parametrize("what", ["turn", "page", "session"])
def test_what_is_forgotten_while_it_is_read_is_not_kept(opened: Open, what: str):
    reader = SlowReader()
    memory = filled(opened, reader=reader)
    pages = Pages(memory)
    other = opened(keep_turns=0, background=False)
    targets = {"turn": {"turn": "secret"}, "page": {"page": PAGE}, "session": {"session": True}}

    def forget() -> None:
        other.forget(**targets[what])  # type: ignore[arg-type]
        pages.reader.drop_readings()

    ranges = secret_range(memory)
    reader.meanwhile.append(forget)
    if what == "session":
        with pytest.raises(StoreError):
            pages.texts(ranges)
    else:
        pages.texts(ranges)
    assert not pages.readings.pictures("alice")


def test_parsed_pages_go_with_the_pages_of_their_snapshot(opened: Open):
    memory = filled(opened)
    pages = Pages(memory)
    pages.texts()
    parsed = pages.reader._parsed_pages
    assert parsed is not None
    assert parsed._pages
    opened(keep_turns=0, background=False).forget(turn="secret")
    pages.archive.snapshot()  # the first snapshot is in no use any more
    gc.collect()
    assert not parsed._pages
