"""SQLite beyond the contract: old files are read, foreign and newer files are refused, damage is
named.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import optical_memory
from optical_memory.errors import NewerFormat, StoreError
from optical_memory.stores import Put, SQLiteStore, Version
from optical_memory.stores.sqlite.file import SQLiteFile
from optical_memory.stores.sqlite.tables import RECORDS

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = Path(optical_memory.__file__).parents[1]


def test_blobs_expire(tmp_path: Path) -> None:
    clock = [1000.0]
    with closing(SQLiteStore(tmp_path / "m.db", clock=lambda: clock[0], ttl=100)) as store:
        store.put_blobs("alice", {"default": b"x"})
        store.put_blobs("alice", {"short": b"y"}, ttl=10)
        clock[0] += 11
        assert store.get_blobs("alice", ["default", "short"]) == [b"x", None]
        clock[0] += 100
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
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as db:
        db.execute("CREATE TABLE t (x)")
        db.commit()
    data = (tmp_path / "theirs.db").read_bytes()
    with pytest.raises(StoreError, match="of another program"):
        SQLiteStore(tmp_path / "theirs.db")
    assert (tmp_path / "theirs.db").read_bytes() == data


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"my notes\n" * 200)
    with pytest.raises(StoreError, match="cannot open"):
        SQLiteStore(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_bytes() == b"my notes\n" * 200


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "m.db").close()
    with closing(sqlite3.connect(tmp_path / "m.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerFormat, match="upgrade optical-memory"):
        SQLiteStore(tmp_path / "m.db")


@pytest.mark.parametrize(
    ("schema", "epoch"),
    [(1, ""), *((schema, "0123456789abcdef") for schema in (2, 3, 4))],
)
def test_files_of_every_schema_are_read_forever(tmp_path: Path, schema: int, epoch: str) -> None:
    shutil.copy(GOLDEN / f"store-{schema}.sqlite", tmp_path / "m.db")
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert store.sessions() == ["alice {b}", "алиса"]
        assert store.get("alice {b}", "turn", "000001") == "gate code 4711 é".encode()
        assert store.scan("alice {b}", "page") == [("p1", bytes(range(256)))]
        assert store.scan("алиса", "turn") == [("k", "☃".encode())]
        assert store.version("alice {b}") == Version(epoch, 1)
        has_log = schema >= 3
        assert store.changes("alice {b}", Version(epoch, 1)) == ([] if has_log else None)
        assert store.scan("alice {b}", "index") == [("000000001", b"\x00\xffindex")] * has_log
        assert store.commit("alice {b}", [], expect=Version(epoch, 1)) == Version(epoch, 2)
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        turn = Put("turn", "000002", b"new")
        assert store.commit("alice {b}", [turn]) == store.version("alice {b}") == Version(epoch, 3)
        assert store.changes("alice {b}", Version(epoch, 2)) == [turn]
        store.drop("alice {b}")
        assert store.commit("alice {b}", [], expect=Version()).epoch not in ("", epoch)


def test_a_program_that_knows_schema_1_refuses_a_file_with_epochs(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "m.db").close()
    with pytest.raises(NewerFormat, match="has schema 4, newer than 1"):
        SQLiteFile(tmp_path / "m.db", RECORDS[:1])


def test_check_names_a_damaged_file(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit("alice", [Put("turn", f"{n}", b"x" * 3000) for n in range(50)])
    data = bytearray((tmp_path / "m.db").read_bytes())
    data[8192:20480] = b"\xff" * 12288
    (tmp_path / "m.db").write_bytes(data)
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert any("is damaged" in problem for problem in store.check())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
def test_its_files_are_its_owners_alone_and_a_file_that_is_there_keeps_its_mode(tmp_path: Path):
    umask = os.umask(0)
    try:
        (tmp_path / "shared.db").touch(0o660)
        modes: dict[str, int] = {}
        for name in ("deep/m.db", "shared.db"):
            with closing(SQLiteStore(tmp_path / name)) as store:
                store.commit("s", [Put("turn", "1", b"private")])
                store.put_blobs("s", {"k": b"private"})
                files = tmp_path.rglob("*.db*")
                modes |= {path.name: path.stat().st_mode & 0o777 for path in files}
    finally:
        os.umask(umask)
    shared = {modes.pop(name) for name in ("shared.db", "shared.db-wal", "shared.db-shm")}
    assert shared == {0o660}
    assert set(modes) >= {"m.db", "m.db-wal", "m.db-cache", "shared.db-cache"}
    assert set(modes.values()) == {0o600}


def test_a_file_can_be_opened_and_read_while_another_process_writes(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        store.commit("s", [Put("turn", "1", b"words")])
        for file in ("m.db", "m.db-cache"):
            with closing(sqlite3.connect(tmp_path / file, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as reader:
                    assert reader.get("s", "turn", "1") == b"words"


def test_a_locked_file_is_a_store_error_after_the_busy_timeout(tmp_path: Path) -> None:
    with (
        closing(SQLiteStore(tmp_path / "m.db", busy_timeout=0.2)) as store,
        closing(sqlite3.connect(tmp_path / "m.db", isolation_level=None)) as neighbour,
    ):
        neighbour.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            store.commit("alice", [Put("turn", "1", b"x")])
        assert store.version("alice") == Version()
        neighbour.execute("ROLLBACK")
        assert store.commit("alice", [Put("turn", "1", b"x")]).number == 1


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "m.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.version("alice")


def test_processes_may_create_the_file_at_the_same_moment(tmp_path: Path) -> None:
    code = (
        "import sys; from optical_memory.stores import SQLiteStore; "
        "SQLiteStore(sys.argv[1]).commit('a', [])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m.db")]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    assert [worker.wait(60) for worker in workers] == [0] * 6
    with closing(SQLiteStore(tmp_path / "m.db")) as store:
        assert store.version("a").number == 6
