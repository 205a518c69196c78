"""SQLite forgets: deleted text is in no file and no log, and a reader that keeps a log is named."""

from __future__ import annotations

import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory.errors import StoreError
from optical_memory.stores import Delete, Put, SQLiteStore
from optical_memory.stores.sqlite.dropping import drop_records


def bytes_on_disk(folder: Path) -> bytes:
    """Everything in the store's files, logs included, while it is open."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_deleted_record_is_in_no_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit("alice", [Put("turn", "1", b"gate code 4711"), Put("turn", "2", b"weather")])
        assert b"gate code 4711" in bytes_on_disk(tmp_path)
        store.commit("alice", [Delete("turn", "1")])
        assert b"gate code 4711" not in bytes_on_disk(tmp_path)
        assert b"weather" in bytes_on_disk(tmp_path)


def test_what_a_record_said_before_it_was_replaced_is_in_no_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit("alice", [Put("page", "1", b"gate code 4711" * 1000)])
        store.commit("alice", [Put("page", "1", b"certified")])
        assert b"gate code 4711" not in bytes_on_disk(tmp_path)


def test_a_dropped_session_is_in_no_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit(
            "alice-1984", [Put("session", "s", b"gate"), Put("turn", "turn-key-1", b"code")]
        )
        store.put_blobs("alice-1984", {"blob-key-1": b"tokens of a page"})
        data_with_secrets = bytes_on_disk(tmp_path)
        store.drop("alice-1984")
        data = bytes_on_disk(tmp_path)
    for secret in (b"alice-1984", b"turn-key-1", b"blob-key-1", b"tokens of a page"):
        assert secret in data_with_secrets
        assert secret not in data


def test_dropped_blobs_are_in_no_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.put_blobs("alice", {"a": b"first tokens", "b": b"second tokens"})
        store.drop_blobs("alice", ["a"])
        assert b"first tokens" not in bytes_on_disk(tmp_path)
        store.drop_blobs("alice")
        assert b"second tokens" not in bytes_on_disk(tmp_path)


def test_of_many_records_of_all_sizes_only_those_deleted_are_gone(tmp_path: Path) -> None:
    chance = random.Random(3)
    secrets = {
        f"{n:04d}": b"<secret %04d>" % n * chance.choice([1, 3, 30, 900]) for n in range(400)
    }
    victims = chance.sample(sorted(secrets), 200)
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        for key, value in secrets.items():
            store.commit("alice", [Put("turn", key, value)])
        for start in range(0, 200, 20):
            store.commit("alice", [Delete("turn", key) for key in victims[start : start + 20]])
        data = bytes_on_disk(tmp_path)
    traces = [key for key in victims if b"<secret %s>" % key.encode() in data]
    assert traces == []
    assert all(b"<secret %s>" % key.encode() in data for key in secrets.keys() - set(victims))


def test_a_reader_that_holds_the_log_is_named_and_the_scrub_is_made_up_for(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store:
        store.commit("alice", [Put("turn", "1", b"gate code 4711")])
        with closing(sqlite3.connect(tmp_path / "m.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            store.commit("alice", [Delete("turn", "1")])
            assert any("a reader holds the log" in problem for problem in store.check())
            with pytest.raises(StoreError, match="a reader holds the log"):
                store.drop("bob")
        store.scrub()
        store.commit("alice", [Put("turn", "2", b"weather")])
        assert store.check() == []
        assert b"gate code 4711" not in bytes_on_disk(tmp_path)


def test_what_an_earlier_process_left_in_a_log_is_found_and_scrubbed_by_a_check(
    tmp_path: Path,
) -> None:
    reader = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    with closing(reader):
        with closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store:
            store.commit("alice", [Put("turn", "1", b"gate code 4711")])
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            store.commit("alice", [Delete("turn", "1")])
        with closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store:
            assert any("a reader holds the log" in problem for problem in store.check())
            reader.execute("COMMIT")
            assert b"gate code 4711" in bytes_on_disk(tmp_path)
            assert store.check() == []
            assert b"gate code 4711" not in bytes_on_disk(tmp_path)


def test_a_reader_of_the_cache_keeps_tokens_and_is_told(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store:
        store.put_blobs("alice", {"a": b"tokens of the page"})
        with closing(sqlite3.connect(tmp_path / "m.db-cache", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM blobs").fetchall()
            store.drop_blobs("alice")
            with pytest.raises(StoreError, match=r"m\.db-cache"):
                store.scrub()
        store.scrub()
        assert b"tokens of the page" not in bytes_on_disk(tmp_path)


def test_others_that_write_and_scrub_are_no_readers_that_hold_the_log(tmp_path: Path) -> None:
    """SQLite calls the log busy at once while somebody else empties it."""
    with (
        closing(SQLiteStore(tmp_path / "m.db")) as store,
        closing(SQLiteStore(tmp_path / "m.db")) as neighbour,
    ):
        end = threading.Event()

        def work() -> None:
            while not end.is_set():
                neighbour.commit("bob", [Put("turn", "1", b"x" * 100_000)])
                neighbour.scrub()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(100):
                store.scrub()
            assert store.check() == []
        finally:
            end.set()
            thread.join()


def test_who_waits_for_a_reader_of_the_log_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with (
        closing(SQLiteStore(path, busy_timeout=2.0)) as store,
        closing(SQLiteStore(path)) as neighbour,
    ):
        store.commit("alice", [Put("turn", "1", b"x")])
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as reader,
            ThreadPoolExecutor() as pool,
        ):
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            store.commit("alice", [Delete("turn", "1")])
            scrub = pool.submit(store.scrub)
            n_writes = 0
            while not scrub.done():
                neighbour.commit("bob", [Put("turn", "1", b"y")])
                store.commit("carol", [Put("turn", "1", b"y")])
                n_writes += 1
            assert isinstance(scrub.exception(), StoreError)
    assert n_writes > 3


def test_a_drop_that_is_cut_short_leaves_no_blobs_that_nobody_knows_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(BaseException):
        """The process is gone."""

    def drop_and_end(*arguments: object) -> None:
        drop_records(*arguments)  # type: ignore[arg-type]
        raise Ended

    with closing(SQLiteStore(tmp_path / "memory.db")) as store:
        store.commit("alice", [Put("turn", "1", b"x")])
        store.put_blobs("alice", {"k": b"tokens"})
        monkeypatch.setattr("optical_memory.stores.sqlite.store.drop_records", drop_and_end)
        with pytest.raises(Ended):
            store.drop("alice")
    with closing(SQLiteStore(tmp_path / "memory.db")) as store:
        assert store.get("alice", "turn", "1") is None
        assert store.get_blobs("alice", ["k"]) == [None]
