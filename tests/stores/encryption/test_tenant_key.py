"""A tenant's key: where it comes from, who may read it, and what it wraps."""

from __future__ import annotations

import os
import pickle
import stat
from pathlib import Path

import pytest

from optical_memory.errors import InputError, KeyMismatch
from optical_memory.stores.encryption.tenant_key import KEY_VARIABLE, TenantKey


def test_a_key_that_was_written_is_read_back(tmp_path: Path) -> None:
    key = TenantKey.generate()
    key.write(tmp_path / "key")
    assert TenantKey.from_file(tmp_path / "key") == key
    assert TenantKey.from_file(tmp_path / "key").id == key.id


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        TenantKey.generate().write(tmp_path / "key")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_key_file_is_never_written_over(tmp_path: Path) -> None:
    key = TenantKey.generate()
    key.write(tmp_path / "key")
    with pytest.raises(InputError, match="cannot be written"):
        TenantKey.generate().write(tmp_path / "key")
    assert TenantKey.from_file(tmp_path / "key") == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o601, 0o777])
def test_a_key_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    TenantKey.generate().write(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(InputError, match="others may read"):
        TenantKey.from_file(tmp_path / "key")


@pytest.mark.parametrize(
    "text", ["", "secret words", "optical-memory-key-1:", "optical-memory-key-1:AAAA", "é" * 9]
)
def test_a_text_that_is_no_key_is_refused_and_never_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        TenantKey.from_file(path)
    assert "secret words" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        TenantKey.from_file(tmp_path / "nothing")


def test_a_key_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    key = TenantKey.generate()
    monkeypatch.setenv(KEY_VARIABLE, f"  {key.to_text()}\n")
    assert TenantKey.from_env() == key
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(InputError, match=KEY_VARIABLE):
        TenantKey.from_env()


def test_no_repr_and_no_id_shows_the_key() -> None:
    key = TenantKey.generate()
    written = key.to_text().partition(":")[2]
    for text in (repr(key), str(key), f"{key}", key.id):
        assert written not in text
        assert key.secret.hex()[:8] not in text
        assert repr(key.secret) not in text


def test_a_key_goes_to_worker_processes() -> None:
    key = TenantKey.generate()
    assert pickle.loads(pickle.dumps(key)) == key


def test_a_wrapped_key_opens_with_its_own_key_alone() -> None:
    key = TenantKey.generate()
    wrapped = key.wrap(b"k" * 32)
    assert b"k" * 8 not in wrapped
    assert key.unwrap(wrapped) == b"k" * 32
    with pytest.raises(KeyMismatch):
        TenantKey.generate().unwrap(wrapped)


def test_no_flipped_bit_of_a_wrapped_key_goes_unnoticed() -> None:
    key = TenantKey.generate()
    wrapped = key.wrap(b"k" * 32)
    for bit in range(8 * len(wrapped)):
        changed = bytearray(wrapped)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyMismatch):
            key.unwrap(bytes(changed))


@pytest.mark.parametrize("secret", [b"", b"k" * 31, b"k" * 33, "k" * 32, None])
def test_a_key_has_32_bytes(secret: bytes) -> None:
    with pytest.raises(InputError, match="32 bytes"):
        TenantKey(secret)
