"""Readings are kept in the process while their picture may be read, and not a moment longer."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest
from support.cached_rows import PAGE, RANGES, Pages, picture, row
from support.memories import Open
from support.page_life import RUNGS, to_rung, turns_with_secret
from support.page_ranges import filled

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.errors import StoreError
from optical_memory.pages import Layout
from optical_memory.readings import Reading
from optical_memory.recall.read_pages import PageReader
from optical_memory.recall.reading_cache import is_current, shared_readings
from optical_memory.session.archive import Archive
from optical_memory.session.token_cache import TokenCache
from optical_memory.testing import TemplateReader
from optical_memory.tokens import F16, VisualTokens

SECRET_WORD = "heron"

# ---- with a memory -------------------------------------------------------------------------------


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
    memory = filled(opened, policy=ForgettingPolicy(condense=False, floor=0.0))
    pages = Pages(memory)
    pages.texts()
    to_rung(memory, RUNGS[-1], *(page.id for page in memory.pages()))
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
