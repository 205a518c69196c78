"""Sealed and certified pages: text until a page is certified, then its pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.memories import Open
from support.page_life import (
    ANY_RUNG,
    RUNGS,
    SECRET,
    picture_keys,
    raw_bytes,
    to_rung,
    turns_with_secret,
)

from optical_memory.measure.accuracy import accuracy
from optical_memory.pages import Layout
from optical_memory.readings import Reading
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import DOUBT
from optical_memory.stores import Store
from optical_memory.testing import SMALL_LADDER, TemplateReader, turn_texts
from optical_memory.tokens import F16, INT8


def test_a_sealed_page_has_its_text_and_a_picture_at_every_rung(opened: Open, store: Store):
    memory = opened()
    memory.remember(turns_with_secret(20))
    assert memory.seal()
    assert set(memory.stats().pages) == {"text"}
    assert picture_keys(store)[:4] == sorted(f"0000000/{rung}" for rung in RUNGS)
    assert memory.read("0000000").provenance == "[page 1, original text]"


def test_the_newest_turns_stay_text(opened: Open):
    memory = opened(keep_turns=15)
    memory.remember(turns_with_secret(40))
    memory.flush()
    assert len(memory._archive.snapshot().open_turns()) >= 15


def test_what_is_on_a_picture_is_what_is_read_and_the_certificate_knows_where_it_is_wrong(
    opened: Open,
):
    memory = opened(
        reader=TemplateReader(misread={"large": 0.04}),
        policy=ANY_RUNG,
    )
    memory.remember(turns_with_secret(20))
    memory.seal()
    truth = memory.read("0000000").text
    memory.flush()
    found = memory.read("0000000")
    assert 0.9 < accuracy(truth, found.text) < 1
    for span in found.spans:
        right = truth[span.start : span.end] == found.text[span.start : span.end]
        assert right == (span.status in ("original", "verified"))
    assert {span.status for span in found.spans} == {"original", "verified", "reconstructed"}


def test_the_agreement_in_the_certificate_is_what_the_reader_reached_at_each_rung(opened: Open):
    memory = opened(reader=TemplateReader(misread={"tiny": 0.3}))
    memory.remember(turns_with_secret(20))
    memory.flush()
    agreements = memory.inspect("0000000").certificate
    assert agreements is not None
    assert [agreements.agreement(rung) for rung in RUNGS[:3]] == [1.0, 1.0, 1.0]
    assert 0.6 < agreements.agreement("tiny") < 0.8


def test_once_certified_no_sentence_is_in_the_store_any_more(opened: Open, store: Store):
    memory = opened()
    memory.remember(turns_with_secret(20))
    assert SECRET.encode() in raw_bytes(store)
    memory.flush()
    assert SECRET in " ".join(turn_texts(memory)["secret"].split()), "it is read from the picture"
    kept = raw_bytes(store)
    assert SECRET.encode() not in kept
    assert b"third bridge" not in kept
    assert b"under the" not in kept
    assert b"heron" in kept, "the index keeps words"


def test_with_retain_text_it_stays(opened: Open, store: Store):
    memory = opened(retain="text")
    memory.remember(turns_with_secret(20))
    memory.flush()
    assert SECRET.encode() in raw_bytes(store)
    assert memory.read("0000000").provenance == "[page 1, original text]"


def test_a_page_that_its_reader_misreads_keeps_its_text(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.2}))
    memory.remember(turns_with_secret(20))
    memory.flush()
    assert set(memory.stats().pages) == {"large"}
    assert memory.read("0000000").provenance == "[page 1, original text]"


class FailingReader(TemplateReader):
    """Loops at the coarsest rung, as decoders do."""

    def decode(self, tokens: Any, layouts: Any, lines: Any = None) -> list[Reading]:
        readings = super().decode(tokens, layouts, lines)
        looped = tokens[0].rung == "tiny"
        return [Reading(r.text[:10], r.confidence[:10]) for r in readings] if looped else readings


def test_a_rung_that_cannot_be_read_at_all_is_never_faded_to(opened: Open):
    memory = opened(reader=FailingReader())
    memory.remember(turns_with_secret(20))
    memory.flush()
    memory.fade(capacity=SMALL_LADDER[2].n_tokens)
    assert "tiny" not in memory.stats().pages
    assert memory.check() == []


def test_another_revision_of_the_reader_reads_but_verifies_nothing(opened: Open):
    first = opened()
    first.remember(turns_with_secret(20))
    first.flush()
    other = opened(reader=TemplateReader(revision="2"))
    assert {span.status for span in other.read("0000000").spans} == {"original", "reconstructed"}
    assert other.read("0000000").text == first.read("0000000").text


def test_another_codec_verifies_nothing_either(opened: Open):
    first = opened(codec=INT8)
    first.remember(turns_with_secret(20))
    first.flush()
    assert first.read("0000000").share("verified") > 0
    assert opened(codec=F16).read("0000000").share("verified") == 0


# ---- nothing wrong is shown as sure --------------------------------------------------------------


class OtherArithmetic(TemplateReader):
    """Reads one sign of the page's fourth line otherwise, as another machine might, and is sure."""

    def decode(self, tokens: Any, layouts: Any, lines: Any = None) -> list[Reading]:
        readings = super().decode(tokens, layouts, lines)
        return [
            _with_slip(reading, layout) for reading, layout in zip(readings, layouts, strict=True)
        ]


