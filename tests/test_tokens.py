"""Codecs: tokens survive the trip to bytes and back, and nothing else passes for tokens."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save

from optical_memory.errors import CorruptTokens, InputError, ReaderMismatch
from optical_memory.tokens import (
    CODECS,
    F16,
    INT4,
    INT8,
    TokenCodec,
    VisualTokens,
    blob_key,
    codec,
    unpack,
)

GOLDEN = Path(__file__).parent / "golden"
every_codec = pytest.mark.parametrize("kind", CODECS.values(), ids=CODECS)
numbers = st.floats(-1e4, 1e4, width=32, allow_nan=False)
tables = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=70), elements=numbers)


def tokens_of(values: np.ndarray) -> VisualTokens:
    return VisualTokens(values, "pocket", "r1", "base")


def sample(n: int = 64, d: int = 256, seed: int = 0) -> VisualTokens:
    return tokens_of(np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32))


def trip(kind: TokenCodec, values: np.ndarray) -> np.ndarray:
    return unpack(kind.pack(tokens_of(values))).values


@every_codec
def test_unpacking_gives_back_shape_dtype_and_maker(kind: TokenCodec) -> None:
    back = unpack(kind.pack(sample(9, 33)), expect=("pocket", "r1", "base"))
    assert (back.values.shape, back.values.dtype) == ((9, 33), np.float32)
    assert (back.reader, back.revision, back.rung) == ("pocket", "r1", "base")


@given(tables)
@settings(deadline=None, max_examples=60)
def test_f16_errs_by_half_a_unit_in_the_last_place(values: np.ndarray) -> None:
    assert (np.abs(trip(F16, values) - values) <= np.abs(values) * 2**-11 + 2**-25).all()


@given(tables)
@settings(deadline=None, max_examples=60)
def test_int8_errs_by_half_a_step_of_its_token(values: np.ndarray) -> None:
    step = np.abs(values).max(axis=1, keepdims=True) / 127
    assert (np.abs(trip(INT8, values) - values) <= step * 0.5001 + 1e-40).all()


@given(tables)
@settings(deadline=None, max_examples=60)
def test_int4_errs_by_half_a_step_of_its_group(values: np.ndarray) -> None:
    error = np.abs(trip(INT4, values) - values)
    for start in range(0, values.shape[1], 32):
        group = values[:, start : start + 32]
        low = group.min(axis=1, keepdims=True)
        extent = group.max(axis=1, keepdims=True) - low
        bound = extent / 30 * 1.02 + np.abs(low) * 2**-10 + extent * 2**-10 + 1e-6
        assert (error[:, start : start + 32] <= bound).all()


@pytest.mark.parametrize(
    ("kind", "bytes_per_token", "error"), [(F16, 2561, 3e-4), (INT8, 1286, 1e-2), (INT4, 802, 0.1)]
)
def test_a_page_of_deepseek_tokens_takes_the_bytes_that_are_advertised(
    kind: TokenCodec, bytes_per_token: int, error: float
) -> None:
    page = sample(256, 1280)
    data = kind.pack(page)
    assert len(data) / 256 <= bytes_per_token
    assert np.linalg.norm(unpack(data).values - page.values) / np.linalg.norm(page.values) < error


@every_codec
def test_packing_what_was_unpacked_changes_it_no_further(kind: TokenCodec) -> None:
    tokens = unpack(kind.pack(sample()))
    second_trip = unpack(kind.pack(tokens))
    assert np.allclose(tokens.values, second_trip.values, rtol=2e-3, atol=2e-3)


@every_codec
def test_equal_tokens_give_equal_bytes(kind: TokenCodec) -> None:
    fortran = tokens_of(np.asfortranarray(sample().values))
    assert kind.pack(sample()) == kind.pack(sample()) == kind.pack(fortran)


@every_codec
def test_constant_and_zero_tokens_come_back_exactly(kind: TokenCodec) -> None:
    assert (trip(kind, np.zeros((3, 40), np.float32)) == 0).all()
    assert np.allclose(trip(kind, np.full((3, 40), 0.5, np.float32)), 0.5, rtol=1e-6)


@pytest.mark.parametrize("kind", [F16, INT4], ids=["f16", "int4"])
def test_what_half_precision_cannot_hold_is_clamped(kind: TokenCodec) -> None:
    assert trip(kind, np.array([[1e9, -1e9] * 20], np.float32)).max() <= 65_504 * 1.01


@every_codec
@pytest.mark.parametrize(
    "values",
    [
        np.zeros((0, 4)),
        np.zeros(4),
        np.zeros((2, 2, 2)),
        np.array([[np.nan, 1]]),
        np.array([[np.inf, 1]]),
    ],
    ids=["empty", "1-d", "3-d", "nan", "inf"],
)
def test_only_finite_tables_are_packed(kind: TokenCodec, values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        kind.pack(tokens_of(values.astype(np.float32)))


@pytest.mark.parametrize(
    "maker", [("deepseek", "r1", "base"), ("pocket", "r2", "base"), ("pocket", "r1", "tiny")]
)
def test_tokens_of_another_reader_revision_or_rung_are_refused(maker: tuple[str, str, str]) -> None:
    with pytest.raises(ReaderMismatch, match="encode the page again"):
        unpack(INT8.pack(sample()), expect=maker)


@every_codec
def test_a_blob_with_any_byte_changed_never_gives_other_numbers(kind: TokenCodec) -> None:
    data = kind.pack(sample(4, 40))
    body = 8 + int.from_bytes(data[:8], "little")
    harmless = []
    for position in range(len(data)):
        flipped_data = bytearray(data)
        flipped_data[position] ^= 0x41
        try:
            tokens = unpack(bytes(flipped_data))
        except CorruptTokens:
            continue
        assert np.array_equal(tokens.values, unpack(data).values)
        harmless.append(position)
    # They lie in the name of the maker, which `expect` compares.
    assert all(8 <= position < body for position in harmless)
    assert len(harmless) < 20


@every_codec
def test_a_blob_cut_short_or_drawn_out_is_refused(kind: TokenCodec) -> None:
    data = kind.pack(sample(4, 40))
    for size in range(len(data)):
        with pytest.raises(CorruptTokens):
            unpack(data[:size])
    with pytest.raises(CorruptTokens):
        unpack(data + b"\0")


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_are_no_tokens(data: bytes) -> None:
    with pytest.raises(CorruptTokens):
        unpack(data)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 9_000,
        b'{"a":' * 3_000,
        b"[]",
        b"{}",
        b'{"__metadata__":{"optical_memory":"{}"}}',
        b'{"__metadata__":{"optical_memory":3}}',
        b'{"__metadata__":[]}',
        b"\xff\xfe",
    ],
)
def test_hostile_headers_are_refused(header: bytes) -> None:
    with pytest.raises(CorruptTokens):
        unpack(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize("size", [16_385, 1 << 40, 2**64 - 1])
def test_an_oversize_header_is_refused_before_it_is_read(size: int) -> None:
    with pytest.raises(CorruptTokens, match=f"header of {size} bytes"):
        unpack(size.to_bytes(8, "little") + b"{" * 64)


def test_a_header_is_refused_for_its_size_even_when_the_rest_is_right() -> None:
    data = INT8.pack(sample(4, 40))
    size = int.from_bytes(data[:8], "little")

    def with_header_of(n_bytes: int) -> bytes:
        header = data[8 : 8 + size].ljust(n_bytes)
        return n_bytes.to_bytes(8, "little") + header + data[8 + size :]

    assert np.array_equal(unpack(with_header_of(16_384)).values, unpack(data).values)
    with pytest.raises(CorruptTokens, match="header of 16392 bytes"):
        unpack(with_header_of(16_392))


def about(**changes: object) -> dict[str, str]:
    facts: dict[str, object] = {"codec": "int8", "crc32": 0, "format": 1, "shape": [2, 2]}
    facts |= {"reader": "r", "revision": "1", "rung": "base"} | changes
    return {"optical_memory": json.dumps(facts)}


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [2, 3]},
        {"shape": [2]},
        {"shape": [True, 2]},
        {"shape": [-2, -2]},
        {"shape": [1 << 60, 1 << 60]},
        {"codec": "int9"},
        {"codec": ["int8"]},
        {"codec": "f16"},
        {"format": 2},
        {"reader": None},
        {"crc32": 1},
    ],
    ids=str,
)
def test_a_blob_whose_metadata_lie_is_refused(changes: dict[str, object]) -> None:
    tensors = {"scale": np.ones((2, 1), np.float32), "values": np.ones((2, 2), np.int8)}
    with pytest.raises(CorruptTokens):
        unpack(save(tensors, about(**changes)))


def test_numbers_that_are_not_finite_are_refused_even_with_a_right_checksum() -> None:
    bad = np.array([[np.nan, 1, 1, 1]], "<f2")
    header = about(codec="f16", shape=[1, 4], crc32=zlib.crc32(bad.tobytes()))
    with pytest.raises(CorruptTokens, match="finite"):
        unpack(save({"values": bad}, header))


def test_a_maker_whose_name_does_not_fit_the_header_is_refused_when_packing() -> None:
    with pytest.raises(ValueError, match="header"):
        INT8.pack(VisualTokens(np.ones((1, 4), np.float32), "r" * 20_000, "1", "base"))


def test_codecs_are_found_by_name() -> None:
    assert [codec(name) for name in ("f16", "int8", "int4")] == [F16, INT8, INT4]
    with pytest.raises(InputError, match="f16, int8, int4"):
        codec("INT8")


def test_a_blob_key_depends_on_each_of_its_inputs_and_on_where_they_end() -> None:
    base = ("sha256:ab", "pocket", "r1", "base", "int8")
    changes = [(*base[:i], base[i] + "x", *base[i + 1 :]) for i in range(5)]
    moved_border = ("sha256:abpocket", "", *base[2:])
    assert len({blob_key(*inputs) for inputs in [base, moved_border, *changes]}) == 7
    assert blob_key(*base) == blob_key(*base)


@pytest.mark.parametrize("name", ["f16", "int8", "int4"])
def test_blobs_of_format_1_are_read_forever(name: str) -> None:
    tokens = unpack(
        (GOLDEN / f"tokens-1-{name}.safetensors").read_bytes(), expect=("pocket", "golden", "tiny")
    )
    assert np.array_equal(tokens.values, np.load(GOLDEN / f"tokens-1-{name}.npy"))


def test_a_blob_key_of_this_version_is_found_by_every_later_one() -> None:
    key = blob_key("sha256:00", "pocket", "golden", "tiny", "int8")
    assert key == json.loads((GOLDEN / "keys-1.json").read_text())["blob_key"]
