"""Every refusal that docs/loading.md lists is given for some file, as it stands there."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from optical_memory.errors import InputError
from optical_memory.loaders import detect, load
from optical_memory.loaders.content import utf8
from optical_memory.loaders.formats import Format

DOCUMENT = Path(__file__).parents[2] / "docs" / "loading.md"

HI = b'[{"role": "user", "content": "hi"}]'
NAME = "chat.json"

REFUSED: dict[str, tuple[str, bytes]] = {
    "a zip": ("chat.zip", b"PK\x03\x04\x14\x00"),
    "a database": ("chat.json", b"SQLite format 3\x00\x10\x00"),
    "a PDF": ("chat.pdf", b"%PDF-1.7\n"),
    "a PNG": ("chat.png", b"\x89PNG\r\n\x1a\n"),
    "a JPEG": ("chat.jpg", b"\xff\xd8\xff\xe0"),
    "a film": ("chat.mp4", b"\x00\x00\x00\x18ftypmp42"),
    "a Parquet table": ("chat.parquet", b"PAR1\x15\x04"),
    "zstd": ("chat.zst", b"\x28\xb5\x2f\xfd\x00"),
    "NULs": ("chat.bin", bytes(100) + b"abc" + bytes(range(200))),
    "UTF-16 without a mark": (NAME, HI.decode().encode("utf-16-le")),
    "Latin-1": ("chat.txt", "Où? Là!\n".encode("latin-1") * 20),
    "Latin-1 in JSON": (NAME, '[{"role": "user", "content": "où?"}]'.encode("latin-1")),
    "no UTF-32": ("chat.txt", b"\xff\xfe\x00\x00" + b"\xff" * 8),
    "half a gzip": ("chat.json.gz", gzip.compress(HI)[:-9]),
    "not gzip": ("chat.json.gz", b"\x1f\x8b rubbish"),
    "a gzip bomb": ("chat.json.gz", gzip.compress(bytes(100_000))),
    "empty": (NAME, b""),
    "a text": (NAME, b"User: hi"),
    "a mistake": (NAME, b'[{"role": "user",, "content": "hi"}]'),
    "cut off": (NAME, b'{"messages": [{"role": "user", "cont'),
    "deep": (NAME, b"[" * 100_000 + b"]" * 100_000),
    "deep objects": (NAME, b'{"messages":' * 9_000 + b"1" + b"}" * 9_000),
    "another kind": (NAME, b'[{"author": "me", "words": "hi"}]'),
    "numbers": (NAME, b'["a", "b"]'),
    "no messages": (NAME, b'{"messages": []}'),
    "empty messages": (NAME, b'[{"role": "user", "content": " "}]'),
    "a blank text": ("chat.txt", b"  \n\n"),
    "a bad time": (NAME, b'[{"role": "user", "content": "hi", "created_at": "tomorrow"}]'),
    "no words": (NAME, b'[{"type": "alien", "data": {}}]'),
}


def rows() -> list[str]:
    """The messages of the table, as they stand there."""
    table = DOCUMENT.read_text(encoding="utf-8").partition("## What is refused")[2]
    messages = re.findall(r"^\| (`` ?.*? ?``|`.*?`) \|", table, re.MULTILINE)
    return [message.strip("`").strip() for message in messages if "FILE" in message]


def pattern(row: str) -> str:
    escaped = re.escape(row).replace("FILE", r"\S+").replace("…", ".*")
    return f"{escaped}$"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        load(path)
    return str(refused.value)


@pytest.fixture
def refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `load` says about each of the files."""
    monkeypatch.setattr(utf8, "MAX_UNPACKED_BYTES", 10_000)
    messages = {"a folder": refusal(tmp_path), "no file": refusal(tmp_path / "absent.json")}
    for kind, (name, content) in REFUSED.items():
        path = tmp_path / name
        path.write_bytes(content)
        messages[kind] = refusal(path)
    path.write_bytes(HI)
    with monkeypatch.context() as patch:
        patch.setattr(utf8, "MAX_BYTES", 10)
        messages["large"] = refusal(path)
    unforeseen = Format("letters", lambda data: True, lambda document: document.data["letters"])
    with monkeypatch.context() as patch:
        patch.setattr(detect, "format_of", lambda document: unforeseen)
        messages["unforeseen"] = refusal(path)
    return messages


def test_every_refusal_stands_in_the_table_and_every_row_is_given(refusals: dict[str, str]):
    patterns = {row: re.compile(pattern(row), re.DOTALL) for row in rows()}
    assert len(patterns) > 15
    unknown = {
        kind: message
        for kind, message in refusals.items()
        if not any(row_pattern.match(message) for row_pattern in patterns.values())
    }
    assert unknown == {}
    idle = [
        row
        for row, row_pattern in patterns.items()
        if not any(row_pattern.match(message) for message in refusals.values())
    ]
    assert idle == []


def test_every_refusal_names_the_file_and_a_way_out(refusals: dict[str, str]):
    for message in refusals.values():
        assert "chat" in message or "absent.json" in message or "test_every" in message
        assert ";" in message


def test_the_place_of_a_message_that_cannot_be_read_is_named(refusals: dict[str, str]):
    assert refusals["a bad time"].startswith("chat.json: chat.messages[0]")
