"""Checksums: any program can read what has them, and nothing that changed is taken for right."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from optical_memory.errors import DamagedRecord, StoreError
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.session.records import TurnRecord, load_record
from optical_memory.stores import Kind, Put, Store
from optical_memory.stores.protection.base import DamagedValue
from optical_memory.stores.protection.checksums import Checksums, without_sum
from optical_memory.stores.protection.protected_store import protected

SUMS = Checksums()
TURN = b'{"id":"t1","ordinal":1,"role":"user","digest":"","text":"The gate code is 4417."}'
PNG = png_bytes((np.arange(32 * 32).reshape(32, 32) % 2 * 255).astype(np.uint8))
SEGMENT = b'{"v": 2}\n' + bytes(range(200))
VALUES: list[tuple[Kind, str, bytes]] = [
    ("turn", "000000001", TURN),
    ("picture", "0000001/large", PNG),
    ("index", "000000000", SEGMENT),
]


def flips(data: bytes) -> list[bytes]:
    """The data with each of its bits flipped in turn."""
    number = int.from_bytes(data, "big")
    return [(number ^ (1 << i)).to_bytes(len(data), "big") for i in range(8 * len(data))]


def test_a_record_with_its_sum_is_json_with_the_sum_first() -> None:
    data = SUMS.wrap("alice", "turn", "000000001", TURN)
    assert list(json.loads(data)) == ["sum", "id", "ordinal", "role", "digest", "text"]
    assert SUMS.unwrap("alice", "turn", "000000001", data) == TURN


def test_a_picture_with_its_sum_is_a_png_that_other_programs_show() -> None:
    data = SUMS.wrap("alice", "picture", "0000001/large", PNG)
    with Image.open(BytesIO(data)) as picture:
        picture.verify()
    assert (from_png(data) == from_png(PNG)).all()
    assert SUMS.unwrap("alice", "picture", "0000001/large", data) == PNG


@pytest.mark.parametrize(("kind", "key", "value"), VALUES)
def test_every_flipped_bit_is_told_or_changes_nothing(kind: Kind, key: str, value: bytes) -> None:
    data = SUMS.wrap("alice", kind, key, value)
    n_read = 0
    for changed in flips(data):
        try:
            unwrapped = SUMS.unwrap("alice", kind, key, changed)
        except DamagedRecord:
            continue
        n_read += 1
        if kind == "turn":  # a broken head is no field of any record
            assert not changed.startswith(b'{"sum":"')
            with pytest.raises(StoreError):
                load_record(TurnRecord, changed)
        else:
            assert unwrapped == value
    assert n_read <= 8 * 6


def test_flips_in_a_picture_without_a_sum_are_told_too() -> None:
    for changed in flips(PNG):
        with pytest.raises(DamagedRecord):
            SUMS.unwrap("alice", "picture", "k", changed)


@pytest.mark.parametrize(("kind", "key", "value"), VALUES)
def test_a_value_of_another_session_is_told(kind: Kind, key: str, value: bytes) -> None:
    data = SUMS.wrap("bob", kind, key, value)
    with pytest.raises(DamagedRecord):
        SUMS.unwrap("alice", kind, key, data)
    ((_, read),) = SUMS.unwrap_all("alice", kind, [(key, data)])
    assert isinstance(read, DamagedValue)


@pytest.mark.parametrize(("kind", "key", "value"), VALUES)
def test_sums_that_earlier_versions_made_without_the_session_are_right(
    kind: Kind, key: str, value: bytes
) -> None:
    data = SUMS.wrap("", kind, key, value)
    assert SUMS.unwrap("alice", kind, key, data) == value
    mixed = [(key, data), (key, SUMS.wrap("alice", kind, key, value))]
    assert [without_sum(read) for _, read in SUMS.unwrap_all("alice", kind, mixed)] == [value] * 2


@pytest.mark.parametrize(("kind", "key", "value"), VALUES)
def test_a_value_that_was_moved_to_another_key_is_told(kind: Kind, key: str, value: bytes) -> None:
    data = SUMS.wrap("alice", kind, key, value)
    with pytest.raises(DamagedRecord, match="checksum does not match"):
        SUMS.unwrap("alice", kind, key[:-1] + "9", data)


@pytest.mark.parametrize("data", [TURN, b'{"v": 1}', b"", b"{", b"\xff"])
def test_a_record_without_a_sum_is_read_as_it_is(data: bytes) -> None:
    assert SUMS.unwrap("alice", "turn", "000000001", data) == data


@pytest.mark.parametrize(
    "head", ['{"sum":"DDDDDDDD",', '{"sum": "DDDDDDDD",', '{"sum":7,', '{"sum":"D",']
)
def test_a_stale_sum_is_told_however_it_is_written(head: str) -> None:
    with pytest.raises(DamagedRecord):
        SUMS.unwrap("alice", "turn", "000000001", head.encode() + TURN[1:])


records = st.dictionaries(st.text(), st.text() | st.integers() | st.none(), min_size=1)


@given(values=st.dictionaries(st.text(), records, min_size=1, max_size=12), data=st.data())
def test_many_records_are_checked_at_once_and_the_wrong_ones_named(
    values: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    contents = {key: json.dumps(value).encode() for key, value in values.items()}
    contents = {key: value for key, value in contents.items() if not value.startswith(b'{"sum"')}
    pairs = [(key, SUMS.wrap("s", "turn", key, value)) for key, value in contents.items()]
    assert [(k, without_sum(v)) for k, v in SUMS.unwrap_all("s", "turn", pairs)] == [
        *contents.items()
    ]
    wrong_keys = data.draw(st.sets(st.sampled_from(sorted(contents)))) if contents else set()
    damaged = [(k, v[:-1] + b" }" if k in wrong_keys else v) for k, v in pairs]
    unwrapped = SUMS.unwrap_all("s", "turn", damaged)
    assert {key for key, value in unwrapped if isinstance(value, DamagedValue)} == wrong_keys


def test_one_bad_record_fails_no_scan(store: Store) -> None:
    safe = protected(store, SUMS)
    version = safe.commit("alice", [Put("turn", f"{n}", TURN) for n in range(3)])
    store.commit("alice", [Put("turn", "1", TURN.replace(b"4417", b"4418") + b"")])
    (raw,) = [value for key, value in store.scan("alice", "turn") if key == "0"]
    store.commit("alice", [Put("turn", "2", raw)])
    values = dict(safe.scan("alice", "turn"))
    assert without_sum(values["0"]) == TURN
    assert values["1"] == TURN.replace(b"4417", b"4418")  # written by hand, without a sum
    assert isinstance(values["2"], DamagedValue)
    changes = {c.key: c.value for c in safe.changes("alice", version) or [] if isinstance(c, Put)}
    assert isinstance(changes["2"], DamagedValue)
    assert isinstance(safe.get("alice", "turn", "2"), DamagedValue)
