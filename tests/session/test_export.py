"""A session to a file and back."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from support.page_life import ledger_tokens

from optical_memory import OpticalMemory
from optical_memory.errors import InputError, StoreError
from optical_memory.session.export import exported_name, read_export
from optical_memory.stores import Put
from optical_memory.testing import TemplateReader, turn_texts


def test_what_was_exported_is_restored_word_for_word_in_another_store(
    memory: OpticalMemory, tmp_path: Path
):
    memory.fade(capacity=300 + ledger_tokens(memory))
    memory.export(tmp_path / "alice.zip")
    other = f"sqlite:///{tmp_path}/other.db"
    with OpticalMemory.restore(
        tmp_path / "alice.zip", store=other, reader=TemplateReader(), background=False
    ) as again:
        assert again.session == "alice"
        assert turn_texts(again) == turn_texts(memory)
        assert again.stats().to_json() | {"capacity": 0} == memory.stats().to_json() | {
            "capacity": 0
        }
        assert again.recall("topic7", k=3) == memory.recall("topic7", k=3)
        assert again.check() == []


def test_an_export_needs_nothing_of_ours_to_be_read(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        assert json.loads(file.read("manifest.json"))["session"] == "alice"
        assert file.read("picture/0000000/large.png").startswith(b"\x89PNG")
        assert json.loads(file.read("turn/000000000.json"))["id"] == "t0"


def test_nothing_is_written_over(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "alice.zip")
    version = memory.store.version("alice")
    with pytest.raises(InputError, match="'alice' exists already"):
        OpticalMemory.restore(tmp_path / "alice.zip", store=memory.store, reader=TemplateReader())
    assert memory.store.version("alice") == version
    copy = OpticalMemory.restore(
        tmp_path / "alice.zip", "copy", store=memory.store, reader=TemplateReader()
    )
    assert turn_texts(copy) == turn_texts(memory)
    copy.close()


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04"])
def test_what_is_no_export_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.zip"):
        OpticalMemory.restore(
            tmp_path / "x.zip", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()
        )
    assert not (tmp_path / "m.db").exists()


def test_an_export_of_a_later_format_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("manifest.json", json.dumps({"format": 9, "session": "a", "version": 1}))
    with pytest.raises(InputError, match="format 9"):
        OpticalMemory.restore(
            tmp_path / "x.zip", store=f"sqlite:///{tmp_path}/m.db", reader=TemplateReader()
        )


def test_the_search_index_travels_as_it_is(memory: OpticalMemory, tmp_path: Path):
    segment = bytes(range(256))
    memory._archive.store.commit("alice", [Put("index", "extra-1", segment)])
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        assert file.read("index/extra-1.bin") == segment
    name = exported_name(tmp_path / "alice.zip")
    changes = read_export(tmp_path / "alice.zip")
    assert name == "alice"
    kept = [change for change in changes if change.kind == "index"]
    assert [(change.key, change.value) for change in kept] == memory._archive.store.scan(
        "alice", "index"
    )


def test_a_zip_bomb_among_the_records_is_refused_and_nothing_is_restored(
    memory: OpticalMemory, tmp_path: Path
):
    memory.export(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("picture/0000009/large.png", bytes(20 << 20))
    with pytest.raises(InputError, match="unpacked from"):
        OpticalMemory.restore(tmp_path / "a.zip", session="b", store=memory.store)
    assert memory.store.sessions() == ["alice"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")
def test_an_exported_file_is_its_owners_alone(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "a.zip")
    assert (tmp_path / "a.zip").stat().st_mode & 0o077 == 0


# ---- damage --------------------------------------------------------------------------------------


def test_a_damaged_picture_is_left_out_and_the_rest_is_restored(
    memory: OpticalMemory, tmp_path: Path
):
    png = memory.store.get("alice", "picture", "0000000/large")
    assert png is not None
    memory.store.commit("alice", [Put("picture", "0000000/large", png[:-20])])
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip") as file:
        assert "picture/0000000/large.png" not in file.namelist()
    with OpticalMemory.restore(
        tmp_path / "alice.zip", "copy", store=memory.store, reader=TemplateReader()
    ) as copy:
        assert copy.stats().turns == memory.stats().turns


def test_a_record_under_a_key_that_no_record_has_is_left_out(memory: OpticalMemory, tmp_path: Path):
    memory.store.commit("alice", [Put("index", "\ud800/..", b"{}"), Put("picture", "x", b"")])
    memory.export(tmp_path / "alice.zip")
    assert len(read_export(tmp_path / "alice.zip")) > 20


def test_a_session_with_a_damaged_turn_is_repaired_before_it_is_exported(
    memory: OpticalMemory, tmp_path: Path
):
    memory.store.commit("alice", [Put("turn", "000000003", b'{"sum":"00000000","id":"t3"}')])
    with pytest.raises(StoreError, match="check\\(repair=True\\)"):
        memory.export(tmp_path / "alice.zip")
    assert not (tmp_path / "alice.zip").exists()
    memory.check(repair=True)
    memory.export(tmp_path / "alice.zip")
    assert read_export(tmp_path / "alice.zip")


def test_a_plain_export_has_no_key(memory: OpticalMemory, tmp_path: Path):
    memory.export(tmp_path / "alice.zip")
    with zipfile.ZipFile(tmp_path / "alice.zip", "a") as file:
        file.writestr("session/data-key.json", b"{}")
    with pytest.raises(InputError, match="not encrypted"):
        read_export(tmp_path / "alice.zip")
