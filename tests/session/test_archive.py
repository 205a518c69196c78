"""A session in its store: sessions that end, records that do not parse, changes in a race."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from support.memories import Open
from support.shelf_turns import said

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import SessionLost, StoreError
from optical_memory.session.archive import Archive
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.remember import remember
from optical_memory.stores import Put, Store
from optical_memory.stores.private_server import private_server
from optical_memory.testing import TemplateReader

# ---- sessions that end ---------------------------------------------------------------------------


def test_a_session_begun_again_is_another_session_for_a_memory_that_knew_the_old_one(opened: Open):
    first = opened()
    other = opened()
    first.remember(Turn("user", "The gate code is 4711."))
    assert other.recall("gate code")[0].text == "The gate code is 4711."
    first.forget(session=True)
    first.remember(Turn("user", "The gate code is 9999."))
    assert [found.text for found in other.recall("gate code")] == ["The gate code is 9999."]


def test_an_edit_by_a_memory_of_the_old_session_overwrites_nothing_in_the_new(opened: Open):
    first = opened()
    other = opened()
    first.remember(Turn("user", "An old draft.", id="a"))
    other.remember(Turn("user", "The same draft.", id="b"))
    first.forget(session=True)
    first.remember([Turn("user", "The gate code is 9999.", id="x"), Turn("user", "Yes.", id="y")])
    other.remember(Turn("user", "An edited draft.", id="b"))
    texts = [record.text for record in first._archive.snapshot().turns.values()]
    assert texts == ["The gate code is 9999.", "Yes.", "An edited draft."]


def test_a_session_that_is_gone_is_told_once_and_then_goes_on_with_new_ids(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    first = opened()
    other = opened()
    ids = first.remember(said(5))
    assert other.stats().turns == 5
    first.forget(session=True)
    with caplog.at_level(logging.ERROR), pytest.raises(SessionLost, match="5 acknowledged turns"):
        other.stats()
    assert "5 acknowledged turns of session 'alice' are gone" in caplog.text
    new_ids = other.remember(said(2))
    assert not set(ids) & set(new_ids)
    assert other.stats().lost_turns == 5
    assert other.check() == ["the store lost 5 turns that it had acknowledged"]
    assert opened().stats().lost_turns == 5, "a memory that never knew them is told as well"


def test_whoever_drops_a_session_is_not_told_that_it_is_lost(opened: Open):
    memory = opened()
    memory.remember(said(3))
    memory.forget(session=True)
    assert memory.stats().turns == 0
    assert memory.stats().lost_turns == 0
    assert memory.remember(said(1)) == ["t0"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with private_server(tmp_path) as url:
        yield url


def test_a_server_that_was_emptied_is_noticed_at_the_next_use(server: str):
    settings: dict[str, Any] = {"reader": TemplateReader(), "background": False}
    with OpticalMemory("alice", store=server, **settings) as memory:
        memory.remember(said(4))
        with redis.Redis.from_url(server) as client:
            client.flushall()
        with pytest.raises(SessionLost, match="4 acknowledged turns"):
            memory.remember(Turn("user", "After the restart."))
        assert memory.remember(Turn("user", "After the restart."))[0].startswith("t4-")
        assert memory.stats().lost_turns == 4


def test_a_loss_is_noticed_after_an_error_of_the_store_too(store: Store):
    class CutOff:
        """The same store, whose next commit gets no answer."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def commit(self, *args: Any, **options: Any) -> Any:
            raise OSError("no answer")

    archive = Archive(store, "alice")
    archive.update(lambda snapshot: remember(snapshot, said(1)))
    archive.store = CutOff()  # type: ignore[assignment]
    with pytest.raises(OSError, match="no answer"):
        archive.update(lambda snapshot: remember(snapshot, said(2)))
    archive.store = store
    store.drop("alice")
    with pytest.raises(SessionLost):
        archive.snapshot()


def record_of(text: str, ordinal: int = 0) -> TurnRecord:
    return TurnRecord.of(Turn("user", text), f"t{ordinal}", ordinal)


# ---- records that do not parse -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["turn", "page", "session"])
def test_one_unreadable_record_stops_nothing(opened: Open, store: Store, kind: Any):
    memory = opened()
    ids = memory.remember([Turn("user", f"Topic{i} is on shelf {i}.") for i in range(60)])
    memory.flush()
    n_pages = len(memory.pages())
    keys = [key for key, _ in store.scan("alice", kind)]
    store.commit("alice", [Put(kind, keys[-1], b'{"no": "record"}')])
    again = opened()
    assert again.recall("topic3")[0].text
    new_ids = again.remember([Turn("user", f"Berth{i} is free.") for i in range(60)])
    again.flush()
    assert not set(ids) & set(new_ids)
    assert again.recall("berth7")[0].text
    assert again.recall("topic3")[0].text
    assert len(again.pages()) >= n_pages
    if kind != "session":  # the session's record was written again with the new turns
        assert any(f"{kind} {keys[-1]} is damaged" in problem for problem in again.check())


