"""An erasure that another process overtakes: what was remembered meanwhile stays, and every erasure
is finished.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.memories import Open
from support.secret_turn import assert_no_trace, on_page_with_secret, said

from optical_memory import OpticalMemory, Turn
from optical_memory.session.erasing.mark import finish_erasing
from optical_memory.session.records import picture_key
from optical_memory.stores import Delete
from optical_memory.testing import turn_texts


def before_call(
    memory: OpticalMemory, call: str, act: Callable[[], object], patch: pytest.MonkeyPatch
) -> None:
    """Let another process do something before the memory's next call of this kind."""
    method = getattr(memory.store, call)

    def overtaken(*arguments: Any, **options: Any) -> Any:
        patch.setattr(memory.store, call, method)
        act()
        return method(*arguments, **options)

    patch.setattr(memory.store, call, overtaken)


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    memory = opened()
    memory.remember(said())
    memory.flush()
    return memory


def test_what_is_remembered_while_a_turn_is_erased_keeps_its_place(
    opened: Open, memory: OpticalMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = opened(store=memory.store)
    new = Turn("user", "The boat leaves at nine.", id="boat")
    monkeypatch.setattr(
        "optical_memory.session.index_records.SMALL_UNITS", 8
    )  # as in a long session
    before_call(memory, "get", lambda: other.remember(new), monkeypatch)
    memory.forget(turn="m5")
    memory.remember(Turn("user", "And it comes back at ten.", id="back"))
    assert turn_texts(memory)["boat"] == new.text
    assert memory.check() == []


def test_an_erasure_of_another_process_keeps_its_mark(
    opened: Open, url: str, memory: OpticalMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = opened(store=memory.store)
    page = memory._archive.snapshot().pages[on_page_with_secret(memory)]
    keys = [memory._cache._key(page, rung) for rung in memory.reader.profile.ladder]

    def erase_and_die() -> None:
        """Erase the records; the process ends before its cached tokens are dropped."""
        memory.read(page.id)
        assert any(memory.store.get_blobs("alice", keys))
        with monkeypatch.context() as patch:
            patch.setattr("optical_memory.session.erasing.forget.finish_erasing", lambda _: None)
            other.forget(turn="m5")

    real_drop = memory.store.drop_blobs

    def drop(session: str, keys: Any = None) -> None:
        real_drop(session, keys)
        monkeypatch.setattr(memory.store, "drop_blobs", real_drop)
        erase_and_die()

    monkeypatch.setattr(memory.store, "drop_blobs", drop)
    finish_erasing(memory._archive)
    assert memory.check() == []
    assert not any(memory.store.get_blobs("alice", keys))
    assert_no_trace(url)


def test_a_repair_does_not_bring_back_what_another_process_erases_meanwhile(
    opened: Open, url: str, memory: OpticalMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = opened(store=memory.store)
    page = on_page_with_secret(memory)
    memory.store.commit("alice", [Delete("picture", picture_key(page, "large"))])
    before_call(memory, "commit", lambda: other.forget(turn="m5"), monkeypatch)
    assert any("lacks its pictures" in problem for problem in memory.check(repair=True))
    assert memory.check() == []
    assert_no_trace(url)