def _with_slip(reading: Reading, layout: Layout) -> Reading:
    place = sum(row.chars + len(row.join) for row in layout.rows[:3]) + 8
    text = reading.text[:place] + "#" + reading.text[place + 1 :]
    return Reading(text, np.maximum(reading.confidence, 0.999))


def wrong_and_unmarked(page: Recollection, truth: str) -> str:
    """The wrong characters of a page that a reader of it would take for right."""
    chars = []
    for span in page.spans:
        is_marked = span.status == "forgotten" or span.p < DOUBT
        for i in range(span.start, span.end):
            if page.text[i] != truth[i] and not is_marked:
                chars.append(page.text[i])
    return "".join(chars)


@pytest.mark.parametrize("ledger", ["auto", "all"])
@pytest.mark.parametrize("reads_cells", [True, False])
def test_no_wrong_character_is_shown_without_a_mark(opened: Open, ledger: str, reads_cells: bool):
    reader = TemplateReader(misread={"large": 0.03, "tiny": 0.3}, reads_cells=reads_cells)
    memory = opened(reader=reader, ledger=ledger, policy=ANY_RUNG)
    memory.remember(turns_with_secret(60))
    memory.seal()
    truth = {page.id: memory.read(page.id).text for page in memory.pages()}
    memory.flush()
    for rung in RUNGS:
        to_rung(memory, rung, *truth)
        for id, text in truth.items():
            assert wrong_and_unmarked(memory.read(id), text) == ""


@pytest.mark.parametrize("settings", [{}, {"revision": "2"}])
def test_a_slip_that_the_certificate_did_not_see_is_marked_whoever_reads(
    opened: Open, settings: dict[str, str]
):
    first = opened()
    first.remember(turns_with_secret(20))
    first.seal()
    truth = first.read("0000000").text
    first.flush()
    page = opened(reader=OtherArithmetic(**settings)).read("0000000")
    assert page.text != truth
    assert wrong_and_unmarked(page, truth) == ""
    assert page.is_doubtful


def test_a_doubtful_sign_that_the_ledger_has_leaves_its_line_verified(opened: Open):
    reader = TemplateReader(misread={"large": 0.03}, reads_cells=True)
    memory = opened(reader=reader, policy=ANY_RUNG)
    memory.remember(turns_with_secret(20))
    memory.flush()
    page = memory.read("0000000")
    assert page.share("original", "verified") > 0.97, "what is left are the page's own marks"
    assert memory.inspect("0000000").ledger.n_tokens > 0