def test_new_pages_are_never_written_over_a_page_that_does_not_parse(opened: Open, store: Store):
    memory = opened()
    memory.remember([Turn("user", f"Topic{i} is on shelf {i}.") for i in range(60)])
    memory.flush()
    last = memory.pages()[-1].id
    store.commit("alice", [Put("page", last, b"{")])
    again = opened()
    again.remember([Turn("user", f"Berth{i} is free.") for i in range(60)])
    again.flush()
    assert again.pages()[-1].ordinal > int(last)
    assert store.get("alice", "page", last) == b"{"


# ---- changes -------------------------------------------------------------------------------------


def test_update_returns_the_answer_of_the_run_that_was_committed(store: Store):
    archive = Archive(store, "alice")
    other = Archive(store, "alice")
    runs: list[int] = []

    def change(snapshot: Any) -> Any:
        runs.append(len(snapshot.turns))
        if len(runs) == 1:  # another process is faster
            other.update(lambda now: ([put(record_of("faster"))], None))
        record = record_of("mine", ordinal=len(snapshot.turns))
        return [put(record)], f"run {len(runs)}"

    snapshot, answer = archive.update(change)
    assert answer == "run 2"
    assert runs == [0, 1]
    assert [record.text for record in snapshot.turns.values()] == ["faster", "mine"]


# ---- losses are never swallowed ------------------------------------------------------------------


class DroppingReader(TemplateReader):
    """While it looks at a page, another memory drops the session."""

    other: OpticalMemory | None = None

    def encode(self, images: Any, rung: Any) -> Any:
        if self.other is not None:
            self.other.forget(session=True)
        return super().encode(images, rung)


@pytest.mark.parametrize("work", ["recall", "flush"])
def test_a_loss_that_a_reading_notices_is_raised(opened: Open, work: str):
    reader = DroppingReader()
    memory = opened(reader=reader)
    memory.remember(said(60))
    memory.seal()
    if work == "recall":
        memory.flush()
        memory.store.drop_blobs("alice")
    reader.other = opened()
    assert reader.other.stats().turns == 60
    with pytest.raises(SessionLost, match="60 acknowledged turns"):
        memory.recall("topic7") if work == "recall" else memory.flush()


def test_ids_of_other_memories_are_not_given_again_after_a_loss(opened: Open):
    first = opened()
    second = opened()
    ids = [*first.remember(said(5)), *second.remember(said(3, first=5))]
    opened().forget(session=True)
    new_ids: list[str] = []
    for memory in (first, second):
        try:
            new_ids += memory.remember(said(2))
        except SessionLost:
            new_ids += memory.remember(said(2))
    assert not set(ids) & set(new_ids)
    assert len(set(new_ids)) == 4


def test_a_session_begun_again_by_another_process_is_told_in_the_log(
    opened: Open, caplog: pytest.LogCaptureFixture
):
    memory = opened()
    memory.remember(said(3))
    other = opened()
    other.forget(session=True)
    other.remember(said(1))
    with caplog.at_level(logging.WARNING):
        assert memory.stats().turns == 1
    assert "was dropped or lost, and has begun again" in caplog.text


def test_whoever_drops_a_session_that_a_reader_holds_is_not_told_of_a_loss(opened: Open):
    class HeldStore:
        """The same store, whose files another process reads."""

        def __init__(self, store: Store) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def drop(self, session: str) -> None:
            self._store.drop(session)
            raise StoreError("deleted, but a reader holds the log")

    memory = opened()
    memory.remember(said(4))
    memory._archive.store = HeldStore(memory.store)  # type: ignore[assignment]
    with pytest.raises(StoreError, match="a reader holds the log"):
        memory.forget(session=True)
    assert memory.remember(said(1)) == ["t0"]
    assert memory.stats().lost_turns == 0


# ---- a damaged record does not double the conversation -------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
def test_a_history_sent_again_adds_nothing_if_the_sessions_record_is_damaged(
    opened: Open, store: Store, sealed: bool
):
    memory = opened()
    history = [Turn("user", turn.text, id=f"h{i}") for i, turn in enumerate(said(60))]
    memory.remember(history)
    if sealed:
        memory.flush()
    store.commit("alice", [Put("session", "session", b"{")])
    again = opened()
    new = Turn("user", "One more turn.", id="h60")
    assert again.remember([*history, new]) == [f"h{i}" for i in range(61)]
    assert again.stats().turns == 61
    assert opened().remember([*history, new])[-1] == "h60"
    assert opened().stats().turns == 61


def test_a_forgotten_turn_stays_forgotten_if_its_record_is_damaged(opened: Open, store: Store):
    memory = opened()
    history = [Turn("user", turn.text, id=f"h{i}") for i, turn in enumerate(said(60))]
    memory.remember(history)
    memory.flush()
    memory.forget(turn="h5")
    store.commit("alice", [Put("turn", "000000005", b"{")])
    again = opened()
    assert again.remember(history)[5] == "h5"
    assert again.stats().turns == 59
    assert not any("Topic5 " in found.text for found in again.recall("topic5"))
