"""Checkpoint folders whose index, headers or tensors do not go together are refused by name."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.readers.scripted_decoder import noise_tokens
from support.readers.small_checkpoints import Stock
from support.readers.zero_checkpoints import FILE, WriteZeros, shapes_of, zeros_in
from transformers import UnlimitedOcrForConditionalGeneration

import optical_memory.readers
from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.checkpoints.safetensors_files import INDEX, read_header, write_sparse
from optical_memory.readers.checkpoints.strict_load import (
    KeyDifferences,
    load_stock,
    written_shapes,
)
from optical_memory.readers.deepseek.families import V2
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys, load_half
from optical_memory.readers.pocket.network import pocket_config

POCKET = Path(optical_memory.readers.__file__).parent / "pocket" / "checkpoint"


@pytest.fixture
def write_zeros(stock: dict[str, Stock], tmp_path: Path) -> WriteZeros:
    return zeros_in(tmp_path / "zeros", stock)


# ---- the index -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        (None, "no 'weight_map'"),
        ([FILE], "no 'weight_map'"),
        ({}, "no 'weight_map'"),
        ({"lm_head.weight": 5}, "names no file for lm_head"),
        ({"lm_head.weight": None}, "names no file for lm_head"),
        ({"lm_head.weight": [FILE]}, "names no file for lm_head"),
        ({"lm_head.weight": ""}, "names no file for lm_head"),
        (
            {"lm_head.weight": "../outside.safetensors"},
            r"outside\.safetensors for lm_head\.weight, which is outside",
        ),
        ({"lm_head.weight": "..\\outside.safetensors"}, "which is outside"),
        ({"lm_head.weight": "/outside.safetensors"}, "which is outside"),
        ({"lm_head.weight": "sub/gone.safetensors"}, r"lacks gone\.safetensors"),
    ],
)
def test_an_index_that_names_no_files_is_refused(
    weight_map: object, message: str, write_zeros: WriteZeros
) -> None:
    folder = write_zeros()
    (folder.parent / "outside.safetensors").write_bytes((folder / FILE).read_bytes())
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=message):
        open_folder(folder)


def test_every_tensor_of_the_index_is_in_its_file(
    stock: dict[str, Stock], write_zeros: WriteZeros
) -> None:
    """DeepSeek-OCR-2's config.json does not say how many layers its encoder has: only the index
    knows of a lost one.
    """
    shapes = shapes_of(stock, V2.id)
    root = "model.qwen2_model.model.model.layers.1."
    last_layer = sorted(name for name in shapes if name.startswith(root))
    removals = dict.fromkeys(name.replace(".", "__") for name in last_layer)
    folder = write_zeros(V2.id, **removals)
    assert check_keys(open_folder(folder)).is_empty
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(shapes, FILE)}))
    names = ", ".join(last_layer[:3])
    with pytest.raises(CheckpointError, match=rf"{FILE} in .* lacks {names} and 9 more"):
        open_folder(folder)


def test_a_tensor_in_another_file_than_the_index_says_is_refused(
    stock: dict[str, Stock], write_zeros: WriteZeros
) -> None:
    folder = write_zeros()
    save_file({"more": torch.zeros(1)}, folder / "more.safetensors")
    weight_map = {"more": FILE, "lm_head.weight": "more.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=r"lacks lm_head\.weight, more, which"):
        open_folder(folder)


# ---- headers -------------------------------------------------------------------------------------

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": GOOD | {"data_offsets": [0, 4]}},  # less than the shape needs
        {"a": GOOD | {"shape": [1]}},
        {"a": GOOD, "b": GOOD},  # one over the other
        {"a": GOOD | {"data_offsets": [-8, 0]}},
        {"a": GOOD | {"data_offsets": [8, 0]}},
        {"a": GOOD | {"data_offsets": [0]}},
        {"a": GOOD | {"data_offsets": None}},
        {"a": GOOD | {"data_offsets": [0, 8.5]}},
        {"a": GOOD | {"data_offsets": [0, "8"]}},
        {"a": {"dtype": "F32", "data_offsets": [0, 8]}},
        {"a": {"shape": [2], "data_offsets": [0, 8]}},
        {"a": GOOD | {"shape": None}},
        {"a": GOOD | {"shape": [2.0]}},
        {"a": GOOD | {"shape": [-2]}},
        {"a": GOOD | {"dtype": "F33"}},
        {"a": GOOD | {"dtype": None}},
        {"a": []},
        {"a": None},
        [],
        5,
    ],
)
def test_a_header_that_does_not_hold_together_is_refused(header: object, tmp_path: Path) -> None:
    _write_file(tmp_path / FILE, json.dumps(header))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is no safetensors file: "):
        read_header(tmp_path / FILE)


def _write_file(file: Path, header: str, data: bytes = b"12345678") -> None:
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + data)


def test_a_header_of_brackets_or_of_no_end_is_refused(tmp_path: Path) -> None:
    _write_file(tmp_path / FILE, "[" * 200_000)
    with pytest.raises(CheckpointError, match="is no safetensors file"):
        read_header(tmp_path / FILE)
    (tmp_path / FILE).write_bytes(b"\xff" * 16)
    with pytest.raises(CheckpointError, match="header is longer than the file"):
        read_header(tmp_path / FILE)
    _write_file(tmp_path / FILE, json.dumps({"a": GOOD}), b"123")
    with pytest.raises(CheckpointError, match="5 bytes are missing at its end"):
        read_header(tmp_path / FILE)


@pytest.mark.parametrize("dtype", ["F64", "I64", "I8", "F8_E4M3", "BOOL"])
def test_numbers_that_cannot_be_weights_are_refused(dtype: str, write_zeros: WriteZeros) -> None:
    folder = write_zeros()
    _change_dtype(folder / FILE, "lm_head.weight", dtype)
    checkpoint = open_folder(folder)
    mismatch = f"lm_head.weight of {dtype}, not BF16, F16, F32"
    assert check_keys(checkpoint) == KeyDifferences(mismatched=(mismatch,))
    with pytest.raises(CheckpointError, match=f"1 mismatched: {mismatch}"):
        load_half(checkpoint, "decoder")
    load_half(checkpoint, "encoder")


def test_a_tensor_that_nothing_uses_may_have_any_numbers(write_zeros: WriteZeros) -> None:
    folder = write_zeros(model__vision_model__embeddings__position_ids=(1, 257))
    _change_dtype(folder / FILE, "model.vision_model.embeddings.position_ids", "I64")
    assert check_keys(open_folder(folder)).is_empty


def _change_dtype(file: Path, name: str, dtype: str) -> None:
    """Rewrite a file of zeros so that the numbers of a tensor have another dtype."""
    n_bytes = {"BF16": 2, "F64": 8, "I64": 8, "I8": 1, "F8_E4M3": 1, "BOOL": 1}
    header: dict[str, dict[str, Any]] = {}
    end = 0
    for key, tensor in read_header(file).tensors.items():
        start = end
        other_dtype = dtype if key == name else tensor["dtype"]
        end += n_bytes[other_dtype] * prod(tensor["shape"])
        header[key] = tensor | {"dtype": other_dtype, "data_offsets": [start, end]}
    text = json.dumps(header)
    _write_file(file, text, b"")
    with file.open("r+b") as stream:
        stream.truncate(8 + len(text) + end)


def test_a_newline_of_another_width_is_named_where_a_page_is_read(write_zeros: WriteZeros) -> None:
    """Also by a process that reads cached pages on servers, and loads neither half."""
    reader = open_reader(str(write_zeros(model__image_newline=(32,))))
    assert isinstance(reader, DeepseekReader)
    with pytest.raises(
        CheckpointError, match=r"model\.image_newline of shape \(32,\), not \(64,\)"
    ):
        reader.decoder_input(noise_tokens(reader, "tiny"))


# ---- pocket --------------------------------------------------------------------------------------

EXPERT = "model.layers.0.mlp.experts.3.down_proj.weight"


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (EXPERT, None, f"1 missing: {EXPERT}$"),
        (EXPERT, (128, 288), "experts.3.down_proj.weight of shape "),
        (EXPERT.replace("3", "8"), (288, 128), r"1 unexpected: .*experts\.8\.down_proj\.weight$"),
        ("lm_head.weight", (5, 288), r"lm_head\.weight of shape \(5, 288\), not "),
        ("lm_head.weight_more", (5,), r"1 unexpected: lm_head\.weight_more$"),
        ("model.norm.weight", None, r"1 missing: model\.language_model\.norm\.weight$"),
    ],
)
def test_pocket_is_not_loaded_with_one_wrong_tensor(
    name: str, shape: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    shapes = dict(written_shapes(UnlimitedOcrForConditionalGeneration, pocket_config()))
    shapes.pop(name, None)
    if shape is not None:
        shapes[name] = shape
    (tmp_path / "config.json").write_bytes((POCKET / "config.json").read_bytes())
    write_sparse(tmp_path / FILE, shapes)
    with pytest.raises(CheckpointError, match=message):
        load_stock(UnlimitedOcrForConditionalGeneration, tmp_path, pocket_config())
