"""Condensed pages go on: they are forgotten, fade, are superseded and exported like others, and a
crash or another process in between leaves a session that reads.
"""

from __future__ import annotations

from pathlib import Path

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
from support.index_keys import hashes, stored_keys
from support.memories import Open

from optical_memory import Forgotten, OpticalMemory, Turn
from optical_memory.stores import Store


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
