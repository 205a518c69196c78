"""Targets: what lies in stores and folders, changed by a disk, a program or a stranger."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from safetensors.numpy import save

from optical_memory.readers.checkpoints.safetensors_files import read_header, read_headers
from optical_memory.renderers.pictures import from_png, png_bytes
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_from_bytes, segment_to_bytes
from optical_memory.session.records import PageRecord, SessionRecord, TurnRecord, load_record
from optical_memory.session.snapshot import Snapshot
from optical_memory.session.stored_page import StoredPage
from optical_memory.stores.base import Kind, Put, Version
from optical_memory.tokens import CODECS, VisualTokens, unpack
from support.fuzzer.full_session import READER, records_of_kind
from support.fuzzer.odd import dumped, flipped, odd_json
from support.fuzzer.target import BrokenPromiseError, Target

__all__ = ["STORED_BYTES"]

CLASSES = {"session": SessionRecord, "turn": TurnRecord, "page": PageRecord}
KINDS: tuple[Kind, ...] = ("session", "turn", "page")

# ---- records -------------------------------------------------------------------------------------


def _make_record(rng: Random) -> bytes:
    kind = rng.choice(KINDS)
    return kind.encode() + b"\n" + odd_json(rng.choice(records_of_kind(kind)), rng)


def _check_record(case: bytes) -> None:
    """A snapshot takes the record or counts it as damage; parsing it does the same."""
    name, _, value = case.partition(b"\n")
    kind: Kind = next(kind for kind in KINDS if kind.encode() == name)
    snapshot = Snapshot().after([Put(kind, "0000001", value)], Version("e", 1))
    for turn in snapshot.turns.values():
        _ = (turn.turn, turn.content)
    for page in snapshot.pages.values():
        StoredPage.of(page, snapshot)
    load_record(CLASSES[kind], value)


# ---- parts of a page's record --------------------------------------------------------------------


@cache
def _page_parts() -> list[bytes]:
    """Layouts, ledgers and certificates, as they lie in records."""
    parts: list[bytes] = []
    for value in records_of_kind("page"):
        record = json.loads(value)
        parts += [
            dumped({name: record[name]})
            for name in ("layout", "ledger", "certificate")
            if name in record
        ]
    return parts


def _make_part(rng: Random) -> bytes:
    part = json.loads(rng.choice(_page_parts()))
    (name,) = part
    return name.encode() + b"\n" + odd_json(dumped(part[name]), rng)


def _check_part(case: bytes) -> None:
    name, _, value = case.partition(b"\n")
    record = json.loads(records_of_kind("page")[0])
    whole = dumped(record)[:-1] + b',"' + name + b'":' + value + b"}"
    _check_record(b"page\n" + whole)


# ---- tokens --------------------------------------------------------------------------------------


@cache
def _blobs() -> list[bytes]:
    values = np.random.default_rng(0).normal(size=(9, 40)).astype(np.float32)
    tokens = VisualTokens(values, "template", "1", "tiny")
    return [codec.pack(tokens) for codec in CODECS.values()]


def _make_blob(rng: Random) -> bytes:
    blob = rng.choice(_blobs())
    if rng.random() < 0.5:
        return flipped(blob, rng)
    return _with_odd_header(blob, rng)


def _with_odd_header(data: bytes, rng: Random) -> bytes:
    """A safetensors file with another JSON in its header, and mostly the right length."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = odd_json(data[8:end], rng)
    size = len(header) if rng.random() < 0.9 else rng.getrandbits(64)
    return size.to_bytes(8, "little") + header + data[end:]


def _check_blob(case: bytes) -> None:
    tokens = unpack(case)
    if not np.isfinite(tokens.values).all() or tokens.values.ndim != 2:
        raise BrokenPromiseError(f"tokens of shape {tokens.values.shape}")
    if case not in _blobs() and not any(_same(tokens, unpack(blob)) for blob in _blobs()):
        raise BrokenPromiseError("another blob has a right checksum")


def _same(tokens: VisualTokens, others: VisualTokens) -> bool:
    """The same numbers. INT4 fills up groups of 32, so its bytes do not tell 40 numbers from 42."""
    width = min(tokens.values.shape[1], others.values.shape[1])
    return np.array_equal(tokens.values[:, :width], others.values[:, :width])


# ---- the search index ----------------------------------------------------------------------------


@cache
def _segments() -> list[bytes]:
    return records_of_kind("index")


def _make_segment(rng: Random) -> bytes:
    segment = rng.choice(_segments())
    if rng.random() < 0.5:
        return flipped(segment, rng)
    line, _, arrays = segment.partition(b"\n")
    return odd_json(line, rng) + b"\n" + arrays


def _check_segment(case: bytes) -> None:
    segment = segment_from_bytes(case)
    segment_from_bytes(segment_to_bytes(segment))
    Segment.merged([segment, segment]).in_order().without([1]).cut(2, 3, 9)


# ---- pictures ------------------------------------------------------------------------------------


@cache
def _pictures() -> list[bytes]:
    grays = np.random.default_rng(0).integers(0, 16, (24, 24)).astype(np.uint8) * 17
    return [png_bytes(grays), png_bytes((grays > 100).astype(np.uint8) * 255)]


def _make_picture(rng: Random) -> bytes:
    return flipped(rng.choice([*_pictures(), *records_of_kind("picture")[:2]]), rng)


def _check_picture(case: bytes) -> None:
    image = from_png(case)
    if image.dtype != np.uint8 or image.ndim != 2:
        raise BrokenPromiseError(f"a picture of shape {image.shape}")
    if image.shape == (READER.profile.ladder[0].side_px,) * 2:
        READER.encode([image], READER.profile.ladder[0])


# ---- checkpoints ---------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-checkpoint-"))


def _make_checkpoint(rng: Random) -> bytes:
    data = save({"a": np.ones((2, 3), np.float32), "b": np.zeros(4, np.int8)}, {"format": "pt"})
    return _with_odd_header(data, rng) if rng.random() < 0.7 else flipped(data, rng)


def _check_checkpoint(case: bytes) -> None:
    file = _folder() / "model.safetensors"
    file.write_bytes(case)
    header = read_header(file)
    if any("data_offsets" not in tensor for tensor in header.tensors.values()):
        raise BrokenPromiseError("a tensor without a place")
    read_headers(_folder())


STORED_BYTES = (
    Target("records", 0.28, _make_record, _check_record),
    Target("page-parts", 0.1, _make_part, _check_part),
    Target("tokens", 0.16, _make_blob, _check_blob),
    Target("index", 0.1, _make_segment, _check_segment),
    Target("pictures", 0.08, _make_picture, _check_picture),
    Target("checkpoints", 0.05, _make_checkpoint, _check_checkpoint),
)
"""What a store and a checkpoint folder hold."""
