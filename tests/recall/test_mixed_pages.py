"""Ranges of pages of all forms, whatever was read of them before, and whatever becomes of them
meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.memories import Open, memories
from support.page_life import SECRET, to_rung, to_stubs, turns_with_secret
from support.page_ranges import page_reader_of, statuses_of

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.errors import SessionLost, StoreError
from optical_memory.pages import Layout
from optical_memory.readings import Reading
from optical_memory.recall import reading_cache
from optical_memory.recall.read_pages import PageReader, RangeReading
from optical_memory.recall.reading_cache import Picture, is_current
from optical_memory.recall.recollection import Recollection
from optical_memory.session.records import picture_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.base import Put
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.tokens import VisualTokens

MISREAD = {"large": 0.02, "base": 0.05, "small": 0.1, "tiny": 0.15}
PAGE = "0000000"
"""The first page, on which the secret is."""

FADING = ForgettingPolicy(condense=False, floor=0.0)
"""Pages fade to every rung, however badly they are read there."""


@pytest.fixture
def opened(file_url: str) -> Iterator[Open]:
    """Opens memories of one session in a file, which do nothing by themselves."""
    with memories(store=file_url, background=False, keep_turns=0) as open_memory:
        yield open_memory


def filled(memory: OpticalMemory) -> OpticalMemory:
    """The memory with some certified pages."""
    memory.remember(turns_with_secret(40))
    memory.flush()
    return memory


def read(
    memory: OpticalMemory, page_reader: PageReader, page: str, *ranges: tuple[int, int]
) -> list[RangeReading]:
    snapshot = memory._archive.snapshot()
    return page_reader.read_ranges(snapshot, {page: ranges})[page]


def kept_text(page_reader: PageReader) -> str:
    """All text that the readings of the session tell."""
    readings = page_reader._readings
    texts: list[str] = []
    for picture in readings.pictures("alice"):
        texts += [row.text for row in readings.rows(picture).values()]
    return " ".join(" ".join(texts).split())


def place_of_secret(memory: OpticalMemory) -> tuple[int, int]:
    layout = memory.inspect(PAGE).layout
    assert layout is not None
    (span,) = [span for span in layout.spans if span.turn == "secret"]
    return span.start, span.end


def assert_part_of(reading: RangeReading, page: Recollection, start: int, end: int) -> None:
    assert reading.text == page.text[start:end]
    assert statuses_of(reading.spans) == statuses_of(page.spans)[start:end]


# ---- as the whole page ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """Pages at some rungs and in text, a stub, and a forgotten turn on the first page."""
    file = tmp_path_factory.mktemp("ranges") / "memory.db"
    with memories(store=f"sqlite:///{file}", background=False, keep_turns=0) as open_memory:
        memory = open_memory(reader=TemplateReader(misread=MISREAD), policy=FADING)
        memory.remember(turns_with_secret(70))
        memory.flush()
        memory.forget(turn="secret")
        pages = [page.id for page in memory.pages()]
        to_rung(memory, "small", *pages[:3])
        to_rung(memory, "base", *pages[3:6])
        to_stubs(memory, "0000001")
        memory.remember([turn for turn in turns_with_secret(95)[70:] if turn.id is None])
        memory.seal()
        yield memory


def readable_pages(memory: OpticalMemory) -> list[str]:
    return [page.id for page in memory.pages() if page.form != "forgotten"]


def test_the_pages_to_compare_have_many_forms(mixed_memory: OpticalMemory):
    forms = {page.form for page in mixed_memory.pages()}
    assert forms >= {"text", "stub"}
    assert len(forms & set(SMALL_LADDER.names)) >= 2
    statuses: set[str] = set()
    for page in readable_pages(mixed_memory):
        statuses.update(statuses_of(mixed_memory.read(page).spans))
    assert statuses == {"original", "verified", "reconstructed", "forgotten"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_ranges_read_as_the_whole_page_whatever_was_read_before(
    mixed_memory: OpticalMemory, data: st.DataObject
):
    page_reader = page_reader_of(mixed_memory)
    page = data.draw(st.sampled_from(readable_pages(mixed_memory)))
    whole = mixed_memory.read(page)
    for _ in range(3):
        offsets = st.integers(0, len(whole.text))
        pairs = data.draw(st.lists(st.tuples(offsets, offsets), max_size=4))
        ranges = [(min(pair), max(pair)) for pair in pairs]
        readings = read(mixed_memory, page_reader, page, *ranges)
        for reading, (start, end) in zip(readings, ranges, strict=True):
            assert_part_of(reading, whole, start, end)


def test_ranges_of_pages_of_all_forms_are_read_at_once(mixed_memory: OpticalMemory):
    ranges = {page: [(0, 90), (30, 300), (600, 640)] for page in readable_pages(mixed_memory)}
    snapshot = mixed_memory._archive.snapshot()
    readings = page_reader_of(mixed_memory).read_ranges(snapshot, ranges)
    assert list(readings) == list(ranges)
    for page, page_ranges in ranges.items():
        whole = mixed_memory.read(page)
        for reading, (start, end) in zip(readings[page], page_ranges, strict=True):
            assert_part_of(reading, whole, start, end)


def test_threads_may_share_a_page_reader(opened: Open):
    memory = filled(opened(reader=TemplateReader(misread=MISREAD)))
    page_reader = page_reader_of(memory)
    texts = {page.id: memory.read(page.id).text for page in memory.pages()}

    def work(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(20):
            page = list(texts)[random.integers(len(texts))]
            start = int(random.integers(400))
            (reading,) = read(memory, page_reader, page, (start, start + 80))
            assert reading.text == texts[page][start : start + 80]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


def test_rows_that_are_kept_are_read_although_the_picture_was_damaged_since(opened: Open):
    memory = filled(opened())
    page_reader = page_reader_of(memory)
    first = read(memory, page_reader, PAGE, (0, 50))
    damaged = Put("picture", picture_key(PAGE, "large"), b"no picture")
    memory._archive.update(lambda _: ([damaged], None))
    memory.store.drop_blobs("alice")
    assert read(memory, page_reader, PAGE, (0, 50)) == first


# ---- nothing outlives its picture ----------------------------------------------------------------

Change = Callable[[OpticalMemory], None]


def forget_turn(memory: OpticalMemory) -> None:
    memory.forget(turn="secret")


def forget_page(memory: OpticalMemory) -> None:
    memory.forget(page=PAGE)


def forget_session(memory: OpticalMemory) -> None:
    memory.forget(session=True)


def make_stub(memory: OpticalMemory) -> None:
    to_stubs(memory, PAGE)


changes = pytest.mark.parametrize(
    "change",
    [forget_turn, forget_page, forget_session, make_stub],
    ids=lambda change: change.__name__,
)


@changes
@pytest.mark.parametrize("pages", [[], ["0000001"]], ids=["nothing", "another page"])
def test_what_another_process_forgets_goes_at_the_next_reading(
    opened: Open, change: Change, pages: list[str]
):
    memory = filled(opened())
    page_reader = page_reader_of(memory)
    read(memory, page_reader, PAGE, place_of_secret(memory))
    assert SECRET in kept_text(page_reader)
    change(opened())
    with contextlib.suppress(SessionLost):
        memory._archive.snapshot()  # says once that the session is gone
    snapshot = memory._archive.snapshot()
    page_reader.read_ranges(snapshot, {page: [(0, 10)] for page in pages if page in snapshot.pages})
    assert "heron" not in kept_text(page_reader)


class InterruptedReader(TemplateReader):
    """Something happens while it reads pages."""

    meanwhile: Callable[[], None] | None = None

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        readings = super().decode(tokens, layouts, lines)
        if self.meanwhile is not None:
            self.meanwhile()
        return readings


@changes
def test_what_goes_while_it_is_read_is_not_kept(opened: Open, change: Change):
    reader = InterruptedReader()
    memory = filled(opened(reader=reader))
    page_reader = page_reader_of(memory)
    place = place_of_secret(memory)
    other = opened()
    reader.meanwhile = lambda: change(other)
    with contextlib.suppress(SessionLost):
        read(memory, page_reader, PAGE, place)
    assert kept_text(page_reader) == ""


def test_an_old_snapshot_leaves_no_reading(opened: Open):
    memory = filled(opened())
    page_reader = page_reader_of(memory)
    place = place_of_secret(memory)
    old_snapshot = memory._archive.snapshot()
    memory.forget(turn="secret")
    with contextlib.suppress(StoreError):
        page_reader.read_ranges(old_snapshot, {PAGE: [place]})
    assert "heron" not in kept_text(page_reader)


def test_only_records_that_changed_are_looked_into(opened: Open, monkeypatch: pytest.MonkeyPatch):
    memory = filled(opened())
    page_reader = page_reader_of(memory)
    read(memory, page_reader, PAGE, (0, 50))
    read(memory, page_reader, "0000001", (0, 50))
    pages: list[str] = []

    def noted(picture: Picture, snapshot: Snapshot) -> bool:
        pages.append(picture.page)
        return is_current(picture, snapshot)

    monkeypatch.setattr(reading_cache, "is_current", noted)
    memory.forget(turn="secret")
    page_reader.read_ranges(memory._archive.snapshot(), {})
    assert pages == [PAGE]
    assert [p.page for p in page_reader._readings.pictures("alice")] == ["0000001"]
