"""Visual tokens as a value, and the codecs that turn them into bytes and back.

Only the n² grid tokens are kept: newline and separator vectors are constants of the model, and
reading puts them back. A blob is a safetensors file. Its one metadata key holds canonical JSON
(format, codec, maker, shape, checksum), so equal tokens give equal bytes. Every format ever
released is in tests/golden/ and stays readable.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CorruptTokens, InputError, ReaderMismatch

__all__ = [
    "CODECS",
    "F16",
    "INT4",
    "INT8",
    "TokenCodec",
    "VisualTokens",
    "codec",
    "unpack",
]

Floats = npt.NDArray[np.float32]
Tensors = Mapping[str, npt.NDArray[Any]]
Spec = dict[str, tuple[str, tuple[int, ...]]]  # tensor name -> safetensors dtype, shape

BLOB_FORMAT: Final = 1
MAX_HEADER: Final = 16_384  # bytes; ours are about 400. Refused before anything is allocated
_METADATA: Final = "optical_memory"
_GROUP: Final = 32  # values that share a scale and an offset in INT4
_F16_MAX: Final = 65_504.0  # the largest number of half precision


@dataclass(frozen=True, eq=False)
class VisualTokens:
    """An encoded page: `values` (n, d) float32, made by `reader`@`revision` at `rung`."""

    values: npt.NDArray[np.float32]  # (n, d), row-major over the token grid
    reader: str
    revision: str
    rung: str


# ---- codecs --------------------------------------------------------------------------------------
# (n, d) values to tensors and back. Each of the three is a format: changes need a new name.


def _f16_pack(values: Floats) -> Tensors:
    return {"values": np.clip(values, -_F16_MAX, _F16_MAX).astype("<f2")}


def _f16_unpack(tensors: Tensors, n: int, d: int) -> Floats:
    return tensors["values"].astype(np.float32)


def _int8_pack(values: Floats) -> Tensors:
    scale = np.abs(values).max(axis=1, keepdims=True) / np.float32(127)
    divisor = np.where(scale > 0, scale, np.float32(1))  # a token of zeros has no scale
    return {
        "scale": scale.astype("<f4"),
        "values": np.clip(np.rint(values / divisor), -127, 127).astype("i1"),
    }


def _int8_unpack(tensors: Tensors, n: int, d: int) -> Floats:
    return tensors["values"].astype(np.float32) * tensors["scale"].astype(np.float32)


def _int4_pack(values: Floats) -> Tensors:
    groups = _groups(values)
    low = groups.min(axis=2).astype("<f2")
    spread = groups.max(axis=2) - low.astype(np.float32)
    scale = np.clip(spread / 15, 0, _F16_MAX).astype("<f2")
    # Levels are counted in the scale as it is stored, so that its rounding adds no error.
    step = np.where(scale > 0, scale, np.float16(1)).astype(np.float32)[..., None]
    levels = np.clip(np.rint((groups - low.astype(np.float32)[..., None]) / step), 0, 15)
    flat = levels.astype(np.uint8).reshape(len(values), -1)
    # Two values in a byte, the first in the low half.
    return {"low": low, "scale": scale, "values": flat[:, 0::2] | (flat[:, 1::2] << 4)}


def _groups(values: Floats) -> Floats:
    """(n, groups, 32) values; the last group is filled up with the last value."""
    n, d = values.shape
    n_groups = -(-d // _GROUP)
    filler = n_groups * _GROUP - d
    whole = np.pad(values, ((0, 0), (0, filler)), mode="edge")
    return np.clip(whole.reshape(n, n_groups, _GROUP), -_F16_MAX, _F16_MAX)


def _int4_unpack(tensors: Tensors, n: int, d: int) -> Floats:
    pairs = tensors["values"]
    levels = np.stack([pairs & 15, pairs >> 4], axis=2).reshape(n, -1, _GROUP).astype(np.float32)
    scale = tensors["scale"].astype(np.float32)[..., None]
    low = tensors["low"].astype(np.float32)[..., None]
    return np.ascontiguousarray((levels * scale + low).reshape(n, -1)[:, :d])


def _f16_spec(n: int, d: int) -> Spec:
    return {"values": ("F16", (n, d))}


def _int8_spec(n: int, d: int) -> Spec:
    return {"scale": ("F32", (n, 1)), "values": ("I8", (n, d))}


def _int4_spec(n: int, d: int) -> Spec:
    groups = -(-d // _GROUP)
    return {
        "low": ("F16", (n, groups)),
        "scale": ("F16", (n, groups)),
        "values": ("U8", (n, groups * _GROUP // 2)),
    }


@dataclass(frozen=True)
class TokenCodec:
    """One way to store visual tokens. There are `F16`, `INT8` (the default) and `INT4`.

    >>> tokens = VisualTokens(np.ones((2, 4), np.float32), "pocket", "r1", "base")
    >>> unpack(INT8.pack(tokens)).values.tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]

    Largest error of one value: F16 2⁻¹¹ of it; INT8 1/254 of the largest value in its token; INT4
    1/30 of the range of its group of 32, and 2⁻¹¹ of the group's smallest value. F16 and INT4 clamp
    to ±65504.

    `to_tensors` and `to_values` (tensors, n, d) are the format; `spec` has the tensors of (n, d).
    """

    name: str
    to_tensors: Callable[[Floats], Tensors]
    to_values: Callable[[Tensors, int, int], Floats]
    spec: Callable[[int, int], Spec]

    def pack(self, tokens: VisualTokens) -> bytes:
        """Bytes of `tokens`; equal tokens give equal bytes.

        Raises `ValueError` unless the values are finite and (n, d) with n and d above 0, or if the
        names of the maker are too long for a header.
        """
        from safetensors.numpy import save

        values = np.ascontiguousarray(tokens.values, dtype=np.float32)
        if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all():
            raise ValueError(
                f"visual tokens must be a non-empty (n, d) of finite numbers, not {values.shape}"
            )
        tensors = self.to_tensors(values)
        about = {
            "codec": self.name,
            "crc32": _checksum(tensors),
            "format": BLOB_FORMAT,
            "reader": tokens.reader,
            "revision": tokens.revision,
            "rung": tokens.rung,
            "shape": list(values.shape),
        }
        metadata = json.dumps(about, sort_keys=True, separators=(",", ":"))
        data = save(dict(tensors), {_METADATA: metadata})
        if int.from_bytes(data[:8], "little") > MAX_HEADER:
            raise ValueError(f"reader, revision and rung must fit a header of {MAX_HEADER} bytes")
        return data


F16 = TokenCodec("f16", _f16_pack, _f16_unpack, _f16_spec)
INT8 = TokenCodec("int8", _int8_pack, _int8_unpack, _int8_spec)
INT4 = TokenCodec("int4", _int4_pack, _int4_unpack, _int4_spec)
CODECS: Final = {codec.name: codec for codec in (F16, INT8, INT4)}


def codec(name: str) -> TokenCodec:
    """The codec called `name`: "f16", "int8" or "int4". Raises `InputError` for any other name."""
    if name not in CODECS:
        raise InputError(f"no token codec {name!r}; there are {', '.join(CODECS)}")
    return CODECS[name]


def unpack(data: bytes, *, expect: tuple[str, str, str] | None = None) -> VisualTokens:
    """Tokens from the bytes of any codec.

    `expect` is (reader, revision, rung). Raises `ReaderMismatch` if another reader, revision or
    rung made them. Raises `CorruptTokens` for anything that `pack` did not write, whole and
    unchanged.
    """
    about, tensors = _parse(data)
    maker = (about["reader"], about["revision"], about["rung"])
    if expect is not None and maker != expect:
        raise ReaderMismatch(f"tokens were made by {maker}, not by {expect}; encode the page again")
    values = CODECS[about["codec"]].to_values(tensors, *about["shape"])
    if not np.isfinite(values).all():
        raise CorruptTokens("the blob holds numbers that are not finite")
    return VisualTokens(values, *maker)


def blob_key(page_digest: str, reader: str, revision: str, rung: str, codec: str) -> str:
    """The key of a page's tokens in the cache: a digest of all that they depend on."""
    inputs = json.dumps([page_digest, reader, revision, rung, codec], separators=(",", ":"))
    return "sha256:" + hashlib.sha256(inputs.encode()).hexdigest()


