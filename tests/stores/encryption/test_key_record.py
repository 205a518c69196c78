"""The record of wrapped data keys: whoever changes it is noticed, and a key service may fail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from optical_memory.errors import KeyMismatch, NewerFormat, StoreError, StoreTimeout
from optical_memory.stores.encryption.key_record import (
    pack_keyring,
    repacked_keyring,
    unpack_keyring,
)
from optical_memory.stores.encryption.keyring import Keyring
from optical_memory.stores.encryption.tenant_key import TenantKey
from optical_memory.stores.turn_time import turn_time

KEY = TenantKey(b"t" * 32)


class Service:
    """A key service that a test may break."""

    id = "kms://tenant-1"

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def wrap(self, data_key: bytes) -> bytes:
        return KEY.wrap(data_key)

    def unwrap(self, wrapped_key: bytes) -> bytes:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer or KEY.unwrap(wrapped_key)


def test_a_keyring_is_read_back() -> None:
    keyring = Keyring.generate("alice", accepts_plain=True).with_new_key()
    for service in (KEY, Service()):
        twin = unpack_keyring("alice", pack_keyring(keyring, service), service)
        assert twin.keys == keyring.keys
        assert twin.accepts_plain
        data = keyring.current.encrypt("turn", "1", b"hello")
        assert twin.decrypt("turn", "1", data) == b"hello"


def test_the_record_names_key_algorithm_and_version_and_shows_no_key() -> None:
    keyring = Keyring.generate("alice")
    record = json.loads(pack_keyring(keyring, KEY))
    assert record["v"] == 7
    assert record["data_keys"][0]["algorithm"] == "AES-256-SIV"
    assert record["data_keys"][0]["tenant_key"] == KEY.id
    assert keyring.keys[0].secret.hex()[:8] not in json.dumps(record)


def test_another_tenants_key_is_told_by_its_id() -> None:
    record = pack_keyring(Keyring.generate("alice"), KEY)
    other = TenantKey.generate()
    with pytest.raises(KeyMismatch, match=f"{KEY.id}; the key given is {other.id}"):
        unpack_keyring("alice", record, other)


def test_a_record_does_not_open_in_another_session() -> None:
    record = pack_keyring(Keyring.generate("alice"), KEY)
    with pytest.raises(KeyMismatch, match="damaged or was changed"):
        unpack_keyring("bob", record, KEY)


def test_no_flipped_bit_of_the_record_goes_unnoticed() -> None:
    keyring = Keyring.generate("alice")
    record = pack_keyring(keyring, KEY)
    for bit in range(8 * len(record)):
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((KeyMismatch, NewerFormat)):
            unpack_keyring("alice", bytes(changed), KEY)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"v":7,"data_keys":[],"mac":""}'])
def test_what_is_no_record_is_told(data: bytes) -> None:
    with pytest.raises(KeyMismatch, match="damaged or was changed"):
        unpack_keyring("alice", data, KEY)


def test_a_newer_versions_record_is_left_alone() -> None:
    with pytest.raises(NewerFormat):
        unpack_keyring("alice", b'{"v":8,"other":1}', KEY)


def test_nobody_without_the_data_key_can_have_plain_values_accepted() -> None:
    record = json.loads(pack_keyring(Keyring.generate("alice"), KEY))
    record["accepts_plain"] = True
    with pytest.raises(KeyMismatch, match="damaged or was changed"):
        unpack_keyring("alice", json.dumps(record).encode(), KEY)


def test_an_open_keyring_goes_on_under_a_new_tenants_key() -> None:
    keyring = Keyring.generate("alice")
    record = pack_keyring(keyring, TenantKey.generate())
    twin = repacked_keyring(keyring, record)
    assert twin is not None
    assert twin.keys == keyring.keys
    assert repacked_keyring(Keyring.generate("alice"), record) is None


# ---- key services --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError("away"), ValueError("no"), Exception("no"), SystemExit()]
)
def test_whatever_a_key_service_raises_is_a_store_error(error: BaseException) -> None:
    record = pack_keyring(Keyring.generate("alice"), Service())
    with pytest.raises(StoreError, match="kms://tenant-1") as failure:
        unpack_keyring("alice", record, Service(error))
    assert failure.value.__cause__ is error


@pytest.mark.parametrize("answer", [b"short", b"k" * 33, "k" * 32, 7])
def test_a_key_service_that_gives_no_key_is_noticed(answer: Any) -> None:
    record = pack_keyring(Keyring.generate("alice"), Service())
    with pytest.raises(KeyMismatch):
        unpack_keyring("alice", record, Service(answer))


def test_a_key_service_that_gives_another_key_is_noticed() -> None:
    record = pack_keyring(Keyring.generate("alice"), Service())
    with pytest.raises(KeyMismatch):
        unpack_keyring("alice", record, Service(b"x" * 32))


def test_a_turn_does_not_wait_for_a_key_service_that_hangs() -> None:
    class Hung(Service):
        def unwrap(self, wrapped_key: bytes) -> bytes:
            time.sleep(1.5)
            return wrapped_key

    record = pack_keyring(Keyring.generate("alice"), Service())
    begin = time.monotonic()
    with pytest.raises(StoreTimeout, match="key service"), turn_time(0.1):
        unpack_keyring("alice", record, Hung())
    assert time.monotonic() - begin < 1
