"""Keys on the command line: made, given to every command, exchanged."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from support.encrypted_memories import bytes_under
from support.shell import Shell

from optical_memory.stores.encryption.tenant_key import KEY_VARIABLE, TenantKey

TURNS = [
    {"role": "user", "content": "The zorblax code is QX-7731."},
    {"role": "assistant", "content": "Noted: zorblax."},
]


@pytest.fixture
def key_file(shell: Shell, tmp_path: Path) -> str:
    assert shell.run("key", "new", str(tmp_path / "my.key"))[0] == 0
    return str(tmp_path / "my.key")


def remember(shell: Shell, tmp_path: Path, *words: str) -> None:
    (tmp_path / "talk.json").write_text(json.dumps(TURNS), encoding="utf-8")
    assert shell.on_store("remember", str(tmp_path / "talk.json"), *words)[0] == 0


def store_bytes(tmp_path: Path) -> bytes:
    return b"".join(path.read_bytes() for path in tmp_path.glob("memory.db*"))


def test_a_new_key_is_its_owners_alone_and_is_not_printed(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell.run("key", "new", str(tmp_path / "new.key"))
    key = TenantKey.from_file(tmp_path / "new.key")
    assert (code, err) == (0, "")
    assert key.id in out
    assert key.to_text().partition(":")[2] not in out
    assert stat.S_IMODE((tmp_path / "new.key").stat().st_mode) == 0o600
    code, _, err = shell.run("key", "new", str(tmp_path / "new.key"))
    assert (code, "cannot be written" in err) == (1, True)
    assert TenantKey.from_file(tmp_path / "new.key") == key


def test_commands_take_the_key_from_a_file_or_the_environment(
    shell: Shell, tmp_path: Path, key_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(shell, tmp_path, "--key-file", key_file)
    assert b"zorblax" not in store_bytes(tmp_path)
    for command in (["recall", "zorblax code"], ["stats"], ["check"], ["inspect"]):
        code, _, err = shell.on_store(*command)
        assert (code, "give its key" in err) == (1, True), command
        assert shell.on_store(*command, "--key-file", key_file)[0] == 0, command
    monkeypatch.setenv(KEY_VARIABLE, TenantKey.from_file(key_file).to_text())
    assert "QX-7731" in shell.on_store("recall", "zorblax code")[1]
    assert shell.json("bulk", "certify")["failed"] == 0
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setenv("OPTICAL_MEMORY_KEY_FILE", key_file)
    assert "QX-7731" in shell.on_store("context", "zorblax code")[1]


def test_a_plain_session_is_encrypted_and_keys_are_exchanged(
    shell: Shell, tmp_path: Path, key_file: str
) -> None:
    remember(shell, tmp_path)
    assert b"zorblax" in store_bytes(tmp_path)
    answer = shell.json("key", "encrypt", "--key-file", key_file)
    assert answer["rows"][0]["written"] >= 3
    assert b"zorblax" not in store_bytes(tmp_path)
    new_file = str(tmp_path / "new.key")
    shell.run("key", "new", new_file)
    shell.json("key", "rotate", "--to", new_file, "--data", "--key-file", key_file)
    assert shell.on_store("recall", "zorblax", "--key-file", key_file)[0] == 1
    assert "QX-7731" in shell.on_store("recall", "zorblax", "--key-file", new_file)[1]
    assert b"QX-7731" not in bytes_under(tmp_path).replace(
        (tmp_path / "talk.json").read_bytes(), b""
    )


def test_what_is_missing_is_asked_for(shell: Shell, tmp_path: Path, key_file: str) -> None:
    remember(shell, tmp_path)
    assert "--key-file" in shell.on_store("key", "encrypt")[2]
    assert "--to" in shell.on_store("key", "rotate", "--key-file", key_file)[2]
    code, _, err = shell.on_store("key", "encrypt", "--session", "x", "--key-file", key_file)
    assert (code, "no session 'x'" in err) == (1, True)
    code, _, err = shell.on_store("stats", "--key-file", key_file)
    assert (code, "key encrypt" in err) == (1, True)
    Path(key_file).chmod(0o644)
    code, _, err = shell.on_store("key", "encrypt", "--key-file", key_file)
    assert (code, "others may read" in err) == (1, True)


def test_a_rotation_that_ended_between_two_sessions_goes_on(
    shell: Shell, tmp_path: Path, key_file: str
) -> None:
    for session in ("first", "second", "third"):
        remember(shell, tmp_path, "--session", session, "--key-file", key_file)
    new_file = str(tmp_path / "new.key")
    shell.run("key", "new", new_file)
    rotate = ("key", "rotate", "--to", new_file, "--key-file", key_file)
    assert shell.on_store(*rotate, "--session", "first")[0] == 0
    assert shell.on_store(*rotate)[0] == 0
    for session in ("first", "second", "third"):
        assert shell.on_store("stats", "--session", session, "--key-file", new_file)[0] == 0
        assert shell.on_store("stats", "--session", session, "--key-file", key_file)[0] == 1


def test_a_session_of_another_tenant_is_named_and_keeps_no_other_from_its_new_key(
    shell: Shell, tmp_path: Path, key_file: str
) -> None:
    other_file = str(tmp_path / "other.key")
    shell.run("key", "new", other_file)
    remember(shell, tmp_path, "--session", "a", "--key-file", other_file)
    remember(shell, tmp_path, "--session", "b")
    code, out, _ = shell.on_store("key", "encrypt", "--key-file", key_file)
    assert (code, "session 'a'" in out) == (1, True)
    assert shell.on_store("stats", "--session", "b", "--key-file", key_file)[0] == 0
    assert shell.on_store("stats", "--session", "a", "--key-file", other_file)[0] == 0
