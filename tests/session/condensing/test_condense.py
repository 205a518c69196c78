"""A run of pages becomes one page: what is kept reads word for word, and all else is as if
forgotten with its page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.condensed_pages import (
    CONDENSING,
    condensed,
    exact_reader,
    quarter,
    sentences,
    talk,
)
from support.index_keys import drop_index, hashes, stored_keys
from support.memories import Open, memories
from support.page_life import picture_keys

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.session.index_records import IndexDraft
from optical_memory.session.records import PageRecord, load_record
from optical_memory.stores import Store
from optical_memory.turns import body

N_TURNS = 120


@pytest.fixture
def opened(store: Store) -> Iterator[Open]:
    common = {"store": store, "keep_turns": 0, "background": False, "capacity": None}
    with memories(**common, policy=CONDENSING) as open_memory:
        yield lambda **settings: open_memory(**{"reader": exact_reader()} | settings)


def filled(opened: Open, n: int = N_TURNS, **settings: object) -> OpticalMemory:
    memory = opened(**settings)
    memory.remember(talk(n))
    memory.flush()
    return memory


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    memory = filled(opened)
    memory.fade(quarter(memory))
    return memory


def turn_bodies(memory: OpticalMemory) -> dict[str, str]:
    """What is left of each turn on pages, by the host's id."""
    texts: dict[str, str] = {}
    for page in memory.pages():
        layout = memory.inspect(page.id).layout
        for span in layout.spans if layout is not None else ():
            text = memory.read(page.id).text[span.body : span.end]
            texts[span.turn] = texts.get(span.turn, "") + text
    return texts


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


# ---- afterwards ----------------------------------------------------------------------------------


def test_a_turn_on_a_condensed_page_is_forgotten_for_good(
    memory: OpticalMemory, store: Store
) -> None:
    assert memory.forget(turn="m9") == 1
    assert memory.check() == []
    assert not any("QX1333" in p.text for p in memory.recall("QX1333", 200))
    own_words = hashes(memory, "QX1333") - hashes(memory, "QX1000")
    assert own_words
    assert not own_words & stored_keys(store)
    assert not any(b"QX1333" in value for _, value in store.scan("alice", "page"))
    assert "QX1000" in memory.recall("locker QX1000", 1)[0].text
    with pytest.raises(Forgotten):
        memory.forget(turn="m9")


def test_a_condensed_page_is_forgotten_with_all_that_went_into_it(memory: OpticalMemory) -> None:
    page = condensed(memory)[0]
    into = [other.id for other in memory.pages() if other.into == page.id]
    memory.forget(page=page.id)
    forms = {other.id: other.form for other in memory.pages()}
    assert {forms[id] for id in [page.id, *into]} == {"forgotten"}
    assert len(memory.stats().forgotten) == 1 + len(into)
    assert memory.check() == []
    assert not any("QX1000" in p.text for p in memory.recall("QX1000", 200))
    with pytest.raises(Forgotten):
        memory.forget(page=into[0])


def test_a_condensed_page_fades_to_nothing_with_all_that_went_into_it(
    memory: OpticalMemory,
) -> None:
    memory.fade(0)
    assert {page.form for page in memory.pages()} == {"forgotten"}
    assert len(memory.stats().forgotten) == len(memory.pages())
    assert memory.check() == []


def test_a_turn_on_a_condensed_page_may_be_superseded(memory: OpticalMemory) -> None:
    memory.remember(Turn("user", "The parcel zero is with the neighbour.", id="new"))
    memory.supersede("m0", by="new")
    texts = [passage.text for passage in memory.recall("parcel locker QX1000", 1)]
    assert texts == ["The parcel zero is with the neighbour."]
    assert memory.check() == []


def test_export_and_restore_keep_it(memory: OpticalMemory, tmp_path: Path) -> None:
    memory.export(tmp_path / "a.zip")
    url = f"sqlite:///{tmp_path}/b.db"
    with OpticalMemory.restore(
        tmp_path / "a.zip", store=url, reader=exact_reader(), background=False
    ) as other:
        assert other.pages() == memory.pages()
        assert turn_bodies(other) == turn_bodies(memory)
        assert other.check() == []


# ---- crashes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_commits", [0, 1, 2, 3, 5, 8])
def test_a_crash_between_commits_leaves_a_session_that_reads_and_goes_on(
    opened: Open, store: Store, monkeypatch: pytest.MonkeyPatch, n_commits: int
) -> None:
    memory = filled(opened)
    commit = store.commit
    budget = [n_commits]

    def dying(*args: object, **settings: object) -> object:
        if not budget[0]:
            raise KeyboardInterrupt
        budget[0] -= 1
        return commit(*args, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "commit", dying)
    with pytest.raises(KeyboardInterrupt):
        memory.fade(quarter(memory))
    monkeypatch.undo()
    other = opened(capacity=quarter(memory))
    assert other.check() == []
    said = {turn.id: sentences(turn.text) for turn in talk(N_TURNS)}
    for id, text in turn_bodies(other).items():
        assert set(sentences(text)) <= set(said[id])
    other.flush()
    other.fade()
    assert other.stats().visual_tokens <= other.capacity
    assert other.check() == []
    for i in (0, 9, 45):
        assert f"QX{1000 + i * 37}" in other.recall(f"locker QX{1000 + i * 37}", 1)[0].text
    assert other.stats().forgotten == []


def test_a_turn_forgotten_while_its_pages_are_read_is_not_kept(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = filled(opened)
    other = opened()
    condenser = memory._upkeep._condenser
    assert condenser is not None
    read = condenser.read_page
    budget = [3]

    def forgetting(snapshot: object, page: str) -> object:
        text = read(snapshot, page)  # type: ignore[arg-type]
        budget[0] -= 1
        if budget[0] == 0:
            other.forget(turn="m0")
        return text

    monkeypatch.setattr(condenser, "read_page", forgetting)
    memory.fade(quarter(memory))
    assert memory.check() == []
    assert not any("QX1000" in p.text for p in memory.recall("QX1000", 200))
