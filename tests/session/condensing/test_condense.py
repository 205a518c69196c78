"""A run of pages becomes one page: what is kept reads word for word, and all else is as if
forgotten with its page.
"""

from __future__ import annotations

import logging

import pytest
from support.condensed_pages import (
    N_TURNS,
    condensed,
    exact_reader,
    filled,
    quarter,
    sentences,
    talk,
    turn_bodies,
)
from support.index_keys import drop_index, hashes, stored_keys
from support.memories import Open
from support.page_life import picture_keys

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import PageRecord, load_record
from optical_memory.stores import Store
from optical_memory.turns import body


def test_the_pages_fit_and_each_is_in_one_place(memory: OpticalMemory) -> None:
    pages = memory.pages()
    assert memory.stats().visual_tokens <= quarter(memory)
    assert memory.check() == []
    assert {page.form for page in pages} == {"tiny", "condensed"}
    homes = {page.id for page in condensed(memory)}
    assert {page.into for page in pages if page.form == "condensed"} <= homes
    assert sum(page.n_pages for page in pages if page.form == "tiny") == len(pages)
    assert memory.stats().forgotten == []
    assert memory.stats().pages["condensed"] == sum(page.form == "condensed" for page in pages)


def test_every_kept_sentence_was_said_in_its_turn_and_is_sure(memory: OpticalMemory) -> None:
    said = {turn.id: sentences(turn.text) for turn in talk(N_TURNS)}
    open_turns = {turn.id for turn in memory._archive.snapshot().open_turns()}
    left = turn_bodies(memory)
    assert len(left) > 20
    for id, text in left.items():
        if id in open_turns:
            continue  # a part of it is still text
        kept = sentences(text)
        assert kept
        assert kept == [sentence for sentence in said[id] if sentence in kept]
    for page in condensed(memory):
        assert {span.status for span in memory.read(page.id).spans} <= {"verified", "original"}


@pytest.mark.parametrize("i", [0, 9, 45, 99])
def test_a_fact_of_any_age_is_found_word_for_word(memory: OpticalMemory, i: int) -> None:
    fact = f"The parcel {i} waits in locker QX{1000 + i * 37}."
    passages = memory.recall(f"locker QX{1000 + i * 37}", 1)
    assert fact in passages[0].text
    assert passages[0].turns == (f"m{i}",)
    (part,) = passages[0].parts
    assert (part.role, part.name, part.when) == (
        talk(1, i)[0].role,
        talk(1, i)[0].name,
        talk(1, i)[0].when,
    )


def test_every_unit_of_the_index_stands_where_it_says(memory: OpticalMemory) -> None:
    """By position in the turn's body: later offsets have moved with what was cut."""
    snapshot = memory._archive.snapshot()
    draft = IndexDraft(snapshot)
    left = turn_bodies(memory)
    for record in snapshot.turns.values():
        text = left.get(record.id, "")
        units = draft.units_of(record.ordinal)
        if record.text is None:
            assert "".join(text[start:end] for start, end in units) == text
    for unit_text in list(left.values())[:20]:
        assert any(unit_text.strip() in p.text for p in memory.recall(unit_text, 40))


def test_what_is_not_kept_is_in_no_record(memory: OpticalMemory, store: Store) -> None:
    gone = [page.id for page in memory.pages() if page.form == "condensed"]
    assert gone
    for id in gone:
        record = load_record(PageRecord, dict(store.scan("alice", "page"))[id])
        assert (record.digest, record.lines, record.terms, record.layout) == ("", None, {}, None)
        with pytest.raises(Forgotten):
            memory.read(id)
    assert {key.split("/")[0] for key in picture_keys(store)}.isdisjoint(gone)


def test_a_record_says_the_new_schema_only_if_it_uses_it(memory: OpticalMemory) -> None:
    for record in memory._archive.snapshot().pages.values():
        assert record.v == (5 if record.n_pages > 1 or record.into else 1)


def test_without_an_index_the_same_words_are_found(
    memory: OpticalMemory, opened: Open, store: Store
) -> None:
    keys = stored_keys(store)
    drop_index(store)
    memory = opened()
    memory.remember(Turn("user", "We talk of this and that again."))
    rebuilt = stored_keys(store)
    assert not hashes(memory, "QX1000") - rebuilt
    assert {key for key in keys - rebuilt if key in hashes(memory, "QX1000 locker parcel")} == set()


