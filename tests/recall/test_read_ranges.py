"""Ranges of pages read like the whole pages, whatever form the pages have, and only the rows that
are needed are decoded.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from support.memories import Open
from support.page_life import RUNGS, SECRET, to_rung, to_stubs
from support.page_ranges import filled, page_reader_of, statuses_of

from optical_memory import ForgettingPolicy, OpticalMemory
from optical_memory.certificate import CHUNK
from optical_memory.errors import CorruptPicture, Forgotten, ReadingFailed
from optical_memory.pages import Layout, rows_of
from optical_memory.readings import UNREAD, Reading
from optical_memory.session.records import picture_key, put
from optical_memory.stores.base import Delete, Put
from optical_memory.testing import TemplateReader
from optical_memory.tokens import VisualTokens

PAGE = "0000000"
FADING = ForgettingPolicy(condense=False, floor=0.0)


def some_ranges(n_chars: int) -> list[tuple[int, int]]:
    """Ranges of all sizes, the first and the last character and an empty range among them."""
    rng = random.Random(n_chars)
    starts = [rng.randrange(n_chars) for _ in range(20)]
    ranges = [(start, min(start + rng.randrange(120), n_chars)) for start in starts]
    return [*ranges, (0, 1), (n_chars - 1, n_chars), (0, n_chars), (5, 5)]


def assert_ranges_read_like_whole_pages(memory: OpticalMemory) -> None:
    """Whole pages first, then ranges one by one, and then all together."""
    snapshot = memory._archive.snapshot()
    for id in snapshot.pages:
        whole = memory.read(id)
        statuses = statuses_of(whole.spans)
        ranges = some_ranges(len(whole.text))
        for start, end in ranges:
            (reading,) = page_reader_of(memory).read_ranges(snapshot, {id: [(start, end)]})[id]
            assert reading.text == whole.text[start:end]
            assert statuses_of(reading.spans) == statuses[start:end]
        together = page_reader_of(memory).read_ranges(snapshot, {id: ranges})[id]
        assert [r.text for r in together] == [whole.text[start:end] for start, end in ranges]
        (last, *_) = page_reader_of(memory).read_ranges(snapshot, {id: [(0, len(whole.text))]})[id]
        assert last.spans == whole.spans


@pytest.mark.parametrize("rung", RUNGS)
def test_ranges_of_certified_pages_read_like_the_whole_page_at_every_rung(opened: Open, rung: str):
    reader = TemplateReader(misread={rung: 0.05})
    memory = filled(opened, reader=reader, policy=FADING)
    if rung != RUNGS[0]:
        to_rung(memory, rung, *(page.id for page in memory.pages()))
    assert {page.rung for page in memory.pages()} == {rung}
    assert_ranges_read_like_whole_pages(memory)


def test_ranges_of_pages_with_forgotten_turns_read_like_the_whole_page(opened: Open):
    memory = filled(opened, reader=TemplateReader(misread={"large": 0.05}), policy=FADING)
    memory.forget(turn="secret")
    assert_ranges_read_like_whole_pages(memory)
    texts = [memory.read(page.id) for page in memory.pages()]
    assert any("forgotten" in statuses_of(whole.spans) for whole in texts)


def test_ranges_of_pages_whose_text_is_in_hand_are_original_and_decode_nothing(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader, retain="text")
    n_decoded = reader.calls["decoded"]
    assert_ranges_read_like_whole_pages(memory)
    assert reader.calls["decoded"] == n_decoded
    memory.forget(turn="secret")
    assert_ranges_read_like_whole_pages(memory)


def test_ranges_of_a_page_that_another_revision_certified_are_only_reconstructed(opened: Open):
    filled(opened)
    memory = opened(reader=TemplateReader(revision="2"), keep_turns=0, background=False)
    assert_ranges_read_like_whole_pages(memory)
    snapshot = memory._archive.snapshot()
    (reading,) = page_reader_of(memory).read_ranges(snapshot, {PAGE: [(4, 30)]})[PAGE]
    assert {span.status for span in reading.spans} <= {"reconstructed", "original"}


def test_ranges_of_a_stub_are_ranges_of_its_keywords_and_facts(opened: Open):
    memory = filled(opened)
    to_stubs(memory, PAGE)
    assert memory.read(PAGE).rung == "stub"
    assert_ranges_read_like_whole_pages(memory)


def test_a_range_may_reach_over_the_end_of_its_page(opened: Open):
    memory = filled(opened)
    text = memory.read(PAGE).text
    snapshot = memory._archive.snapshot()
    ranges = [(len(text) - 3, len(text) + 50), (len(text) + 5, len(text) + 9)]
    inside, outside = page_reader_of(memory).read_ranges(snapshot, {PAGE: ranges})[PAGE]
    assert inside.text == text[-3:]
    assert (outside.text, outside.spans) == ("", ())


def test_the_probability_of_a_reconstructed_part_is_that_of_its_own_characters(opened: Open):
    memory = filled(opened, reader=TemplateReader(revision="2"))
    other = opened(reader=TemplateReader(revision="3"), keep_turns=0, background=False)
    snapshot = other._archive.snapshot()
    assert memory.pages()
    (reading,) = page_reader_of(other).read_ranges(snapshot, {PAGE: [(4, 9)]})[PAGE]
    assert all(0 < span.p <= 1 for span in reading.spans)


# ---- what is decoded -----------------------------------------------------------------------------


def test_only_the_rows_of_the_range_and_of_its_checksums_are_decoded(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    snapshot = memory._archive.snapshot()
    layout = memory.inspect(PAGE).layout
    assert layout is not None
    n_lines = reader.calls["lines"]
    page_reader_of(memory).read_ranges(snapshot, {PAGE: [(CHUNK, CHUNK + 1)]})
    rows = rows_of(layout, CHUNK, 2 * CHUNK)
    assert reader.calls["lines"] - n_lines == len(rows) < len(layout.rows) / 2


def test_pages_of_one_rung_are_decoded_in_one_call(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, 60, reader=reader)
    snapshot = memory._archive.snapshot()
    ids = list(snapshot.pages)
    assert len(ids) >= 3
    n_pages = reader.calls["decoded"]
    page_reader_of(memory).read_ranges(snapshot, {id: [(0, 9), (40, 50)] for id in ids})
    assert reader.calls["decoded"] - n_pages == len(ids)


def test_rows_of_forgotten_turns_are_never_decoded(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    memory.forget(turn="secret")
    snapshot = memory._archive.snapshot()
    page = memory.inspect(PAGE)
    assert page.layout is not None
    start, end = page.erased_spans[0]
    n_lines = reader.calls["lines"]
    (reading,) = page_reader_of(memory).read_ranges(snapshot, {PAGE: [(start, end)]})[PAGE]
    assert not reading.text.strip()
    assert {span.status for span in reading.spans} == {"forgotten"}
    rows = set(rows_of(page.layout, start - start % CHUNK, end + -end % CHUNK))
    assert page.erased_rows < rows  # some neighbours share a checksum with the turn
    assert reader.calls["lines"] - n_lines == len(rows - page.erased_rows)


# ---- failures ------------------------------------------------------------------------------------


def test_pages_that_are_forgotten_or_never_were_are_refused(opened: Open):
    memory = filled(opened)
    memory.forget(page=PAGE)
    snapshot = memory._archive.snapshot()
    for id in (PAGE, "0009999"):
        with pytest.raises(Forgotten, match=id):
            page_reader_of(memory).read_ranges(snapshot, {id: [(0, 5)]})


@pytest.mark.parametrize("is_gone", [False, True], ids=["damaged", "gone"])
def test_a_picture_that_is_damaged_or_gone_costs_its_page(opened: Open, is_gone: bool):
    memory = filled(opened)
    memory.store.drop_blobs("alice")
    key = picture_key(PAGE, "large")
    change = Delete("picture", key) if is_gone else Put("picture", key, b"no picture")
    memory._archive.update(lambda _: ([change], None))
    reader = page_reader_of(memory)
    (reading,) = reader.read_ranges(memory._archive.snapshot(), {PAGE: [(0, 5)]})[PAGE]
    assert reading.is_unread
    with pytest.raises(CorruptPicture, match=PAGE):
        reader.read(memory._archive.snapshot(), PAGE)


def test_of_a_page_at_a_rung_that_the_reader_has_not_only_exact_facts_are_read(opened: Open):
    memory = filled(opened)
    record = memory.inspect(PAGE).record.model_copy(update={"rung": "gigantic"})
    memory._archive.update(lambda _: ([put(record)], None))
    readings = page_reader_of(memory).read_ranges(memory._archive.snapshot(), {PAGE: [(0, 500)]})
    (reading,) = readings[PAGE]
    assert reading.is_unread
    assert {span.status for span in reading.spans} <= {"original", "forgotten"}
    facts = memory.inspect(PAGE).ledger.spans
    for span in reading.spans:
        is_fact = any(fact.start <= span.start and span.end <= fact.end for fact in facts)
        assert span.status == "forgotten" or is_fact


class ShortReader(TemplateReader):
    """Stops in the middle of a page once it has certified it."""

    stops = False

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        readings = super().decode(tokens, layouts, lines)
        return [Reading(r.text[:9], r.confidence[:9]) for r in readings] if self.stops else readings


def test_a_reading_of_another_length_than_its_page_is_an_error(opened: Open):
    reader = ShortReader()
    memory = filled(opened, reader=reader)
    reader.stops = True
    with pytest.raises(ReadingFailed, match="9 characters"):
        page_reader_of(memory).read_ranges(memory._archive.snapshot(), {PAGE: [(0, 5)]})
    with pytest.raises(ReadingFailed, match="9 characters"):
        memory.read(PAGE)


class WholePageReader(TemplateReader):
    """Reads the whole page whatever lines it is asked for, as published models do; at the finest
    rung, nothing of it if `fails`.
    """

    fails = False

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        readings = super().decode(tokens, layouts)
        return [_unread(reading) for reading in readings] if self.fails else readings


def _unread(reading: Reading) -> Reading:
    confidence: npt.NDArray[np.float32] = np.zeros(len(reading.text), np.float32)
    return Reading(UNREAD * len(reading.text), confidence)


@pytest.mark.parametrize("fails", [False, True])
def test_a_page_that_is_read_as_a_whole_is_decoded_once(opened: Open, fails: bool):
    reader = WholePageReader()
    memory = filled(opened, reader=reader)
    reader.fails = fails
    snapshot = memory._archive.snapshot()
    pages = page_reader_of(memory)
    n_pages = reader.calls["decoded"]
    pages.read_ranges(snapshot, {PAGE: [(0, 5)]})
    pages.read_ranges(snapshot, {PAGE: [(0, 5), (200, 300)]})
    assert reader.calls["decoded"] - n_pages == 1
    assert_ranges_read_like_whole_pages(memory)


def test_whole_pages_are_read_again_each_time(opened: Open):
    reader = TemplateReader()
    memory = filled(opened, reader=reader)
    n_pages = reader.calls["decoded"]
    first = memory.read(PAGE)
    assert memory.read(PAGE) == first
    assert reader.calls["decoded"] - n_pages == 2
    assert SECRET in " ".join(first.text.split())
