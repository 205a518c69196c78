"""The life of a page: text until it is certified, pictures that fade under a capacity, keywords,
and nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from optical_memory import ForgettingPolicy, Forgotten, OpticalMemory, Turn
from optical_memory.counting import count_tokens
from optical_memory.measure.accuracy import accuracy
from optical_memory.readings import Reading
from optical_memory.renderers.pictures import from_png
from optical_memory.session.policy import FORGOTTEN, STUB
from optical_memory.stores import Store
from optical_memory.testing import SMALL_LADDER, TemplateReader, turns_told
from optical_memory.tokens import F16, INT8

Open = Callable[..., OpticalMemory]
SECRET = "the heron sleeps under the third bridge"
RUNGS = [rung.name for rung in SMALL_LADDER]  # of 73, 43, 21 and 13 tokens
SHORT_STUBS = ForgettingPolicy(stub_tokens=10)


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    """Opens memories of one session over one store, real SQLite and real Valkey; nothing runs by
    itself.
    """
    memories: list[OpticalMemory] = []

    def open_one(**settings: Any) -> OpticalMemory:
        defaults: dict[str, Any] = {
            "reader": TemplateReader(),
            "keep_turns": 2,
            "capacity": 10**6,
            "background": False,
        }
        memories.append(OpticalMemory("alice", store=store, **defaults | settings))
        return memories[-1]

    yield open_one
    for memory in memories:
        memory._worker.stop()


def said(n: int) -> list[Turn]:
    """Turns that fill a small page each eight or so; the secret is in the fifth."""
    times = [datetime(2026, 3, 1, i % 24) for i in range(n)]
    turns = [
        Turn("user", f"Topic{i} is on shelf {i * 3}, beside the apples.", when=w)
        for i, w in enumerate(times)
    ]
    turns[4] = Turn("user", f"Between us: {SECRET}.", id="secret")
    return turns


def pictures(store: Store) -> list[str]:
    return [key for key, _ in store.scan("alice", "picture")]


def raw_bytes(store: Store) -> bytes:
    """Everything that the store keeps: the files of SQLite as they lie on the disk, the values of
    Redis.
    """
    path = getattr(store, "path", None)
    if isinstance(path, Path):
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    kinds = ("session", "turn", "page", "picture")
    return b"".join(value for kind in kinds for _, value in store.scan("alice", kind))  # type: ignore[arg-type]


# ---- sealed and certified ------------------------------------------------------------------------


def test_a_sealed_page_has_its_text_and_a_picture_at_every_rung(opened: Open, store: Store):
    memory = opened()
    memory.remember(said(20))
    assert memory.seal()
    assert set(memory.stats().pages) == {"text"}
    assert pictures(store)[:4] == sorted(f"0000000/{rung}" for rung in RUNGS)
    assert memory.read("0000000").provenance == "[page 1, original text]"


def test_the_newest_turns_stay_text(opened: Open):
    memory = opened(keep_turns=15)
    memory.remember(said(40))
    memory.flush()
    assert len(memory.archive.snapshot().open_turns()) >= 15


def test_what_is_on_a_picture_is_what_is_read_and_the_certificate_knows_where_it_is_wrong(
    opened: Open,
):
    memory = opened(
        reader=TemplateReader(misread={"large": 0.04}), policy=ForgettingPolicy(floor=0.0)
    )
    memory.remember(said(20))
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
    memory.remember(said(20))
    memory.flush()
    agreements = memory.archive.snapshot().pages["0000000"].get_certificate()
    assert agreements is not None
    assert [agreements.agreement(rung) for rung in RUNGS[:3]] == [1.0, 1.0, 1.0]
    assert 0.6 < agreements.agreement("tiny") < 0.8


def test_once_certified_no_sentence_is_in_the_store_any_more(opened: Open, store: Store):
    memory = opened()
    memory.remember(said(20))
    assert SECRET.encode() in raw_bytes(store)
    memory.flush()
    assert SECRET in " ".join(turns_told(memory)["secret"].split()), "it is read from the picture"
    kept = raw_bytes(store)
    assert SECRET.encode() not in kept
    assert b"third bridge" not in kept
    assert b"under the" not in kept
    assert b"heron" in kept, "the index keeps words"


def test_with_retain_text_it_stays(opened: Open, store: Store):
    memory = opened(retain="text")
    memory.remember(said(20))
    memory.flush()
    assert SECRET.encode() in raw_bytes(store)
    assert memory.read("0000000").provenance == "[page 1, original text]"


def test_a_page_that_its_reader_misreads_keeps_its_text(opened: Open):
    memory = opened(reader=TemplateReader(misread={"large": 0.2}))
    memory.remember(said(20))
    memory.flush()
    assert set(memory.stats().pages) == {"large"}
    assert memory.read("0000000").provenance == "[page 1, original text]"


class FailingReader(TemplateReader):
    """Loops at the coarsest rung, as decoders do."""

    def decode(self, tokens: Any, layouts: Any) -> list[Reading]:
        readings = super().decode(tokens, layouts)
        looped = tokens[0].rung == "tiny"
        return [Reading(r.text[:10], r.confidence[:10]) for r in readings] if looped else readings


def test_a_rung_that_cannot_be_read_at_all_is_never_faded_to(opened: Open):
    memory = opened(reader=FailingReader())
    memory.remember(said(20))
    memory.flush()
    memory.fade(capacity=SMALL_LADDER[2].n_tokens)
    assert "tiny" not in memory.stats().pages
    assert memory.check() == []


def test_another_revision_of_the_reader_reads_but_verifies_nothing(opened: Open):
    first = opened()
    first.remember(said(20))
    first.flush()
    other = opened(reader=TemplateReader(revision="2"))
    assert {span.status for span in other.read("0000000").spans} == {"original", "reconstructed"}
    assert other.read("0000000").text == first.read("0000000").text


def test_another_codec_verifies_nothing_either(opened: Open):
    first = opened(codec=INT8)
    first.remember(said(20))
    first.flush()
    assert first.read("0000000").share("verified") > 0
    assert opened(codec=F16).read("0000000").share("verified") == 0


# ---- fading --------------------------------------------------------------------------------------


def test_the_session_never_keeps_more_visual_tokens_than_its_capacity(opened: Open):
    memory = opened(capacity=150, policy=SHORT_STUBS)
    for turn in said(120):
        memory.remember(turn)
        memory.flush()
        assert memory.stats().visual_tokens <= 150
    assert len(memory.stats().pages) >= 3, "pages stand in bands of age"


def test_a_fade_only_deletes_pictures_and_what_is_left_is_what_was_drawn(
    opened: Open, store: Store
):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    before = dict(store.scan("alice", "picture"))
    steps = memory.fade(capacity=400)
    after = dict(store.scan("alice", "picture"))
    assert steps
    assert after.items() < before.items()
    now = {step.page: step.rung for step in steps}
    for key in before:
        page, rung = key.split("/")
        finest = now.get(page, "large")
        assert (key in after) == (finest in RUNGS and RUNGS.index(rung) >= RUNGS.index(finest))


def test_fading_lets_go_of_the_cached_tokens_of_finer_rungs(opened: Open, store: Store):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    (step, *_) = memory.fade(capacity=400)
    page = memory.archive.snapshot().pages[step.page]
    keys = [memory.pages._key(page, rung) for rung in SMALL_LADDER]
    kept = [blob is not None for blob in store.get_blobs("alice", keys)]
    first = RUNGS.index(step.rung) if step.rung in RUNGS else len(RUNGS)
    assert kept == [n >= first for n in range(len(RUNGS))]


def test_fading_again_changes_nothing(opened: Open, store: Store):
    memory = opened()
    memory.remember(said(60))
    memory.flush()
    assert memory.fade(capacity=400)
    version = store.version("alice")
    assert memory.fade(capacity=400) == []
    assert store.version("alice") == version


def test_a_faded_page_is_read_from_its_smaller_picture(opened: Open):
    memory = opened(reader=TemplateReader(misread={"small": 0.02, "tiny": 0.04}))
    memory.remember(said(60))
    memory.flush()
    fine = memory.read("0000000")
    memory.fade(capacity=200)
    faded = memory.read("0000000")
    assert faded.rung in ("small", "tiny")
    assert 0.9 < accuracy(fine.text, faded.text) < 1
    wrong = [s for s in faded.spans if fine.text[s.start : s.end] != faded.text[s.start : s.end]]
    assert wrong
    assert {span.status for span in wrong} == {"reconstructed"}


def test_exact_facts_survive_every_rung(opened: Open):
    misread = dict.fromkeys(("small", "tiny"), 0.5)
    memory = opened(reader=TemplateReader(misread=misread), policy=ForgettingPolicy(floor=0.0))
    memory.remember([Turn("user", "The gate code is AX-4417-ZQ since 2026-03-01."), *said(60)])
    memory.flush()
    memory.fade(capacity=SMALL_LADDER[2].n_tokens * 10)
    found = memory.read("0000000")
    assert found.rung in misread
    assert found.certainty < 1
    assert "AX-4417-ZQ" in found.text
    assert "2026-03-01" in found.text


def test_the_index_of_a_page_shrinks_as_it_fades(opened: Open):
    memory = opened()
    memory.remember(said(60))
    memory.flush()

    def terms() -> int:
        return sum(map(len, memory.archive.snapshot().pages["0000000"].terms.values()))

    sizes = [terms()]
    for capacity in (400, 200, 120):
        memory.fade(capacity)
        sizes.append(terms())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


# ---- stubs and nothing ---------------------------------------------------------------------------


@pytest.mark.parametrize("allowance", [5, 12])
def test_a_stub_is_keywords_and_facts_within_its_allowance(
    opened: Open, store: Store, allowance: int
):
    memory = opened(policy=ForgettingPolicy(stub_tokens=allowance))
    memory.remember(said(60))
    memory.flush()
    memory.fade(capacity=allowance * 10)
    stubs = [record for record in memory.archive.snapshot().pages.values() if record.state == STUB]
    assert stubs
    for record in stubs:
        found = memory.read(record.id)
        assert found.text.strip()
        assert 0 < found.n_tokens <= allowance
        assert found.n_tokens == count_tokens(found.text)
        assert found.provenance.endswith("faded: only keywords and exact facts remain]")
        assert not any(key.startswith(record.id) for key in pictures(store))


def test_a_stub_is_still_found_by_its_keywords(opened: Open):
    memory = opened(policy=SHORT_STUBS)
    memory.remember(said(60))
    memory.flush()
    memory.fade(capacity=110)
    stub = next(
        record for record in memory.archive.snapshot().pages.values() if record.state == STUB
    )
    (found,) = memory.recall(stub.keywords[0], k=1)
    assert found.page == stub.id


def test_a_forgotten_page_raises_and_is_listed_with_its_times_and_a_digest_that_confirms_no_guess(
    opened: Open, store: Store
):
    memory = opened()
    memory.remember(said(60))
    memory.seal()
    page = memory.archive.snapshot().pages["0000000"].get_page()
    assert page is not None
    memory.flush()
    memory.fade(capacity=0)
    with pytest.raises(Forgotten, match="0000000"):
        memory.read("0000000")
    assert set(memory.stats().pages) == {FORGOTTEN}
    first = memory.stats().forgotten[0]
    assert (first["page"], first["first"]) == ("0000000", "2026-03-01T00:00:00")
    assert first["digest"]
    assert first["digest"] not in page.digest
    assert b"apples" not in b"".join(value for _, value in store.scan("alice", "page"))
    assert memory.recall("topic7 apples", k=1)[0].rung == "open"
    assert memory.check() == []


def test_a_page_that_never_was_raises_the_same(opened: Open):
    with pytest.raises(Forgotten, match="'9'"):
        opened().read("9")


def test_with_retain_text_only_pictures_fade(opened: Open, store: Store):
    memory = opened(retain="text")
    memory.remember(said(60))
    memory.flush()
    truth = turns_told(memory)
    memory.fade(capacity=0)
    assert pictures(store) == []
    assert turns_told(memory) == truth
    assert memory.recall("topic7")[0].text == memory.read("0000000").text
    assert memory.check() == []


def test_a_picture_decodes_to_the_pixels_that_were_drawn(opened: Open):
    memory = opened()
    memory.remember(said(20))
    memory.seal()
    page = memory.archive.snapshot().pages["0000000"].get_page()
    assert page is not None
    for rung in SMALL_LADDER:
        stored = memory.archive.picture("0000000", rung.name)
        assert stored is not None
        assert (from_png(stored) == memory.renderer.draw(page, rung.side_px)).all()
