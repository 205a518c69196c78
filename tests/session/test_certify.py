"""Sealed and certified pages: text until a page is certified, then its pictures."""

from __future__ import annotations

from typing import Any

from support.memories import Open
from support.page_life import RUNGS, SECRET, picture_keys, raw_bytes, turns_with_secret

from optical_memory import ForgettingPolicy
from optical_memory.measure.accuracy import accuracy
from optical_memory.readings import Reading
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
        reader=TemplateReader(misread={"large": 0.04}), policy=ForgettingPolicy(floor=0.0)
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
