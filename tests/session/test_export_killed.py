"""An export that dies or fails leaves the file that was there before."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from support.memories import Open

from optical_memory import OpticalMemory, Turn
from optical_memory.errors import StoreError
from optical_memory.stores.sqlite_path import whole_file


@pytest.fixture
def memory(opened: Open) -> OpticalMemory:
    memory = opened()
    memory.remember([Turn("user", f"The heron {i} waits.", id=f"m{i}") for i in range(5)])
    return memory


def die_at(write: int, memory: OpticalMemory, path: Path) -> bool:
    """Export in a process that ends before a write to the zip; False if it had fewer writes."""
    child = os.fork()
    if child == 0:
        n_writes = 0
        real_write = zipfile.ZipFile.writestr

        def write_or_die(file: zipfile.ZipFile, *arguments: object) -> None:
            nonlocal n_writes
            n_writes += 1
            if n_writes == write:
                os.kill(os.getpid(), 9)
            real_write(file, *arguments)  # type: ignore[arg-type]

        zipfile.ZipFile.writestr = write_or_die  # type: ignore[method-assign,assignment]
        memory.export(path)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_an_export_that_dies_leaves_the_file_that_was_there(
    memory: OpticalMemory, tmp_path: Path
) -> None:
    path = tmp_path / "alice.zip"
    memory.export(path)
    content = path.read_bytes()
    memory.remember(Turn("user", "And one more.", id="more"))
    n_kills = 0
    while die_at(n_kills + 1, memory, path):
        n_kills += 1
        assert path.read_bytes() == content
    assert n_kills > 5
    assert path.read_bytes() != content
    assert [file.name for file in tmp_path.glob("alice.zip*")] == ["alice.zip"]
    restored = OpticalMemory.restore(
        path, session="copy", store=memory.store, reader=memory.reader, background=False
    )
    assert restored.stats().turns == 6


def test_an_export_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "alice.zip"
    path.write_bytes(b"the old file")

    def write_half() -> None:
        with whole_file(path) as file:
            file.write(b"half of")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        write_half()
    assert path.read_bytes() == b"the old file"
    assert [file.name for file in tmp_path.iterdir()] == ["alice.zip"]


def test_an_export_is_its_owners_alone_and_two_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "alice.zip"
    path.write_bytes(b"the old file")
    path.chmod(0o644)
    with whole_file(path) as file:
        with pytest.raises(StoreError, match="another process"), whole_file(path):
            pass
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600
