"""Every refusal that docs/loading.md lists is given for some file, as it stands there."""

from __future__ import annotations

import ast
import gzip
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.chat_files import chatgpt_export

from optical_memory.errors import InputError
from optical_memory.loaders import (
    chatgpt,
    detect,
    headed_chat,
    load,
    markdown_chat,
    message_rows,
    openai_messages,
    places,
    turn_of,
    unpacking,
)
from optical_memory.loaders.content import utf8
from optical_memory.loaders.documents import table
from optical_memory.loaders.formats import Format
from optical_memory.loaders.places import files_in

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
    "a bad time": (
        NAME,
        b'[{"haystack_sessions": [[]], "haystack_session_ids": ["a"], "haystack_dates": ["soon"]}]',
    ),
    "no sessions": (NAME, b'[{"haystack_sessions": [], "haystack_session_ids": 1}]'),
    "an export without messages": (NAME, b'[{"uuid": "c", "name": "", "chat_messages": []}]'),
    "settings of LobeChat": (NAME, b'{"exportType": "settings", "state": {"settings": {}}}'),
    "users of Slack": (NAME, b'[{"team_id": "T", "real_name": "Ivo", "profile": {}}]'),
    "a page": ("chat.html", b"<html><body>The crane is repaired.</body></html>"),
    "a table": ("chat.csv", b"who,what\numa,hello\nvik,hi\n"),
    "no words": (NAME, b'[{"type": "alien", "data": {}}]'),
}


CALLS: dict[str, Callable[[], object]] = {
    "other branches": lambda: chatgpt(chatgpt_export(), branches="chat"),
    "no Markdown chat": lambda: markdown_chat("Dear chat"),
    "no copied messages": lambda: headed_chat("Dear chat"),
    "no rows": lambda: message_rows([]),
    "an empty message": lambda: turn_of({"role": "user", "content": ""}),
    "two turns": lambda: turn_of(
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c", "content": "chat"}, "hi"],
        }
    ),
}
"""Calls that refuse what `load` would give to another loader."""


def rows() -> list[str]:
    """The messages of the tables, as they stand there."""
    tables = DOCUMENT.read_text(encoding="utf-8").partition("## What is refused")[2]
    messages = re.findall(r"^\| (?:`` ?(.*?) ?``|`(.*?)`) \|", tables, re.MULTILINE)
    return [double or single for double, single in messages]


def pattern(row: str) -> str:
    escaped = re.escape(row).replace("FILE", r"\S+").replace("…", ".*")
    return f"{escaped}$"


def refusal(path: Path) -> str:
    return message_of(lambda: load(path))


def message_of(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as refused:
        call()
    return str(refused.value)


@pytest.fixture
def refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `load` says about each of the files."""
    monkeypatch.setattr(utf8, "MAX_UNPACKED_BYTES", 10_000)
    messages = {"a folder": refusal(tmp_path), "no file": refusal(tmp_path / "absent.json")}
    messages["no name"] = refusal(tmp_path / "chat\0.json")
    for kind, (name, content) in REFUSED.items():
        path = tmp_path / name
        path.write_bytes(content)
        messages[kind] = refusal(path)
    path = tmp_path / NAME
    path.write_bytes(HI)
    with monkeypatch.context() as patch:
        patch.setattr(utf8, "MAX_BYTES", 10)
        messages["large"] = refusal(path)
    unforeseen = Format("letters", lambda data: True, lambda document: document.data["letters"])
    with monkeypatch.context() as patch:
        patch.setattr(detect, "format_of", lambda document: unforeseen)
        messages["unforeseen"] = refusal(path)
    path = tmp_path / "chat.csv"
    path.write_text("role,content\nuser,a long word\n", encoding="utf-8")
    messages["JSON of a table"] = message_of(lambda: openai_messages(path))
    with monkeypatch.context() as patch:
        patch.setattr(table, "sys", SimpleNamespace(maxsize=10))
        messages["a long cell"] = refusal(path)
    return {**messages, **refusals_of_places(tmp_path, monkeypatch), **refusals_of_calls()}


def refusals_of_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    path = folder / "chat.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.json", b" " * 100_000)
    content = path.read_bytes()
    messages = {"no place": message_of(lambda: list(files_in(str(folder / "absent.json"))))}
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "FREE_RATIO_BYTES", 1_000)
        messages["a bomb"] = message_of(lambda: [file.load() for file in files_in(str(path))])
    with monkeypatch.context() as patch:
        patch.setattr(places, "MAX_TOTAL_BYTES", 1_000)
        messages["a large zip"] = message_of(lambda: list(files_in(str(path))))
    path.write_bytes(content[:40] + b"\xff" * 20 + content[60:])
    messages["a damaged file"] = message_of(lambda: [file.load() for file in files_in(str(path))])
    path.write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x03"))
    messages["a damaged zip"] = message_of(lambda: list(files_in(str(path))))
    return messages


def refusals_of_calls() -> dict[str, str]:
    return {kind: message_of(call) for kind, call in CALLS.items()}


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
    for kind, message in refusals.items():
        assert re.search(r"; \w", message), kind
        is_named = "chat" in message or "absent.json" in message or "test_every" in message
        assert is_named or kind in CALLS, kind


def test_the_place_of_a_message_that_cannot_be_read_is_named(refusals: dict[str, str]):
    assert refusals["no words"].startswith("chat.json: chat.messages[0].role: ")
    assert refusals["a bad time"].startswith("chat.json: chat[0].haystack_dates[0]: ")


def test_every_error_of_the_loaders_has_a_row():
    """`load` adds the way out of the last row to an error without any."""
    rowless = [message for message in templates() if not any(map(matcher(message), rows()))]
    assert rowless == []


def matcher(message: str) -> Callable[[str], bool]:
    """Tells whether a row of the table and the message of an error may be the same."""
    if ";" not in message:
        message = f"place: {message}; {detect.MEND}"
    texts = (message, f"FILE: {message}")

    def is_row_of(row: str) -> bool:
        if re.match(pattern(message), row):
            return True
        return any(re.match(pattern(row), text) for text in texts)

    return is_row_of


def templates() -> list[str]:
    """The messages of the errors in the code of the loaders, with `…` for each value."""
    calls: list[ast.Call] = []
    for path in sorted(Path(detect.__file__).parent.rglob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        calls += [node for node in nodes if isinstance(node, ast.Call)]
    errors = [call.args[0] for call in calls if getattr(call.func, "id", "") == "InputError"]
    assert len(errors) > 60
    return list(filter(None, map(template, errors)))


def template(message: ast.expr) -> str | None:
    """None for a message that is no literal here."""
    if isinstance(message, ast.JoinedStr):
        return "".join(filter(None, map(template, message.values)))
    if isinstance(message, ast.FormattedValue):
        return "…"
    return str(message.value) if isinstance(message, ast.Constant) else None
