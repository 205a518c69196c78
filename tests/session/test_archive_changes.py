"""A session that several processes write: each reads what the others changed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from optical_memory import Turn
from optical_memory.session.archive import Archive
from optical_memory.session.records import TurnRecord, put
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores import Put, Store, Version


def record_of(text: str, ordinal: int) -> TurnRecord:
    return TurnRecord.of(Turn("user", text), f"t{ordinal}", ordinal)


class CountingStore:
    """The same store, with a count of the records that were read from it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.n_records = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def scan(self, session: str, kind: Any) -> list[tuple[str, bytes]]:
        records = self._store.scan(session, kind)
        self.n_records += len(records)
        return records

    def changes(self, session: str, since: Version) -> Any:
        changes = self._store.changes(session, since)
        self.n_records += len(changes or [])
        return changes


def append(snapshot: Snapshot) -> tuple[list[Put], None]:
    """One more turn, as a memory would write it."""
    n = snapshot.session.next_turn
    session = snapshot.session.model_copy(update={"next_turn": n + 1})
    return [put(record_of(f"turn {n}", n)), put(session), Put("index", "0", b"%d" % n)], None


def contents(archive: Archive) -> tuple[Any, ...]:
    snapshot = archive.snapshot()
    turns = [(key, record.text) for key, record in snapshot.turns.items()]
    return snapshot.version, turns, snapshot.session, dict(snapshot.index)


def test_of_what_another_process_wrote_only_the_changes_are_read(store: Store):
    writer = Archive(store, "alice")
    for _ in range(30):
        writer.update(append)
    counting = CountingStore(store)
    reader = Archive(counting, "alice")  # type: ignore[arg-type]
    assert len(reader.snapshot().turns) == 30
    assert dict(reader.snapshot().index) == {"0": b"29"}
    counting.n_records = 0
    for n in range(3):
        writer.update(append)
        assert contents(reader) == contents(writer)
        assert counting.n_records == 3 * (n + 1), "a turn, the session and a part of the index"
    reader.update(append)
    assert contents(reader) == contents(writer)
    assert reader.snapshot() is reader.snapshot()


def test_a_process_that_is_too_far_behind_reads_the_whole_session(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    for module in ("sqlite.tables", "redis"):
        monkeypatch.setattr(f"optical_memory.stores.{module}.LOG_VERSIONS", 4)
    writer = Archive(store, "alice")
    writer.update(append)
    reader = Archive(store, "alice")
    assert contents(reader) == contents(writer)
    for _ in range(9):
        writer.update(append)
    assert contents(reader) == contents(writer)


def test_a_session_that_was_begun_again_is_read_as_a_whole(store: Store):
    writer = Archive(store, "alice")
    reader = Archive(store, "alice")
    for _ in range(3):
        writer.update(append)
    assert contents(reader) == contents(writer)
    writer.drop()
    for _ in range(5):
        writer.update(append)
    assert contents(reader) == contents(writer)


def test_a_record_that_another_process_damages_is_passed_over_and_told_once(
    store: Store, caplog: pytest.LogCaptureFixture
):
    writer = Archive(store, "alice")
    reader = Archive(store, "alice")
    for _ in range(3):
        writer.update(append)
    assert len(reader.snapshot().turns) == 3
    store.commit("alice", [Put("turn", "000000001", b"{")])
    for _ in range(2):
        assert list(reader.snapshot().turns) == ["000000000", "000000002"]
        assert list(reader.snapshot().damage) == [("turn", "000000001")]
        store.commit("alice", [])
    assert caplog.text.count("turn 000000001 is passed over") == 1
    store.commit("alice", [put(record_of("mended", 1))])
    assert (reader.snapshot().damage, len(reader.snapshot().turns)) == ({}, 3)


def test_the_index_is_not_read_until_somebody_asks_for_it(store: Store):
    writer = Archive(store, "alice")
    writer.update(append)
    counting = CountingStore(store)
    reader = Archive(counting, "alice")  # type: ignore[arg-type]
    snapshot = reader.snapshot()
    assert counting.n_records == 2
    assert snapshot.index["0"] == b"0"
    assert counting.n_records == 3


def test_an_index_that_is_read_late_is_as_new_as_the_store_and_stays_right(store: Store):
    writer = Archive(store, "alice")
    writer.update(append)
    reader = Archive(store, "alice")
    snapshot = reader.snapshot()
    writer.update(append)
    assert dict(snapshot.index) == {"0": b"1"}
    assert contents(reader) == contents(writer)
    writer.update(append)
    assert contents(reader) == contents(writer)


def test_a_replacement_is_made_again_only_if_a_record_of_it_changed(store: Store):
    archive = Archive(store, "alice")
    other = Archive(store, "alice")
    for _ in range(2):
        archive.update(append)
    runs: list[int] = []

    def prepare(snapshot: Snapshot) -> list[Put]:
        runs.append(len(snapshot.turns))
        if len(runs) == 1:
            other.update(append)  # another turn: no reason to begin again
        if len(runs) == 2:
            other.update(lambda _: ([put(record_of("edited", 0))], None))
        return [put(record_of("sealed", 0))]

    assert archive.replace(prepare)
    assert runs == [2]
    assert archive.replace(prepare)
    assert runs == [2, 3, 3]
    assert archive.snapshot().turns["000000000"].text == "sealed"
