"""Fading pages: smaller pictures under a capacity, then keywords, then nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memories import Open
from support.page_life import (
    ANY_RUNG,
    RUNGS,
    SHORT_STUBS,
    ledger_tokens,
    picture_keys,
    to_rung,
    to_stubs,
    turns_with_secret,
)

from optical_memory import ForgettingPolicy, Forgotten, Turn
from optical_memory.counting import count_tokens
from optical_memory.measure.accuracy import accuracy
from optical_memory.renderers.pictures import from_png
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.session.facts.stubs import KEYWORDS
from optical_memory.session.fade import page_states
from optical_memory.session.forgetting.plan import tokens_kept
from optical_memory.session.forgetting.policy import FORGOTTEN, STUB
from optical_memory.stores import Store
from optical_memory.testing import SMALL_GRID, SMALL_LADDER, TemplateReader, turn_texts

# ---- fading --------------------------------------------------------------------------------------


def test_the_session_never_keeps_more_visual_tokens_than_its_capacity(opened: Open):
    memory = opened(capacity=600, policy=SHORT_STUBS)
    for turn in turns_with_secret(120):
        memory.remember(turn)
        memory.flush()
        states = page_states(memory._archive.snapshot())
        assert memory.stats().visual_tokens <= tokens_kept(states, SHORT_STUBS, SMALL_LADDER) <= 600
    assert len(memory.stats().pages) >= 3, "pages stand in bands"


def test_a_fade_only_deletes_pictures_and_what_is_left_is_what_was_drawn(
    opened: Open, store: Store
):
    memory = opened()
    memory.remember(turns_with_secret(60))
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
    memory.remember(turns_with_secret(60))
    memory.flush()
    (step, *_) = memory.fade(capacity=400)
    page = memory._archive.snapshot().pages[step.page]
    keys = [memory._cache._key(page, rung) for rung in SMALL_LADDER]
    kept = [blob is not None for blob in store.get_blobs("alice", keys)]
    first = RUNGS.index(step.rung) if step.rung in RUNGS else len(RUNGS)
    assert kept == [n >= first for n in range(len(RUNGS))]


def test_fading_again_changes_nothing(opened: Open, store: Store):
    memory = opened()
    memory.remember(turns_with_secret(60))
    memory.flush()
    assert memory.fade(capacity=400)
    version = store.version("alice")
    assert memory.fade(capacity=400) == []
    assert store.version("alice") == version


def test_a_faded_page_is_read_from_its_smaller_picture(opened: Open):
    memory = opened(reader=TemplateReader(misread={"small": 0.02, "tiny": 0.04}))
    memory.remember(turns_with_secret(60))
    memory.flush()
    fine = memory.read("0000000")
    memory.fade(capacity=200 + ledger_tokens(memory))
    faded = memory.read("0000000")
    assert faded.rung in ("small", "tiny")
    assert 0.9 < accuracy(fine.text, faded.text) < 1
    wrong = [s for s in faded.spans if fine.text[s.start : s.end] != faded.text[s.start : s.end]]
    assert wrong
    assert {span.status for span in wrong} == {"reconstructed"}


def test_exact_facts_survive_every_rung(opened: Open):
    misread = dict.fromkeys(("small", "tiny"), 0.5)
    memory = opened(reader=TemplateReader(misread=misread), policy=ANY_RUNG)
    memory.remember(
        [Turn("user", "The gate code is AX-4417-ZQ since 2026-03-01."), *turns_with_secret(60)]
    )
    memory.flush()
    for rung in misread:
        to_rung(memory, rung, "0000000")
        found = memory.read("0000000")
        assert found.rung == rung
        assert found.certainty < 1
        assert "AX-4417-ZQ" in found.text
        assert "2026-03-01" in found.text


def test_the_index_of_a_page_stays_whole_until_it_is_a_stub(opened: Open, store: Store):
    memory = opened(policy=replace(SHORT_STUBS, stub_share=0.9))
    memory.remember(turns_with_secret(60))
    memory.flush()
    index = dict(store.scan("alice", "index"))
    terms = memory.inspect("0000000").record.terms
    assert terms["4"]
    for rung in RUNGS[1:]:
        to_rung(memory, rung, "0000000")
        assert memory.inspect("0000000").record.rung == rung
        assert memory.inspect("0000000").record.terms == terms
        assert dict(store.scan("alice", "index")) == index
        for word in ("heron", "third", "bridge", "sleeping"):
            assert memory.recall(word, k=1)[0].turns == ("secret",)
    to_stubs(memory, "0000000")
    assert dict(store.scan("alice", "index")) != index
    n_terms = sum(map(len, terms.values()))
    assert sum(map(len, memory.inspect("0000000").record.terms.values())) < n_terms


def test_the_plan_sees_what_is_kept_beside_a_page_and_how_much_it_tells(opened: Open):
    memory = opened()
    memory.remember(
        [Turn("user", "Codes AX-4417-ZQ and BY-9 since 2026-03-01."), *turns_with_secret(60)]
    )
    memory.flush()
    snapshot = memory._archive.snapshot()
    for page, cheap in zip(
        page_states(snapshot), page_states(snapshot, with_costs=False), strict=True
    ):
        record = snapshot.pages[page.page]
        assert page.n_ledger_tokens == memory.inspect(page.page).ledger.n_tokens
        words = {word for counts in record.terms.values() for word in counts}
        assert page.n_facts == len({word for word in words if any(map(str.isdigit, word))}) > 0
        assert cheap == replace(page, n_ledger_tokens=0)


# ---- stubs and nothing ---------------------------------------------------------------------------


@pytest.mark.parametrize("allowance", [5, 12])
def test_a_stub_is_keywords_and_facts_within_its_allowance(
    opened: Open, store: Store, allowance: int
):
    memory = opened(policy=ForgettingPolicy(condense=False, stub_tokens=allowance, stub_share=0.9))
    memory.remember(turns_with_secret(60))
    memory.flush()
    memory.fade(capacity=allowance * 10)
    stubs = [record for record in memory._archive.snapshot().pages.values() if record.state == STUB]
    assert stubs
    for record in stubs:
        found = memory.read(record.id)
        assert found.text.strip()
        assert 0 < found.n_tokens <= allowance
        assert found.n_tokens == count_tokens(found.text)
        assert found.provenance.endswith("faded: only keywords and exact facts remain]")
        assert not any(key.startswith(record.id) for key in picture_keys(store))


def test_a_stub_has_sixteen_keywords_if_they_fit(opened: Open):
    memory = opened(policy=ForgettingPolicy(condense=False, stub_tokens=200))
    memory.remember(
        [Turn("user", "Harbours, pilots, herons and bridges of Topic 7."), *turns_with_secret(60)]
    )
    memory.flush()
    to_stubs(memory, "0000000")
    assert len(memory.inspect("0000000").record.keywords) == KEYWORDS == 16


def test_a_stub_keeps_an_identifier_before_shorter_code(opened: Open):
    memory = opened(policy=ForgettingPolicy(condense=False, stub_tokens=18))  # room for one of them
    prose = Turn("user", "The apples are beside the pears, and nobody counts them.")
    facts = Turn("user", "Run `x` now, ticket HB-4417-QQ, then `y` twice.")
    memory.remember([facts, *[prose] * 40])
    memory.flush()
    to_stubs(memory, "0000000")
    ledger = memory.inspect("0000000").ledger
    assert [(span.kind, span.text) for span in ledger.spans] == [("identifier", "HB-4417-QQ")]


def test_a_stub_is_still_found_by_its_keywords(opened: Open):
    memory = opened(policy=replace(SHORT_STUBS, stub_share=0.9))
    memory.remember(turns_with_secret(60))
    memory.flush()
    memory.fade(capacity=110)
    stub = next(
        record for record in memory._archive.snapshot().pages.values() if record.state == STUB
    )
    passages = memory.recall(stub.keywords[0], k=60)
    (found,) = [passage for passage in passages if passage.page == stub.id]
    assert found.text == memory.read(stub.id).text.rstrip()


def test_a_forgotten_page_raises_and_is_listed_with_its_times_and_a_digest_that_confirms_no_guess(
    opened: Open, store: Store
):
    memory = opened()
    memory.remember(turns_with_secret(60))
    memory.seal()
    page = memory.inspect("0000000").page
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
    memory.remember(turns_with_secret(60))
    memory.flush()
    truth = turn_texts(memory)
    memory.fade(capacity=0)
    assert picture_keys(store) == []
    assert turn_texts(memory) == truth
    assert memory.recall("topic7")[0].text == turns_with_secret(60)[7].text
    assert memory.recall("topic7")[0].text in memory.read("0000000").text
    assert memory.check() == []


def test_a_picture_decodes_to_the_pixels_that_were_drawn(opened: Open):
    memory = opened()
    memory.remember(turns_with_secret(20))
    memory.seal()
    page = memory.inspect("0000000").page
    assert page is not None
    for rung in SMALL_LADDER:
        stored = memory.picture("0000000", rung.name)
        assert stored is not None
        assert (from_png(stored) == PageRenderer(SMALL_GRID).draw(page, rung.side_px)).all()
