"""Folders, zip files and the sessions of programs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from optical_memory.errors import InputError
from optical_memory.loaders import LoadedFile, places, unpacking
from optical_memory.loaders.places import files_in

CHAT = json.dumps([{"role": "user", "content": "The gate code is 4417."}])


def write(path: Path, text: str = CHAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def names(place: Path | str) -> list[str]:
    return [file.name for file in files_in(str(place))]


def test_a_folder_gives_its_files_in_order_and_no_others(tmp_path: Path):
    for name in ("b.json", "a/c.md", ".aider.chat.history.md", "x.png", ".git/d.json"):
        write(tmp_path / name)
    assert names(tmp_path) == [".aider.chat.history.md", "a/c.md", "b.json"]


def test_a_zip_file_is_read_without_unpacking_it(tmp_path: Path):
    path = zipped(
        tmp_path / "export.zip", {"a/chat.json": CHAT, "photo.png": "x", "../up.json": CHAT}
    )
    files = list(files_in(str(path)))
    assert [file.name for file in files] == ["../up.json", "a/chat.json"]
    loaded = [file.load() for file in files_in(str(path))]
    assert [item.conversations[0].turns[0].text for item in loaded] == [
        "The gate code is 4417."
    ] * 2
    assert [item.conversations[0].id for item in loaded] == ["up", "chat"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_a_place_whatever_its_name(tmp_path: Path):
    assert names(write(tmp_path / "chat.bak")) == ["chat.bak"]


def test_programs_keep_their_sessions_where_their_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "claude/projects/p/1.jsonl")
    write(tmp_path / "codex/sessions/2026/01/rollout.jsonl")
    write(tmp_path / "home/.gemini/tmp/p/chats/2.json")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert names("claude-code") == ["p/1.jsonl"]
    assert names("codex") == ["2026/01/rollout.jsonl"]
    assert names("gemini-cli") == ["p/chats/2.json"]


def test_a_place_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="no such file or folder; programs that we know are"):
        names(tmp_path / "nowhere")


# ---- zip files that lie --------------------------------------------------------------------------


def files_in_turn(path: Path) -> list[LoadedFile | InputError]:
    """The files of a zip file, each loaded while it is open, or the error of it."""
    results: list[LoadedFile | InputError] = []
    for file in files_in(str(path)):
        try:
            results.append(file.load())
        except InputError as error:
            results.append(error)
    return results


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpacking, "FREE_RATIO_BYTES", 1 << 16)
    path = zipped(tmp_path / "bomb.zip", {"a.json": " " * (1 << 22), "b.json": CHAT})
    bomb, chat = files_in_turn(path)
    assert isinstance(bomb, InputError)
    assert "unpacked from" in str(bomb)
    assert isinstance(chat, LoadedFile)


def test_a_header_that_says_less_does_not_help_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = zipped(tmp_path / "lie.zip", {"a.json": " " * (1 << 22)})
    size = (1 << 22).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (1000).to_bytes(4, "little")))
    monkeypatch.setattr(unpacking, "FREE_RATIO_BYTES", 1 << 16)
    (error,) = files_in_turn(path)
    assert isinstance(error, InputError)


def test_a_zip_file_with_too_much_in_all_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(places, "MAX_TOTAL_BYTES", 100)
    with pytest.raises(InputError, match="unpack it and import the folder"):
        names(zipped(tmp_path / "large.zip", {"a.json": CHAT * 3}))


def test_a_damaged_zip_file_is_an_input_error(tmp_path: Path):
    path = zipped(tmp_path / "cut.zip", {"a.json": CHAT * 100})
    data = bytearray(path.read_bytes())
    data[40:60] = bytes(20)
    path.write_bytes(bytes(data))
    (error,) = files_in_turn(path)
    assert isinstance(error, InputError)
