"""Every file with words of a conversation is its owner's alone, whatever the umask says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.bulk import bulk
from optical_memory.session.corrections.tombstones import KEY_VARIABLE
from optical_memory.stores.private_files import open_private, write_private
from optical_memory.testing import TemplateReader

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Files are for everybody, unless the program says otherwise."""
    old = os.umask(0)
    yield
    os.umask(old)


def open_to_others(folder: Path) -> dict[str, str]:
    """The files and folders in a folder that others may read or write, with their modes."""
    modes = {path: path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    return {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_a_memory_with_pages_tokens_and_a_cache_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store = f"sqlite:///{tmp_path}/new/deep/memory.db"
    with OpticalMemory(
        "alice", store=store, reader=TemplateReader(), keep_turns=2, redact="mask"
    ) as memory:
        memory.remember([Turn("user", f"Topic {i} is on shelf {i}.") for i in range(40)])
        memory.flush()
        memory.recall("Topic 3")
        memory.forget(turn="t39")  # which makes a key
        memory.export(tmp_path / "export.zip")
        assert len(list((tmp_path / "new").rglob("memory.db*"))) >= 4
        assert list((tmp_path / "data").rglob("forget.key"))
        assert open_to_others(tmp_path) == {}


def test_a_file_that_others_could_read_is_closed_when_it_is_written_again(tmp_path: Path):
    for name, mode in (("a", "wb"), ("b", "a+b")):
        path = tmp_path / name
        path.write_bytes(b"old")
        path.chmod(0o666)
        with open_private(path, mode) as file:
            file.write(b"new")
    write_private(tmp_path / "c", b"new")
    assert open_to_others(tmp_path) == {}
    (tmp_path / "export.zip").write_bytes(b"")
    with OpticalMemory("a", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()) as memory:
        memory.remember(Turn("user", "hello"))
        memory.export(tmp_path / "export.zip")
    assert open_to_others(tmp_path) == {}


def test_the_draft_of_an_export_that_was_there_is_closed_and_a_link_is_not_followed(tmp_path: Path):
    other_file = tmp_path / "other"
    write_private(other_file, b"the words of another file")
    (tmp_path / "a.zip.part").write_bytes(b"")
    (tmp_path / "a.zip.part").chmod(0o666)
    (tmp_path / "b.zip.part").symlink_to(other_file)
    with OpticalMemory("a", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()) as memory:
        memory.remember(Turn("user", "hello"))
        memory.export(tmp_path / "a.zip")
        with pytest.raises(OSError, match="symbolic links"):
            memory.export(tmp_path / "b.zip")
    (tmp_path / "b.zip.part").unlink()
    assert other_file.read_bytes() == b"the words of another file"
    assert open_to_others(tmp_path) == {}


def test_reports_of_bulk_work(tmp_path: Path):
    store = f"sqlite:///{tmp_path}/memory.db"
    with OpticalMemory("a", store=store, reader=TemplateReader()) as memory:
        memory.remember([Turn("user", f"Topic {i} is on shelf {i}.") for i in range(40)])
    assert list(bulk(store, TemplateReader, "certify", report=tmp_path / "report.jsonl"))
    assert open_to_others(tmp_path) == {}