def _checksum(tensors: Tensors) -> int:
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(np.ascontiguousarray(tensors[name]).view(np.uint8).data, crc)
    return crc


# ---- parsing -------------------------------------------------------------------------------------
# A blob may come from anywhere. Sizes are compared before anything of their size is allocated.


def _parse(data: bytes) -> tuple[dict[str, Any], Tensors]:
    """The checked metadata and tensors of a blob."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = _header(data)
    about = _about(header.pop("__metadata__", None))
    entries = {name: _entry(entry) for name, entry in header.items()}
    if entries != CODECS[about["codec"]].spec(*about["shape"]):
        raise CorruptTokens(
            f"the blob's tensors are not those of {about['codec']} at {about['shape']}"
        )
    try:
        tensors = load(data)
    except (SafetensorError, ValueError) as error:
        raise CorruptTokens(f"the blob is no safetensors file: {error}") from error
    if _checksum(tensors) != about.get("crc32"):
        raise CorruptTokens("the blob's checksum does not match its content")
    return about, tensors


def _header(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > MAX_HEADER or size > len(data) - 8:
        raise CorruptTokens(f"a header of {size} bytes in a blob of {len(data)}")
    return _json_object(data[8 : 8 + size])


def _json_object(text: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptTokens(f"the blob's header is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptTokens("the blob's header is no JSON object")
    return value


def _entry(entry: object) -> tuple[object, object]:
    """(dtype, shape) of one tensor as the header has them."""
    if not isinstance(entry, dict) or not isinstance(entry.get("shape"), list):
        return None, None
    return entry.get("dtype"), tuple(entry["shape"])


def _about(metadata: object) -> dict[str, Any]:
    """The checked JSON of the metadata: format, codec, maker, shape."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get(_METADATA), str):
        raise CorruptTokens("the blob does not say who made it")
    about = _json_object(metadata[_METADATA])
    if about.get("format") != BLOB_FORMAT or about.get("codec") not in list(CODECS):
        raise CorruptTokens(
            f"format {about.get('format')!r} with codec {about.get('codec')!r} is unknown"
        )
    if not all(isinstance(about.get(name), str) for name in ("reader", "revision", "rung")):
        raise CorruptTokens("the blob does not say who made it")
    if not _is_shape(about.get("shape")):
        raise CorruptTokens(f"the blob's shape {about.get('shape')!r} is no (n, d)")
    return about


def _is_shape(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return all(type(side) is int and side > 0 for side in value)  # True is an int too
