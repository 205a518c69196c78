"""Headers that promise more than the file has: refused before anything of that size is made."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest

from optical_memory.errors import CheckpointError, CorruptPicture
from optical_memory.loaders.content.utf8 import read_up_to
from optical_memory.readers.checkpoints.safetensors_files import read_header, read_json
from optical_memory.renderers.pictures import from_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MEBIBYTE = 2**20


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def head(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


BOMB = zlib.compress(bytes(50 * MEBIBYTE), 9)
DATA = chunk(b"IDAT", zlib.compress(bytes(72))) + chunk(b"IEND", b"")

LYING_PICTURES = {
    "2³¹ pixels a side": head(2**31 - 1, 2**31 - 1) + DATA,
    "a second header": head(8, 8) + head(100_000, 100_000) + DATA,
    "a header that comes second": chunk(b"tEXt", b"a\0b") + head(30_000, 30_000) + DATA,
    "a short header": chunk(b"IHDR", b"\0" * 9) + DATA,
    "a text that unpacks to much": head(8, 8) + chunk(b"zTXt", b"a\0\0" + BOMB) + DATA,
    "a colour profile that unpacks to much": head(8, 8) + chunk(b"iCCP", b"a\0\0" + BOMB) + DATA,
    "a chunk of 2³¹ bytes": head(8, 8) + struct.pack(">I", 2**31 - 1) + b"IDATxx",
    "no header": DATA,
    "nothing": b"",
}


@pytest.mark.parametrize("content", LYING_PICTURES.values(), ids=LYING_PICTURES)
def test_a_picture_that_lies_is_a_damaged_picture(content: bytes):
    tracemalloc.start()
    try:
        with pytest.raises(CorruptPicture):
            from_png(SIGNATURE + content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE


def tensor(**fields: Any) -> bytes:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | fields
    return json.dumps({"a": entry}).encode()


LYING_HEADERS = {
    "a shape of 2⁶²": tensor(shape=[2**62]),
    "a negative shape": tensor(shape=[-1]),
    "an end of 10³⁰": tensor(data_offsets=[0, 10**30]),
    "offsets that are texts": tensor(data_offsets=["0", "4"]),
    "a list": b"[1, 2]",
    "deep JSON": b"[" * 100_000,
    "a number of many digits": b'{"a": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("header", LYING_HEADERS.values(), ids=LYING_HEADERS)
def test_a_safetensors_header_that_lies_is_refused(header: bytes, tmp_path: Path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(CheckpointError, match="no safetensors file"):
        read_header(file)


@pytest.mark.parametrize("size", [2**63, 2**31, 2**24 + 1])
def test_the_size_of_a_header_is_checked_before_it_is_read(size: int, tmp_path: Path):
    file = tmp_path / "model.safetensors"
    with file.open("wb") as stream:
        stream.write(size.to_bytes(8, "little"))
        stream.truncate(2**25)
    with pytest.raises(CheckpointError, match="header is longer"):
        read_header(file)


def test_a_config_that_is_too_large_is_not_read(tmp_path: Path):
    file = tmp_path / "config.json"
    with file.open("wb") as stream:
        stream.truncate(3 * 2**30)
    with pytest.raises(CheckpointError, match="more than 33,554,432 bytes"):
        read_json(file)


def test_a_limit_takes_no_memory_that_a_file_does_not_need():
    tracemalloc.start()
    try:
        assert read_up_to(io.BytesIO(b"short"), 2**30) == b"short"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEBIBYTE
    assert read_up_to(io.BytesIO(b"a longer text"), 8) == b"a longer"
