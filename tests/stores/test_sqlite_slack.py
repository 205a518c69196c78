"""Unused parts of SQLite's pages: no copy of a deleted record stays there."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory.errors import StoreError
from optical_memory.stores import Delete, Put, SQLiteStore

SECRET = b"norkzap"
N_RECORDS = 120


def rows(chance: random.Random) -> list[Put]:
    """Records that grow and shrink, so that SQLite moves them between its pages."""
    keys = chance.sample(range(N_RECORDS), 30)
    sizes = [chance.choice([20, 300, 900, 1_600]) for _ in keys]
    return [
        Put("turn", f"{key:09}", (SECRET + b"%d " % key) * (size // 10))
        for key, size in zip(keys, sizes, strict=True)
    ]


def grown(store: SQLiteStore, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(30):
        store.commit("alice", rows(chance))
    store.commit("bob", [Put("turn", "0", b"of another session")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        yield store


def some_deleted(store: SQLiteStore, seed: int) -> list[bytes]:
    """Delete every third record; gives words that only these had."""
    keys = [key for key, _ in store.scan("alice", "turn")][seed % 3 :: 3]
    store.commit("alice", [Delete("turn", key) for key in keys])
    return [SECRET + b"%d " % int(key) for key in keys]


def traces(path: Path, *words: bytes) -> int:
    """How often the words are in the files of the store; the secret, if none are given."""
    files = [file.read_bytes() for file in path.parent.glob(path.name + "*")]
    return sum(file.count(word) for file in files for word in words or [SECRET])


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_no_copy_of_a_deleted_record_stays_whatever_sqlite_left(tmp_path: Path) -> None:
    n_left = 0
    for seed in range(12):
        path = tmp_path / f"{seed}.db"
        with closing(SQLiteStore(path)) as store:
            grown(store, seed)
            words = some_deleted(store, seed)
            n_left += traces(path, *words)
            store.scrub()
            assert traces(path, *words) == 0
            assert store.get("bob", "turn", "0") == b"of another session"
            assert store.check() == []
        assert is_whole(path)
    assert n_left, "SQLite left nothing behind, so nothing was tested"


def plant(path: Path) -> None:
    """Write the secret into the unused part of the page with the sessions' names."""
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 4096):
        page = data[start : start + 4096]
        n_cells, content = (int.from_bytes(page[i : i + 2], "big") for i in (3, 5))
        if page[0] == 10 and content - 8 - 2 * n_cells > 200:
            place = start + content - 100
            data[place : place + len(SECRET)] = SECRET
            path.write_bytes(data)
            return
    raise AssertionError("no page has room")


def test_a_connection_that_has_an_old_copy_of_a_page_does_not_bring_it_back(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.commit("alice", [Put("turn", f"{n:09}", b"x" * 40) for n in range(8)])
        store.scrub()
    plant(path)
    assert traces(path) == 1
    with closing(SQLiteStore(path)) as other, closing(SQLiteStore(path)) as store:
        assert len(other.scan("alice", "turn")) == 8  # its pages are in memory now
        store.scrub()
        assert traces(path) == 0
        for n in range(8):
            other.commit("alice", [Put("turn", f"{n:09}", b"y" * 39)])
            other.commit("carol", [Put("turn", f"{n:09}", b"z" * 39)])
        other.scrub()
        assert traces(path) == 0
    assert is_whole(path)


def test_while_another_process_writes_it_is_told_and_check_tries_again(
    path: Path, store: SQLiteStore
) -> None:
    store.commit("alice", [Put("turn", f"{n:09}", b"x" * 40) for n in range(8)])
    store.scrub()
    store.close()
    plant(path)
    with closing(SQLiteStore(path, busy_timeout=0.1)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="check"):
                store.scrub()
            assert traces(path) == 1
            other.execute("ROLLBACK")
        assert store.check() == []
        assert traces(path) == 0


def test_cached_blobs_leave_nothing_either(path: Path, store: SQLiteStore) -> None:
    chance = random.Random(3)
    for _ in range(40):
        keys = [str(key) for key in chance.sample(range(60), 12)]
        size = chance.choice([40, 200, 90])
        store.put_blobs("alice", dict.fromkeys(keys, SECRET * size))
        store.drop_blobs("alice", keys[:5])
    store.drop_blobs("alice")
    store.scrub()
    assert traces(path) == 0
