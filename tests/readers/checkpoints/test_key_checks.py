"""Checkpoints are checked without their weights, the published ones by their lists of shapes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from support.readers.change_checkpoint import change_checkpoint
from support.readers.small_checkpoints import Stock
from tokenizers import Tokenizer
from tokenizers.normalizers import Strip

from optical_memory.errors import CheckpointError
from optical_memory.readers.check import check_paper, check_reader
from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.weights import check_keys
from optical_memory.readers.language.family import Family

NAMES = {V1: "deepseek_ocr_v1", UNLIMITED: "unlimited_ocr", V2: "deepseek_ocr_2"}
EVERY_FAMILY = pytest.mark.parametrize("family", [V1, UNLIMITED, V2], ids=lambda family: family.id)


# ---- a folder ------------------------------------------------------------------------------------


@EVERY_FAMILY
def test_a_folder_is_checked_without_its_weights(family: Family, stock: dict[str, Stock]) -> None:
    report = check_reader(str(stock[family.id][0]), device="cpu")
    assert (report.missing, report.unexpected, report.mismatched, report.problems) == (0, 0, 0, ())


def test_a_tokenizer_that_loses_line_breaks_is_a_problem(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    norm = torch.ones(64)
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "changed", model__norm__weight=norm)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.normalizer = Strip()
    tokenizer.save(str(folder / "tokenizer.json"))
    report = check_reader(str(folder), device="cpu")
    assert any("Free OCR" in problem for problem in report.problems)


def test_checking_names_a_missing_key_as_the_files_do(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "changed", model__norm__weight=None)
    assert check_keys(open_folder(folder)).missing == ("model.norm.weight",)


# ---- the published checkpoints -------------------------------------------------------------------


@EVERY_FAMILY
def test_small_checkpoints_have_the_published_key_names(
    family: Family, stock: dict[str, Stock], data_dir: Path
) -> None:
    shapes = read_json(data_dir / "checkpoints" / f"{NAMES[family]}.shapes.json")["tensors"]
    numbers = re.compile(r"(?<=\.)\d+(?=\.)")
    names = {numbers.sub("N", name) for name in open_folder(stock[family.id][0]).shapes}
    assert names == {numbers.sub("N", name) for name in shapes}


@EVERY_FAMILY
def test_every_published_tensor_has_its_place(family: Family, data_dir: Path) -> None:
    folder = data_dir / "checkpoints"
    shapes = folder / f"{NAMES[family]}.shapes.json"
    config = folder / f"{NAMES[family]}.config.json"
    report = check_paper(shapes, config, device="cpu")
    assert (report.missing, report.unexpected, report.mismatched) == (0, 0, 0)
    assert 2_934e6 < report.halves[1].parameters < 2_936e6


@pytest.mark.parametrize(
    "tensor",
    ["model.layers.7.mlp.experts.40.down_proj.weight", "model.norm.weight", "model.view_seperator"],
)
def test_a_published_checkpoint_without_one_tensor_is_refused(
    tensor: str, data_dir: Path, tmp_path: Path
) -> None:
    folder = data_dir / "checkpoints"
    shapes = read_json(folder / "deepseek_ocr_v1.shapes.json")
    del shapes["tensors"][tensor]
    (tmp_path / "shapes.json").write_text(json.dumps(shapes))
    config = folder / "deepseek_ocr_v1.config.json"
    report = check_paper(tmp_path / "shapes.json", config, device="cpu")
    assert (report.missing, report.unexpected, report.mismatched) == (1, 0, 0)
    assert f"missing {tensor}" in report.problems


def test_a_published_encoder_has_all_its_layers(data_dir: Path, tmp_path: Path) -> None:
    """Its config.json does not say how many there are, and a list of shapes has no index."""
    folder = data_dir / "checkpoints"
    shapes = read_json(folder / "deepseek_ocr_2.shapes.json")
    root = "model.qwen2_model.model.model.layers.23."
    last_layer = [name for name in shapes["tensors"] if name.startswith(root)]
    for name in last_layer:
        del shapes["tensors"][name]
    (tmp_path / "shapes.json").write_text(json.dumps(shapes))
    config = folder / "deepseek_ocr_2.config.json"
    report = check_paper(tmp_path / "shapes.json", config, device="cpu")
    assert last_layer
    assert (report.missing, report.unexpected, report.mismatched) == (len(last_layer), 0, 0)


@pytest.mark.parametrize("shape", ["8", [1.5], [-1], [10**30], [True], None])
def test_shapes_that_no_tensor_has_are_refused(
    shape: object, stock: dict[str, Stock], tmp_path: Path
) -> None:
    (tmp_path / "shapes.json").write_text(json.dumps({"tensors": {"model.norm.weight": shape}}))
    with pytest.raises(CheckpointError, match="shape"):
        check_paper(tmp_path / "shapes.json", stock[V1.id][0] / "config.json", device="cpu")
