"""An SQLite file that somebody removes or replaces while a memory has it open: it is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import SessionLost, StoreError
from optical_memory.stores import SQLiteStore
from optical_memory.testing import TemplateReader

N_TURNS = 40


def memory_at(path: Path | str) -> OpticalMemory:
    return OpticalMemory(
        "alice",
        store=f"sqlite:///{path}",
        reader=TemplateReader(),
        keep_turns=3,
        background=False,
        semantic=None,
    )


def turns(first: int, end: int) -> list[Turn]:
    return [Turn("user", f"The heron of day {i} sat on pier {i * 7}.") for i in range(first, end)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A session of `N_TURNS` turns, and beside it a copy `old` with half of them."""
    path = tmp_path / "memory.db"
    with closing(memory_at(path)) as memory:
        memory.remember(turns(0, N_TURNS // 2))
        memory.flush()
    shutil.copy(path, tmp_path / "old")
    with closing(memory_at(path)) as memory:
        memory.remember(turns(N_TURNS // 2, N_TURNS))
        memory.flush()
    return path


@pytest.fixture
def memory(path: Path) -> Iterator[OpticalMemory]:
    """A memory of that session which has read and written, so that its file has a log."""
    memory = memory_at(path)
    memory.remember(Turn("user", "And a heron more."))
    assert len(memory.recall("heron", 5)) == 5
    yield memory
    memory._worker.stop()
    memory.store.close()


def test_nothing_is_acknowledged_in_a_file_that_was_removed(
    memory: OpticalMemory, path: Path
) -> None:
    path.unlink()
    for call in (lambda: memory.remember(turns(0, 1)), memory.stats, memory.check):
        with pytest.raises(StoreError, match="is gone"):
            call()
    assert not path.exists()


def test_an_older_copy_in_place_of_the_file_is_told_and_stays_whole(
    memory: OpticalMemory, path: Path
) -> None:
    os.replace(path.with_name("old"), path)
    with pytest.raises(SessionLost, match="21 acknowledged turns"):
        memory.remember(turns(90, 91))
    memory.remember(turns(90, 91))
    for reader in (memory, memory_at(path)):
        assert reader.check() == ["the store lost 21 turns that it had acknowledged"]
        assert reader.recall("heron of day 90", 1)[0].text == turns(90, 91)[0].text


def test_a_file_that_comes_back_goes_on(memory: OpticalMemory, path: Path) -> None:
    away = path.with_name("away")
    for suffix in ("", "-wal", "-shm"):
        os.rename(f"{path}{suffix}", f"{away}{suffix}")
    with pytest.raises(StoreError, match="is gone"):
        memory.stats()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(f"{away}{suffix}"):
            os.rename(f"{away}{suffix}", f"{path}{suffix}")
    assert memory.stats().turns == N_TURNS + 1
    assert memory.check() == []


def test_a_folder_that_was_removed_is_told_by_check(memory: OpticalMemory, path: Path) -> None:
    memory.stats()
    shutil.rmtree(path.parent)
    sentences = memory.store._records.problems()  # type: ignore[attr-defined]
    assert sentences == [f"{path} cannot be checked: unable to open database file."]
    with pytest.raises(StoreError, match="is gone"):
        memory.check()


def test_a_cache_that_was_removed_is_made_anew(memory: OpticalMemory, path: Path) -> None:
    texts = [memory.read(page.id).text for page in memory.pages()]
    cache = path.with_name("memory.db-cache")
    cache.unlink()
    memory._drop_readings()
    assert [memory.read(page.id).text for page in memory.pages()] == texts
    assert cache.exists()
    memory.forget(turn="t3")
    assert memory.check() == []


def test_a_program_may_change_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(memory_at("relative.db")) as memory:
        memory.remember(turns(0, 2))
        monkeypatch.chdir("/")
        memory.remember(turns(2, 3))
        assert memory.stats().turns == 3
    assert (tmp_path / "relative.db").exists()


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a file"):
        SQLiteStore(tmp_path / "pipe")
