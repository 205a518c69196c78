"""Encrypted values: they open at their own place, under their own key, if no bit was changed."""

from __future__ import annotations

import base64
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.errors import DamagedRecord, MissingExtra
from optical_memory.stores.encryption.cipher import RecordCipher, derive_key, is_encrypted

SECRET = b"k" * 32
NAMES = st.text(st.characters(), max_size=20)  # surrogates too


def cipher(session: str = "alice", secret: bytes = SECRET, id: bytes = b"id-1") -> RecordCipher:
    return RecordCipher(secret, id, session)


@given(NAMES, NAMES, st.binary(max_size=2000))
def test_a_value_is_read_back(session: str, key: str, value: bytes) -> None:
    data = cipher(session).encrypt("turn", key, value)
    assert cipher(session).decrypt("turn", key, data) == value


def test_hkdf_is_that_of_rfc_5869() -> None:
    # RFC 5869, appendix A.1: PRK, info and OKM
    secret = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    key = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert derive_key(secret, info, 42).hex() == key


@pytest.mark.parametrize(
    ("session", "kind", "key"),
    [("bob", "turn", "1"), ("alice", "page", "1"), ("alice", "turn", "2"), ("alice", "tur", "n1")],
)
def test_a_value_does_not_open_at_another_place(session: str, kind: str, key: str) -> None:
    data = cipher().encrypt("turn", "1", b"the gate code")
    with pytest.raises(DamagedRecord):
        cipher(session).decrypt(kind, key, data)


def test_a_value_does_not_open_under_another_key_or_id() -> None:
    data = cipher().encrypt("turn", "1", b"the gate code")
    for other in (cipher(secret=b"x" * 32), cipher(id=b"id-2")):
        with pytest.raises(DamagedRecord):
            other.decrypt("turn", "1", data)


def test_no_flipped_bit_and_no_cut_goes_unnoticed() -> None:
    own = cipher()
    data = own.encrypt("turn", "1", b"The gate code is 4417.")
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedRecord):
            own.decrypt("turn", "1", bytes(changed))
    for length in range(len(data)):
        with pytest.raises(DamagedRecord):
            own.decrypt("turn", "1", data[:length])
    with pytest.raises(DamagedRecord):
        own.decrypt("turn", "1", data + b"\0")


def test_the_error_says_nothing_of_the_value() -> None:
    data = cipher().encrypt("turn", "1", b"zorblax")
    with pytest.raises(DamagedRecord) as refusal:
        cipher().decrypt("turn", "2", data)
    assert "zorblax" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_same_value_twice_gives_other_bytes() -> None:
    own = cipher()
    assert len({own.encrypt("turn", "1", b"yes") for _ in range(100)}) == 100


def test_no_form_of_the_text_is_in_the_bytes() -> None:
    text = "The zorblax code is QX-7731-ZZ."
    data = cipher().encrypt("turn", "1", text.encode())
    for trace in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()):
        assert trace[:8] not in data
    assert base64.b64encode(text.encode())[:8] not in data


def test_an_encrypted_value_says_so_and_no_json_or_png_does() -> None:
    assert is_encrypted(cipher().encrypt("turn", "1", b""))
    assert not is_encrypted(b'{"id":"m1"}')
    assert not is_encrypted(b"\x89PNG\r\n\x1a\n")


def test_blob_names_hide_their_keys() -> None:
    names = {cipher(s, k).blob_name("sha256:1") for s in ("a", "b") for k in (SECRET, b"x" * 32)}
    assert len(names) == 4
    assert cipher().blob_name("sha256:1") == cipher().blob_name("sha256:1")
    assert not any("sha256" in name for name in names)


def test_many_random_changes_are_noticed() -> None:
    chance = random.Random(7)
    own = cipher()
    for _ in range(500):
        data = bytearray(own.encrypt("page", "1", chance.randbytes(chance.randrange(200))))
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        with pytest.raises(DamagedRecord):
            own.decrypt("page", "1", bytes(data))


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(MissingExtra, match=r"optical-memory\[encryption\]"):
        cipher()


def test_the_library_is_loaded_with_the_first_key_and_not_before() -> None:
    code = (
        "import sys, optical_memory.memory, optical_memory.stores.encryption.encrypted_store as e;"
        "assert not [m for m in sys.modules if m.startswith('cryptography')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