def test_condensing_goes_on_as_the_session_grows(opened: Open) -> None:
    memory = opened(capacity=200)
    for first in range(0, 240, 24):
        memory.remember(talk(24, first))
        memory.flush()
        assert memory.stats().visual_tokens <= 200
    pages = memory.pages()
    assert max(page.n_pages for page in pages) > 2
    assert {page.into for page in pages if page.into} <= {page.id for page in condensed(memory)}
    assert sum(page.n_pages for page in pages if page.rung) == sum(
        page.form != "text" for page in pages
    )
    assert memory.check() == []
    assert "locker QX1000" in memory.recall("locker QX1000", 1)[0].text
    said = {turn.id: sentences(turn.text) for turn in talk(240)}
    for id, text in turn_bodies(memory).items():
        assert set(sentences(text)) <= set(said[id])


def test_a_turn_that_crosses_the_run_keeps_what_other_pages_have(opened: Open) -> None:
    memory = opened()
    long_text = " ".join(f"Line {i} of the report says R{i * 7} and more." for i in range(60))
    memory.remember([*talk(20), Turn("user", long_text, id="long"), *talk(40, 20)])
    memory.flush()
    pages = [page.id for page in memory.pages()]
    for capacity in range(len(pages) * 13 - 13, 40, -26):
        memory.fade(capacity)
        assert memory.check() == []
        left = turn_bodies(memory)
        # At a border a sentence may lose a part; whole sentences are in their order.
        kept = [s for s in sentences(left.get("long", "")) if s in sentences(long_text)]
        assert kept == [s for s in sentences(long_text) if s in kept]
        for passage in memory.recall("Line of the report says", 20):
            for part in passage.parts:
                text = passage.text[part.start : part.end]
                source = long_text if part.id == "long" else ""
                assert not source or all(s.strip() in source for s in sentences(text))


# ---- before and beside ---------------------------------------------------------------------------


def test_the_preview_counts_the_pages_and_says_that_it_loses(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    memory = filled(opened)
    preview = memory.plan(quarter(memory))
    assert preview.loses
    assert preview.n_condensed == sum(step.into is not None for step in preview.steps) > 0
    assert (preview.n_stubs, preview.n_forgotten) == (0, 0)
    assert memory.stats().pages.get("condensed") is None
    with caplog.at_level(logging.WARNING, "optical_memory"):
        assert tuple(memory.fade(quarter(memory))) == preview.steps
    assert "best sentences" in caplog.text
    assert memory.fade(quarter(memory)) == []


def test_with_its_text_no_page_is_condensed(opened: Open) -> None:
    memory = filled(opened, retain="text")
    memory.fade(quarter(memory))
    assert condensed(memory) == []
    assert body(talk(1)[0]) in memory.recall("QX1000", 1)[0].text


def test_pages_that_are_not_read_for_sure_are_left_to_the_plan_without_condensing(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    memory = filled(opened)
    capacity = quarter(memory)
    other = opened(reader=exact_reader(revision="2"))
    other.fade(capacity)
    assert condensed(other) == []
    assert "cannot be condensed" in caplog.text
    assert other.stats().visual_tokens <= capacity
    assert other.check() == []


def test_superseded_and_forgotten_turns_are_left_out(opened: Open) -> None:
    memory = filled(opened)
    memory.remember([Turn("user", "The parcel 9 waits in locker ZZ99.", id="m9")])
    memory.forget(turn="m18")
    memory.fade(quarter(memory))
    left = turn_bodies(memory)
    assert "m9" not in left
    assert not left.get("m18", "").strip()
    assert not any("QX1333" in text or "QX1666" in text for text in left.values())
    assert "QX1000" in left["m0"]


def test_a_superseded_turn_answers_nothing_if_nothing_is_left_of_the_turn_in_its_place(
    opened: Open,
) -> None:
    memory = filled(opened)
    memory.remember(Turn("user", "The radio is in the attic.", id="m200"))
    memory.supersede("m200", by="m1")
    memory.fade(0)
    assert not any("radio" in passage.text for passage in memory.recall("radio attic", 3))


def test_an_older_version_whose_text_was_condensed_away_can_be_said_again(opened: Open) -> None:
    memory = filled(opened)
    old = talk(10)[9]
    memory.remember([Turn("user", "The parcel 9 waits in locker ZZ99.", id="m9")])
    memory.fade(quarter(memory))
    memory.remember([old])
    assert "QX1333" in memory.recall("locker QX1333", 1)[0].text
    assert memory.check() == []
