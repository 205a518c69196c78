"""A session that may be read and not written: it answers, checks itself, and says why not more."""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.memories import memories
from support.secret_turn import said
from support.small_disks import read_only, small_disk

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader

NOBODY = 65534
"""The user id that Linux keeps for programs without rights."""


def make_session(folder: Path) -> None:
    """A session with pages, of which some tokens are cached."""
    with memories(store=f"sqlite:///{folder}/memory.db", keep_turns=3, background=False) as opened:
        memory = opened()
        memory.remember(said())
        memory.flush()
        memory.recall("apples")
        memory.store.close()


def open_session(folder: Path) -> OpticalMemory:
    url = f"sqlite:///{folder}/memory.db"
    return OpticalMemory("alice", store=url, reader=TemplateReader(), background=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder but SQLite's shared memory."""
    files = [path for path in folder.iterdir() if not path.name.endswith("-shm")]
    return {path.name: path.read_bytes() for path in files}


def assert_reads_and_writes_nothing(folder: Path) -> None:
    old_contents = contents(folder)
    with open_session(folder) as memory:
        assert "shelf 57" in memory.recall("shelf of Topic19")[0].text
        assert "shelf 57" in str(memory.context("shelf of Topic19").to_messages())
        assert memory.stats().turns == 40
        problems = memory.check()
        assert any("memory.db may not be written" in problem for problem in problems)
        assert all("may not be written" in problem or "MiB left" in problem for problem in problems)
        works: list[Callable[[], object]] = [
            lambda: memory.remember(Turn("user", "one more", id="new")),
            lambda: memory.forget(turn="m5"),
            lambda: memory.forget(session=True),
        ]
        for work in works:
            with pytest.raises(StoreError, match=r"may not be written: .*([Rr]ead-?only|denied)"):
                work()
        assert memory.stats().turns == 40
    assert contents(folder) == old_contents


def as_nobody(work: Callable[[], object]) -> None:
    """Do `work` in a child that has no rights to write but those of every user."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            work()
            status = 0
        except BaseException:  # noqa: BLE001  the parent is told by the status
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may reach, as pytest's own folders are their owner's alone."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        folder = Path(home) / "shared"
        folder.mkdir()
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"),
    [(0o555, 0o444), (0o555, 0o666), (0o777, 0o444)],
    ids=["file and folder", "folder", "file"],
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_file_without_rights_to_write_is_read(folder: Path, folder_mode: int, file_mode: int):
    make_session(folder)
    for path in folder.iterdir():
        path.chmod(file_mode)
    folder.chmod(folder_mode)
    as_nobody(lambda: assert_reads_and_writes_nothing(folder))


def test_a_read_only_file_system_is_read(tmp_path: Path):
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        make_session(disk)
        with read_only(disk):
            assert_reads_and_writes_nothing(disk)
        with open_session(disk) as memory:
            assert memory.remember(Turn("user", "one more", id="new")) == ["new"]


def test_a_file_that_may_be_written_again_is_written(tmp_path: Path):
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        make_session(disk)
        with read_only(disk):
            memory = open_session(disk)
            assert memory.stats().turns == 40
        with closing(open_session(disk)) as neighbour:
            neighbour.remember(Turn("user", "of another process", id="other"))
            assert memory.stats().turns == 41, "what others write is seen"
        assert memory.remember(Turn("user", "one more", id="new")) == ["new"]
        assert memory.stats().turns == 42
        memory.close()


def test_a_log_that_cannot_be_taken_in_is_told(tmp_path: Path):
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        with closing(SQLiteStore(tmp_path / "memory.db")) as store:
            store.commit("alice", [])
            for name in ("memory.db", "memory.db-wal"):
                (disk / name).write_bytes((tmp_path / name).read_bytes())
        with read_only(disk), pytest.raises(StoreError, match="its log must be taken in first"):
            SQLiteStore(disk / "memory.db")
        with closing(SQLiteStore(disk / "memory.db")) as store:
            assert store.version("alice").number == 1


def test_a_file_of_an_older_format_that_may_not_be_migrated_is_told(tmp_path: Path):
    with small_disk(tmp_path / "disk", 8 << 20) as disk:
        SQLiteStore(disk / "memory.db").close()
        with closing(sqlite3.connect(disk / "memory.db")) as db:
            db.execute("PRAGMA user_version = 2")
        with read_only(disk), pytest.raises(StoreError, match="has an older format"):
            SQLiteStore(disk / "memory.db")
