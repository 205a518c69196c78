"""SQLite beyond the contract: deleted text is in no file, old files are read, foreign ones are
refused.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import optical_memory
from optical_memory.errors import StoreError
from optical_memory.stores import Delete, Put
from optical_memory.stores.sqlite import SQLiteStore

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(optical_memory.__file__).parents[1]


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
        before = bytes_on_disk(tmp_path)
        store.drop("alice-1984")
        after = bytes_on_disk(tmp_path)
    for secret in (b"alice-1984", b"turn-key-1", b"blob-key-1", b"tokens of a page"):
        assert secret in before
        assert secret not in after


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
    doomed = chance.sample(sorted(secrets), 200)
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        for key, value in secrets.items():
            store.commit("alice", [Put("turn", key, value)])
        for start in range(0, 200, 20):
            store.commit("alice", [Delete("turn", key) for key in doomed[start : start + 20]])
        left = bytes_on_disk(tmp_path)
    traces = [key for key in doomed if b"<secret %s>" % key.encode() in left]
    assert traces == []
    assert all(b"<secret %s>" % key.encode() in left for key in secrets.keys() - set(doomed))


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
        closing(SQLiteStore(tmp_path / "m.db")) as other,
    ):
        done = threading.Event()

        def work() -> None:
            while not done.is_set():
                other.commit("bob", [Put("turn", "1", b"x" * 100_000)])
                other.scrub()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for _ in range(100):
                store.scrub()
            assert store.check() == []
        finally:
            done.set()
            thread.join()


def test_who_waits_for_a_reader_of_the_log_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with closing(SQLiteStore(path, busy_timeout=2.0)) as store, closing(SQLiteStore(path)) as other:
        store.commit("alice", [Put("turn", "1", b"x")])
        with (
            closing(sqlite3.connect(path, isolation_level=None)) as reader,
            ThreadPoolExecutor() as pool,
        ):
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM records").fetchall()
            store.commit("alice", [Delete("turn", "1")])
            waiting, writes = pool.submit(store.scrub), 0
            while not waiting.done():
                other.commit("bob", [Put("turn", "1", b"y")])
                store.commit("carol", [Put("turn", "1", b"y")])
                writes += 1
            assert isinstance(waiting.exception(), StoreError)
    assert writes > 3


def test_blobs_expire(tmp_path: Path) -> None:
    now = [1000.0]
    with closing(SQLiteStore(tmp_path / "m.db", clock=lambda: now[0], ttl=100)) as store:
        store.put_blobs("alice", {"default": b"x"})
        store.put_blobs("alice", {"short": b"y"}, ttl=10)
        now[0] += 11
        assert store.get_blobs("alice", ["default", "short"]) == [b"x", None]
        now[0] += 100
        store.put_blobs("alice", {"new": b"z"})
        assert store.get_blobs("alice", ["default", "new"]) == [None, b"z"]


def test_the_cache_file_may_be_deleted_or_damaged_between_runs(tmp_path: Path) -> None:
    for damage in (None, b"this is no SQLite file" * 100):
        with closing(SQLiteStore(tmp_path / "m.db")) as store:
            store.commit("alice", [Put("turn", "1", b"x")])
            store.put_blobs("alice", {"a": b"x"})
        cache = tmp_path / "m.db-cache"
        cache.unlink() if damage is None else cache.write_bytes(damage)
        with closing(SQLiteStore(tmp_path / "m.db")) as store:
            assert store.get_blobs("alice", ["a"]) == [None]
            assert store.get("alice", "turn", "1") == b"x"
            store.put_blobs("alice", {"a": b"again"})
            assert store.get_blobs("alice", ["a"]) == [b"again"]


def test_records_are_written_so_that_a_power_cut_loses_none(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store, store._records.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert db.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_a_file_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as theirs:
        theirs.execute("CREATE TABLE t (x)")
        theirs.commit()
    before = (tmp_path / "theirs.db").read_bytes()
    with pytest.raises(StoreError, match="of another program"):
        SQLiteStore(tmp_path / "theirs.db")
    assert (tmp_path / "theirs.db").read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"my notes\n" * 200)
    with pytest.raises(StoreError, match="cannot open"):
        SQLiteStore(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == b"my notes\n" * 200


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "m.db").close()
    with closing(sqlite3.connect(tmp_path / "m.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="upgrade optical-memory"):
        SQLiteStore(tmp_path / "m.db")


def test_files_of_schema_1_are_read_forever(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "store-1.sqlite", tmp_path / "m.db")
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert store.sessions() == ["alice {b}", "алиса"]
        assert store.get("alice {b}", "turn", "000001") == "gate code 4711 é".encode()
        assert store.scan("alice {b}", "page") == [("p1", bytes(range(256)))]
        assert store.scan("алиса", "turn") == [("k", "☃".encode())]
        assert store.commit("alice {b}", [], expect=1) == 2


def test_check_names_a_damaged_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit("alice", [Put("turn", f"{n}", b"x" * 3000) for n in range(50)])
    data = bytearray((tmp_path / "m.db").read_bytes())
    data[8192:20480] = b"\xff" * 12288
    (tmp_path / "m.db").write_bytes(data)
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert any("is damaged" in problem for problem in store.check())


def test_a_locked_file_is_a_store_error_after_the_busy_timeout(tmp_path: Path) -> None:
    with (
        closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store,
        closing(sqlite3.connect(tmp_path / "m.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.commit("alice", [Put("turn", "1", b"x")])
        assert store.version("alice") == 0
        other.execute("ROLLBACK")
        assert store.commit("alice", [Put("turn", "1", b"x")]) == 1


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.version("alice")


def test_processes_may_create_the_file_at_the_same_moment(tmp_path: Path) -> None:
    code = "import sys; from optical_memory.stores.sqlite import SQLiteStore; SQLiteStore(sys.argv[1]).commit('a', [])"
    command = [sys.executable, "-c", code, str(tmp_path / "m.db")]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    assert [worker.wait(60) for worker in workers] == [0] * 6
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert store.version("a") == 6
